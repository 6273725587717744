"""A running product in a data folder of its own, for tests that kill parts of it."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from cdp.environment import PROJECT_FOLDER
from cdp.runner.leftovers import MARK

# Generous: the machine that runs the tests may be busy with others.
START_PATIENCE = 240.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, is_so: Callable[[], bool], patience: float) -> None:
    """Wait for a fact, or fail naming it."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.1)


class Product:
    """`manage.py up --no-demo` and what belongs to it."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.output = folder.with_name(f"{folder.name}.out")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """No variable of the test run's own servers."""
        mine = {key: value for key, value in os.environ.items() if not key.startswith("CDP_")}
        return {**mine, "CDP_DATA_DIR": str(self.folder), "CDP_PORT": str(self.port)}

    def up(self, *, wait: bool = True) -> None:
        """Start; by default wait for the banner."""
        self.output.write_text("", encoding="utf-8")
        command = [sys.executable, "manage.py", "up", "--no-demo"]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=PROJECT_FOLDER, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        if wait:
            wait_until("the banner", self._banner_or_death, START_PATIENCE)
            assert "Ready in" in self.said(), self.said()

    def _banner_or_death(self) -> bool:
        assert self.process
        return "Ready in" in self.said() or self.process.poll() is not None

    def said(self) -> str:
        """Everything on its terminal so far."""
        return self.output.read_text(encoding="utf-8")

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another command beside the running product."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=PROJECT_FOLDER, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )

    def get(self, path: str) -> int:
        """The status of an answer; 0 when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def tree(self) -> list[psutil.Process]:
        """Every process of this data folder, orphans included, the supervisor excluded."""
        return list(self._tree())

    def _tree(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                here = process.cwd().startswith(str(self.folder)) or process.environ().get(MARK) == str(self.folder)
                if here and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def child(self, name: str) -> psutil.Process:
        """A direct child of the supervisor by its name in the product."""
        pattern = {
            "postgres": r"bin/postgres -D",
            "valkey": r"valkey-server",
            "web": r"-m granian",
            "beat": r"celery .* beat ",
            "work": r"-n work@",
            "pipeline": r"-n pipeline@",
            "linkage": r"-n linkage@",
        }[name]
        assert self.process
        for process in psutil.Process(self.process.pid).children():
            if re.search(pattern, " ".join(process.cmdline())):
                return process
        raise LookupError(name)

    def has(self, name: str, *, other_than: int) -> bool:
        """True when the child runs again under a new number."""
        try:
            return self.child(name).pid != other_than
        except (LookupError, psutil.Error):
            return False

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop like Ctrl-C; the exit code."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=300)

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop()
            self.process.kill()
            self.process.wait()
        for process in self.tree():
            with contextlib.suppress(psutil.Error):
                process.kill()
