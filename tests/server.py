"""The product's own web server as a process of its own, on the test database."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
from django.conf import settings
from django.db import connection

from cdp.runner import children

PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS = 240.0


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """The test database as a URL for another process."""
    told = connection.settings_dict
    host = quote(str(told["HOST"]), safe="")
    return (
        f"postgresql://{told['USER']}:{quote(str(told['PASSWORD']), safe='')}@/{told['NAME']}"
        f"?host={host}&port={told['PORT'] or 5432}"
    )


@contextmanager
def web_server() -> Iterator[int]:
    """A running server, started as `make run` starts it; gives its port. The test database must exist already."""
    port = free_port()
    command = list(children.web().command)
    command[command.index("--port") + 1] = str(port)
    environment = os.environ | {
        "CDP_DATABASE_URL": database_url(),
        "CDP_REDIS_URL": settings.REDIS_URL,
        "CDP_SECRET_KEY": settings.SECRET_KEY,
    }
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL)
    try:
        _await(port, process)
        yield port
    finally:
        end_family(process, patience=10)


def end_family(process: "subprocess.Popen[bytes]", *, patience: float) -> None:
    """Ask a process to end, and after `patience` seconds end it and its children by force."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for one in psutil.wait_procs(family, timeout=2)[1]:
        one.kill()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.post(f"http://127.0.0.1:{port}/v1/m", timeout=60, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the web server did not start within {_START_SECONDS:.0f} s")
