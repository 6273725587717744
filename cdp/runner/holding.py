"""One supervisor a data folder. The kernel lets go of the hold when its process ends, so it can never be stale."""

import fcntl
import os
from pathlib import Path
from typing import IO

HOLD_FILE = "running.pid"


def hold(folder: Path) -> IO[str] | None:
    """Take the data folder for this process; None when another process has it. Close the file to let go."""
    file = (folder / HOLD_FILE).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def holder(folder: Path) -> str:
    """The process id that took the data folder last."""
    try:
        return (folder / HOLD_FILE).read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"
