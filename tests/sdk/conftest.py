"""The product's own web server on a free port, on the test database."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest
from django.conf import settings
from django.db import connection

PROJECT = Path(__file__).resolve().parents[2]


def free_port() -> int:
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


@pytest.fixture
def web(transactional_db: None) -> Iterator[int]:
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--blocking-threads", "8", "--no-ws", "cdp.wsgi:application",
    ]  # fmt: skip
    environment = os.environ | {
        "CDP_DATABASE_URL": database_url(),
        "CDP_REDIS_URL": settings.REDIS_URL,
        "CDP_SECRET_KEY": settings.SECRET_KEY,
    }
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _await(port, process)
        yield port
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        process.wait(20)
        psutil.wait_procs(family, timeout=10)


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.post(f"http://127.0.0.1:{port}/v1/m", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the web server did not start")
