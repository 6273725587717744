"""The processes of the product on one machine: what each is called, how it is started and how it is stopped."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdp.environment import PROJECT_FOLDER, envint, envstr
from cdp.runner import leftovers
from cdp.runner.services import Plan, Server


@dataclass(frozen=True)
class Child:
    """One process under supervision.

    Children of a lower `phase` are stopped first: the web server drains before the workers, they before the servers.
    """

    name: str
    command: list[str]
    phase: int
    patience: float
    stop_signal: int = signal.SIGTERM
    restart: bool = True
    popen_arguments: dict[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    before_restart: Callable[[], None] | None = None


def python(*words: str) -> list[str]:
    """A command of the interpreter that runs us."""
    return [sys.executable, *words]


def environment(folder: Path) -> dict[str, str]:
    """Variables of every child."""
    return {
        **os.environ,
        "CDP_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "cdp.settings",
        "PYTHONUNBUFFERED": "1",
        # Glibc's arenas per thread cost 20-40 MB in each threaded process.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # Celery would load every page and form to check them; `make check` does that once for all.
        "CELERY_SKIP_CHECKS": "true",
        leftovers.MARK: str(folder),
    }


def server(plan: Plan, item: Server) -> Child:
    """An embedded server under supervision."""
    cluster = plan.cluster
    restore = (lambda: leftovers.kill_backends(cluster)) if cluster and item.name == "postgres" else None
    return Child(
        name=item.name,
        command=item.command,
        phase=4 if item.name == "postgres" else 3,
        patience=30,
        stop_signal=item.stop_signal,
        popen_arguments=item.popen_arguments,
        before_restart=restore,
    )


# A thread waits while its request's body trickles in: with two spare ones for each that works, a few slow senders stop
# nobody. Threads start only when all others are busy, so the spare ones cost nothing on a good day.
_READERS = 3


def web() -> Child:
    """The web server: pages, REST API and ingestion in one process with a few threads."""
    options = {
        "interface": "wsgi",
        "host": envstr("CDP_HOST", "127.0.0.1"),
        "port": str(envint("CDP_PORT", 8000)),
        "workers": str(envint("CDP_WEB_WORKERS", 1)),
        "blocking-threads": str(_READERS * envint("CDP_WEB_THREADS", 8)),
        "respawn-interval": "0.5",
        "workers-kill-timeout": "10",
        "log-level": "warning",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = python("-m", "granian", *words, "--no-ws", "--respawn-failed-workers", "cdp.wsgi:application")
    return Child(name="web", command=command, phase=1, patience=15, popen_arguments=_here())


def web_address() -> str:
    """Where the web server of this machine is asked, host and port."""
    host = envstr("CDP_HOST", "127.0.0.1")
    reached = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - asked about, not bound
    return f"{reached}:{envint('CDP_PORT', 8000)}"


def workers() -> list[Child]:
    """Celery's workers and its clock."""
    # Each kind of long task holds one thread at most: enough that all of them leave some to syncs and messages.
    threads = ["-P", "threads", "-c", "12"]
    # Pandas stays in memory once loaded: a process that has grown is replaced after its task.
    linkage = ["-P", "prefork", "-c", "1", "--max-tasks-per-child", "100", "--max-memory-per-child", "180000"]
    beat = ["beat", "--pidfile", "", "-l", "warning"]
    return [
        _worker("pipeline", "pipeline", ["-P", "solo"]),
        _worker("work", "default,deliveries,insights,messages", threads),
        _worker("linkage", "linkage", linkage),
        Child(name="beat", command=_celery(*beat), phase=1, patience=5, popen_arguments=_here()),
    ]


def demo() -> Child:
    """Plays the demo once, through the real HTTP API; a play that was cut short goes on at the next start."""
    command = python("manage.py", "play_demo", "--if-first", "--base-url", f"http://{web_address()}")
    return Child(name="demo", command=command, phase=1, patience=5, restart=False, popen_arguments=_here())


def _worker(name: str, queues: str, pool: list[str]) -> Child:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "warning"]
    command = _celery("worker", "-n", f"{name}@%h", "-Q", queues, *pool, *quiet)
    return Child(name=name, command=command, phase=2, patience=20, popen_arguments=_here())


def _celery(*words: str) -> list[str]:
    return python("-m", "celery", "-A", "cdp.celery", *words)


def _here() -> dict[str, Any]:
    return {"cwd": str(PROJECT_FOLDER)}
