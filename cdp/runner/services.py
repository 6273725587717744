"""The two servers that everything else needs: PostgreSQL and Valkey, and the file that says where they are.

`python -m cdp.runner.services` runs them alone in the foreground, for work on the code without web and workers.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdp import environment
from cdp.runner import holding, leftovers, postgres, processes, valkey
from cdp.runner.problems import StartProblem

# A server that has to replay its log after a crash may take long.
PATIENCE = 120.0


@dataclass(frozen=True)
class Server:
    """A server of ours, ready to be started."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    stop_signal: int
    popen_arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The embedded servers of a data folder; none of a kind that the environment points elsewhere."""

    folder: Path
    cluster: postgres.Cluster | None
    broker: valkey.Broker | None

    def servers(self) -> list[Server]:
        """In the order in which they start."""
        found = []
        if self.cluster:
            # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for its clients for ever.
            arguments = self.cluster.popen_arguments()
            found.append(Server("postgres", self.cluster.command(), self.cluster.is_ready, signal.SIGINT, arguments))
        if self.broker:
            found.append(Server("valkey", self.broker.command(), self.broker.is_ready, signal.SIGTERM))
        return found

    def log(self, name: str) -> Path:
        """Where a process of this data folder writes."""
        return self.folder / "logs" / f"{name}.log"


def prepare(folder: Path) -> Plan:
    """Create what is missing in the data folder and say where the servers are. Starts nothing."""
    claim(folder)
    plan = Plan(
        folder=folder,
        cluster=None if environment.envsecret("CDP_DATABASE_URL") else postgres.prepare(folder),
        broker=None if environment.envsecret("CDP_REDIS_URL") else valkey.prepare(folder),
    )
    addresses = {}
    if plan.cluster:
        addresses["database_url"] = plan.cluster.url()
    if plan.broker:
        addresses["redis_url"] = plan.broker.url()
    postgres.write_private(folder / environment.SERVICES_FILE, json.dumps(addresses, indent=1))
    return plan


def claim(folder: Path) -> None:
    """Make the data folder, and see that it is ours. Other accounts may pass through it (PostgreSQL's), not read it."""
    try:
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner != os.geteuid():
            raise PermissionError
        folder.chmod(0o711 if owner == 0 else 0o700)
        (folder / "static").mkdir(exist_ok=True)
        key = folder / environment.SECRET_KEY_FILE
        if not key.exists():
            postgres.write_private(key, os.urandom(48).hex())
    except PermissionError:
        raise StartProblem(
            cause=f"the data folder {folder} belongs to somebody else.",
            mend="run as its owner, or set CDP_DATA_DIR to a folder of your own.",
        ) from None
    except (FileExistsError, NotADirectoryError):
        raise StartProblem(cause=f"{folder} is not a folder.", mend="set CDP_DATA_DIR to a folder.") from None


def launch(plan: Plan, server: Server) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers."""
    log = plan.log(server.name)
    process = processes.start(
        server.command, log=log, death_signal=server.stop_signal, popen_arguments=server.popen_arguments
    )
    deadline = time.monotonic() + PATIENCE
    while not server.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            processes.stop(process, stop_signal=server.stop_signal, patience=10)
            raise StartProblem(cause=f"{server.name} did not start ({last_line(log)}).", mend=f"see {log}.")
        time.sleep(0.03)
    return process


def last_line(log: Path) -> str:
    """The last complaint of a process, or else the last thing that it said."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-40:]
    except OSError:
        return "no log"
    complaints = [line for line in lines if any(word in line for word in ("FATAL", "Error:", "ERROR", "rror: "))]
    return [*lines, *complaints][-1].strip() if lines else "it said nothing"


def ensure(folder: Path) -> Callable[[], None]:
    """See that both servers answer; returns what stops those that we started.

    When another process (the product itself, another test run) holds the data folder, its servers are used.
    """
    plan = prepare(folder)
    held = holding.hold(folder)
    if held is None:
        _wait(plan)
        return lambda: None
    leftovers.stop_leftovers(plan.folder, plan.cluster)
    started = [(server, launch(plan, server)) for server in plan.servers()]
    if plan.cluster:
        plan.cluster.create_database()

    def stop() -> None:
        for server, process in reversed(started):
            processes.stop(process, stop_signal=server.stop_signal, patience=30)
        held.close()

    return stop


def _wait(plan: Plan) -> None:
    deadline = time.monotonic() + PATIENCE
    for server in plan.servers():
        while not server.is_ready():
            if time.monotonic() > deadline:
                raise StartProblem(
                    cause=f"{server.name} of process {holding.holder(plan.folder)} does not answer.",
                    mend="stop that process and start again.",
                )
            time.sleep(0.1)


def main() -> int:
    """Run both servers until Ctrl-C."""
    folder = environment.data_folder()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        stop = ensure(folder)
    except StartProblem as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"PostgreSQL and Valkey answer ({folder / environment.SERVICES_FILE}). Ctrl-C stops them.\n")
    sys.stdout.flush()
    signal.pause()
    stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
