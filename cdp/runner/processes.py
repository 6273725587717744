"""Starting and stopping one process so that it never outlives us."""

import ctypes
import ctypes.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True) if sys.platform == "linux" else None


def leash(death_signal: int) -> Callable[[], None] | None:
    """Code for the child, before its program starts: the kernel sends it `death_signal` when its parent is gone.

    Linux only. Elsewhere the watchdog (`cdp.runner.watchdog`) does this.
    """
    if _libc is None:
        return None
    parent = os.getpid()
    libc = _libc

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # the parent died in between
            os._exit(1)

    return bind


def start(
    command: Sequence[str],
    *,
    log: Path,
    death_signal: int = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
    popen_arguments: Mapping[str, Any] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output appended to `log`.

    A session of its own, because Ctrl-C must reach the supervisor alone: it stops the others in order.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
            preexec_fn=leash(death_signal),  # noqa: PLW1509 - the supervisor has one thread
            **(popen_arguments or {}),
        )


def stop(process: subprocess.Popen[bytes], *, stop_signal: int, patience: float) -> bool:
    """Ask, wait, and after `patience` seconds kill the whole session. True when asking was enough."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        process.wait(timeout=patience)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        sweep(process.pid)
        process.wait()


def sweep(session: int) -> None:
    """Kill what is left of a process group: workers whose master was killed."""
    try:
        os.killpg(session, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
