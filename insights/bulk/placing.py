"""Putting a folder in the place of another in one step. No Django."""

import ctypes
import os
import shutil
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def put_in_place(fresh: Path, folder: Path) -> None:
    """Make `fresh` stand at `folder`; what stood there goes. On the file systems of Linux the two change places in one
    step, so that there is a whole one at every moment, whenever this is killed. Elsewhere (NFS, macOS) there is none
    while the old one is deleted, and `fresh` holds the new one."""
    if folder.exists() and not _exchanged(fresh, folder):
        shutil.rmtree(folder)
    if fresh.exists() and folder.exists():
        shutil.rmtree(fresh)
    else:
        fresh.replace(folder)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether they changed places (renameat2(2)); False where the system or the file system cannot do that."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0
