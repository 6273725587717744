"""What a command cost as a whole: it and its children, from start to end."""

import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil


def measured(command: Sequence[str], *, cwd: Path) -> tuple[str, dict[str, Any]]:
    """What the command printed, and its processor seconds, wall seconds and peak memory, children included."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
    peak = [0]
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    done.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return output, {"cpu_seconds": cpu, "wall_seconds": time.monotonic() - began, "peak_mib": peak[0] / 2**20}


def _watch(pid: int, peak: list[int], done: threading.Event) -> None:
    """The largest sum of resident memory of a process and its children, looked at ten times a second."""
    while not done.wait(0.1):
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            peak[0] = max(peak[0], sum(one.memory_info().rss for one in family))
        except psutil.Error:
            continue
