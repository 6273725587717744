"""What an earlier run may have left behind after `kill -9`: processes of this data folder, and stale pid files."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from cdp.runner.postgres import Cluster

# Every process that the supervisor starts carries this variable; its value is the data folder.
MARK = "CDP_SUPERVISED"


def stop_leftovers(folder: Path, cluster: Cluster | None) -> list[str]:
    """Stop every process that still works for this data folder, and remove pid files that name nobody.

    Only called while the data folder is held, so none of them belongs to a running supervisor.
    Returns sentences for the terminal.
    """
    said = []
    servers = list(_working_in([folder / "valkey", *([cluster.data] if cluster else [])]))
    ours = [process for process in [*_marked(folder), *servers] if process.is_running()]
    if ours:
        said.append(f"stopped {len(ours)} process(es) that an earlier run had left")
        _stop(ours)
    for stale in _stale_files(cluster) if cluster else []:
        stale.unlink(missing_ok=True)
        said.append(f"removed a stale {stale.name}: the process it names is not this PostgreSQL")
    return said


def kill_backends(cluster: Cluster) -> None:
    """After the server's main process was killed: the others still hold the shared memory and would delay a restart."""
    for process in _working_in([cluster.data]):
        with contextlib.suppress(psutil.Error):
            process.kill()


def _stop(ours: list[psutil.Process]) -> None:
    for process in ours:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT if process.name().startswith("postgres") else signal.SIGTERM)
    _, alive = psutil.wait_procs(ours, timeout=10)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def _marked(folder: Path) -> Iterator[psutil.Process]:
    for process in _others():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(folder):
                yield process


def _working_in(folders: list[Path]) -> Iterator[psutil.Process]:
    wanted = {str(folder) for folder in folders}
    for process in _others():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd() in wanted and process.name().startswith(("postgres", "valkey-server")):
                yield process


def _others() -> Iterator[psutil.Process]:
    mine = psutil.Process().pid
    return (process for process in psutil.process_iter() if process.pid != mine)


def _stale_files(cluster: Cluster) -> list[Path]:
    """Lock files that name a living process which is not this server: a number given away again, or a zombie.

    A number that nobody has is left to PostgreSQL, which recognises that by itself.
    """
    serving = {process.pid for process in _working_in([cluster.data])}
    named = {path: cluster.pid_in(path) for path in cluster.lock_files()}
    return [path for path, pid in named.items() if pid and psutil.pid_exists(pid) and pid not in serving]
