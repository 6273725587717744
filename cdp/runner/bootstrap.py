"""Make `.venv` and install the locked packages into it. Standard library alone, and run by whatever Python there is.

Usage: python3 cdp/runner/bootstrap.py [--dev]

Written for interpreters from 3.6 on, so that an old one can say that it is too old: annotations are only text here.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from typing import NoReturn

OLDEST = (3, 11)
PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(PROJECT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")


def stop(cause: str, mend: str) -> NoReturn:
    """One line, and out."""
    sys.stderr.write(f"cause: {cause} mend: {mend}\n")
    sys.exit(1)


def version_of(python: str) -> "tuple[int, int] | None":
    """(major, minor) of an interpreter, or None."""
    try:
        asked = [python, "-c", "import sys; print(sys.version_info[0], sys.version_info[1])"]
        words = subprocess.check_output(asked, stderr=subprocess.DEVNULL).split()
        return int(words[0]), int(words[1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return None


def good_python() -> str:
    """This interpreter if it is new enough, else the newest suitable one on the PATH."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in ("python3.13", "python3.12", "python3.11"):
        path = shutil.which(name)
        if path and (version_of(path) or (0, 0)) >= OLDEST:
            return path
    found = ".".join(str(part) for part in sys.version_info[:3])
    return stop(
        f"this is Python {found}, and 3.11 or newer is needed.", "install it (for example `apt install python3.11`)."
    )


def make_venv() -> None:
    """A virtual environment with pip in it; an existing one of a good version is kept."""
    present = version_of(PYTHON)
    if present is None or present < OLDEST:
        python = good_python()
        sys.stdout.write("Making the virtual environment .venv\n")
        sys.stdout.flush()
        done = subprocess.run([python, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            complain_about_venv(python, done.stdout.decode("utf-8", "replace"))
    if not succeeds("-m", "pip", "--version") and not succeeds("-m", "ensurepip"):
        complain_about_venv(PYTHON, "ensurepip")


def succeeds(*words: str) -> bool:
    """Run the environment's own Python, without a word."""
    nowhere = subprocess.DEVNULL
    return subprocess.run([PYTHON, *words], stdout=nowhere, stderr=nowhere).returncode == 0


def complain_about_venv(python: str, output: str) -> None:
    """Debian and Ubuntu ship Python without its venv module."""
    if "ensurepip" in output or "No module named venv" in output:
        major, minor = version_of(python) or OLDEST
        mend = f"`apt install python{major}.{minor}-venv` (Debian, Ubuntu), then again."
        stop("this Python cannot make virtual environments.", mend)
    last = (output.strip().splitlines() or ["no reason given"])[-1]
    stop(".venv could not be made (" + last + ").", "see that the project folder can be written, and `rm -rf .venv`.")


def stamp_of(lock: str) -> str:
    """What was installed: the lock's content and the interpreter."""
    with open(lock, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:24]
    major, minor = version_of(PYTHON) or OLDEST
    return os.path.join(VENV, f".installed-{digest}-{major}.{minor}")


def install(lock: str) -> None:
    """Install a lock unless exactly this lock is there already."""
    stamp = stamp_of(lock)
    if os.path.exists(stamp):
        return
    sys.stdout.write(f"Installing {os.path.basename(lock)} (one or two minutes the first time)\n")
    sys.stdout.flush()
    if not installed_by_uv(lock) and not installed_by_pip(lock):
        stop("the packages could not be installed.", "see pip's message above (it needs a package index).")
    with open(stamp, "w") as file:
        file.write("")


def installed_by_uv(lock: str) -> bool:
    """Where uv happens to be there it takes seconds; pip is the way that always exists."""
    uv = shutil.which("uv")
    if not uv:
        return False
    command = [uv, "pip", "install", "-q", "--python", PYTHON, "--require-hashes", "--no-deps", "--compile-bytecode"]
    return subprocess.run([*command, "-r", lock], cwd=PROJECT, stderr=subprocess.DEVNULL).returncode == 0


def installed_by_pip(lock: str) -> bool:
    """Exactly the lock: every file is checked by its hash."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q", "--require-hashes"]
    return subprocess.run([*command, "--no-deps", "-r", lock], cwd=PROJECT).returncode == 0


def main() -> int:
    """The whole of it."""
    os.chdir(PROJECT)
    make_venv()
    everything = os.path.join(PROJECT, "requirements-dev.txt")
    if "--dev" in sys.argv[1:]:
        install(everything)
    elif not os.path.exists(stamp_of(everything)):  # the larger lock holds the smaller one
        install(os.path.join(PROJECT, "requirements.txt"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
