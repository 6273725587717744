"""The whole product as a user starts it, in a folder of its own, on a free port."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Product:
    """Where it answers, and what is needed to speak to it."""

    url: str
    write_key: str
    folder: Path
    process: "subprocess.Popen[bytes]"


def manage(*arguments: str) -> str:
    """Run a management command against the product of CDP_DATA_DIR; its standard output."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout


@contextmanager
def running_product() -> Iterator[Product]:
    """Start it empty and stop it cleanly; Django in this process is set up to look at its database."""
    folder = Path(tempfile.mkdtemp(prefix="cdp-bench-", dir=os.environ.get("CDP_BENCH_DIR")))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"CDP_DATA_DIR": str(folder), "CDP_PORT": str(port), "DJANGO_SETTINGS_MODULE": "cdp.settings"}
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--no-demo"], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    try:
        _await(url, process)
        import django

        django.setup()
        key = json.loads(manage("create_source", "Benchmark", "--kind", "server", "--format", "json"))["write_key"]
        yield Product(url, key, folder, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the product did not become ready")
