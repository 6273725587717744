"""What can be known to fail before anything is started."""

import errno
import importlib.util
import os
import shutil
import socket
from pathlib import Path

import psutil

from cdp.runner import holding
from cdp.runner.problems import StartProblem

NEEDED_MODULES = ("django", "celery", "redis", "psycopg", "granian", "rest_framework", "psutil", "whitenoise")
SMALLEST_FREE_DISK = 300 * 1024 * 1024


def check_modules() -> None:
    """Every package that the children import is installed."""
    missing = [name for name in NEEDED_MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise StartProblem(
            cause=f"Python module(s) missing here: {', '.join(missing)}.",
            mend="run `make install`, then `make run` (or `.venv/bin/python manage.py up`).",
        )


def check_disk(folder: Path) -> None:
    """Room for the database's first steps."""
    free = shutil.disk_usage(folder).free
    if free < SMALLEST_FREE_DISK:
        raise StartProblem(
            cause=f"the disk is full: {free // 2**20} MB free under {folder}, {SMALLEST_FREE_DISK // 2**20} MB needed.",
            mend="make room, or set CDP_DATA_DIR to another disk.",
        )


def check_port(host: str, port: int) -> None:
    """The web server's address is free."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _port_problem(host, port, error) from None


def _port_problem(host: str, port: int, error: OSError) -> StartProblem:
    if error.errno == errno.EADDRINUSE:
        free = _a_free_port(port)
        cause = f"port {port} is taken{_by_whom(port)}."
        return StartProblem(cause=cause, mend=f"stop that program, or choose another port: CDP_PORT={free} make run.")
    cause = f"port {port} on {host} cannot be opened ({os.strerror(error.errno or 0)})."
    return StartProblem(cause=cause, mend="set CDP_HOST and CDP_PORT to an address of this machine.")


def _by_whom(port: int) -> str:
    try:
        owners = [
            c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.status == "LISTEN"
        ]
        owner = psutil.Process(next(pid for pid in owners if pid))
        return f" by {owner.name()} (process {owner.pid})"
    except (psutil.Error, StopIteration, OSError):
        return ""


def _a_free_port(port: int) -> int:
    for candidate in range(port + 1, port + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", candidate)) != 0:
                return candidate
    return port + 1


def busy(folder: Path) -> StartProblem:
    """Another supervisor or test run has this data folder."""
    return StartProblem(
        cause=f"the data folder {folder} is in use by process {holding.holder(folder)}.",
        mend="it is already running: open it, stop it with Ctrl-C, or set CDP_DATA_DIR to another folder.",
    )


def system_problem(error: OSError) -> StartProblem:
    """A refusal of the operating system in words."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return StartProblem(cause=f"the disk is full{where}.", mend="make room, or set CDP_DATA_DIR to another disk.")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return StartProblem(
            cause=f"a file belongs to somebody else{where}.",
            mend="run as its owner, or set CDP_DATA_DIR to a folder of your own.",
        )
    return StartProblem(cause=f"the system refused{where}: {error.strerror or error}.", mend="see the line above.")
