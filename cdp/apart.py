"""Commands in a process of their own: what a computation needs in memory goes when it ends."""

import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

from cdp.environment import PROJECT_FOLDER

_turns: dict[str, threading.Lock] = defaultdict(threading.Lock)


def run_apart(command: str, *, folder: Path = PROJECT_FOLDER) -> bool:
    """Run `manage.py COMMAND` to its end; False, at once, while this worker runs it already.

    The clock asks several times a minute and a computation may take an hour: without this each asking would hold one
    more of the worker's few threads, and a process that waits, until nothing else is done.
    Raises CalledProcessError when the command fails.
    """
    turn = _turns[command]
    if not turn.acquire(blocking=False):
        return False
    try:
        subprocess.run([sys.executable, "manage.py", command], cwd=folder, check=True)
    finally:
        turn.release()
    return True
