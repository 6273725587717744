"""Typed reading of environment variables, and of what the launcher wrote into the data folder.

Pure standard library: the launcher uses it too, before anything is installed or configured.
"""

import json
import os
import secrets
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
SERVICES_FILE = "services.json"
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - a file name


class EnvironmentProblem(Exception):
    """A variable that cannot be used; the message names the variable and the mend."""


def envstr(name: str, default: str = "") -> str:
    """The variable's text without blanks around it, or the default when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def envbool(name: str, default: bool) -> bool:
    """1, true, yes, on are true; 0, false, no, off are false; anything else is refused by name."""
    text = envstr(name).lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise EnvironmentProblem(f"{name}={text!r} is neither true nor false; use 1 or 0.")


def envint(name: str, default: int) -> int:
    """A whole number, or the default."""
    text = envstr(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise EnvironmentProblem(f"{name}={text!r} is not a whole number.") from None


def envlist(name: str, default: list[str]) -> list[str]:
    """Comma-separated words."""
    text = envstr(name)
    return [word.strip() for word in text.split(",") if word.strip()] if text else default


def envsecret(name: str) -> str:
    """NAME, or the content of the file that NAME_FILE points to; empty when neither is set.

    An unreadable file stops the start: a password that is silently empty is worse than no start.
    """
    path = envstr(f"{name}_FILE")
    if not path:
        return envstr(name)
    if envstr(name):
        raise EnvironmentProblem(f"both {name} and {name}_FILE are set; keep one of them.")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EnvironmentProblem(f"{name}_FILE={path!r} cannot be read ({error.strerror}).") from None
    if not text:
        raise EnvironmentProblem(f"{name}_FILE={path!r} is empty.")
    return text


def data_folder() -> Path:
    """Where everything that must survive a restart is kept."""
    return Path(envstr("CDP_DATA_DIR", str(PROJECT_FOLDER / ".cdp"))).expanduser().resolve()


def embedded_services(folder: Path) -> dict[str, str]:
    """Addresses of the embedded PostgreSQL and Valkey as the launcher wrote them; empty before the first start."""
    try:
        found = json.loads((folder / SERVICES_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError:
        raise EnvironmentProblem(
            f"{folder / SERVICES_FILE} belongs to somebody else; run as its owner, or set CDP_DATA_DIR."
        ) from None
    return {str(key): str(value) for key, value in found.items()}


def secret_key(folder: Path) -> str:
    """CDP_SECRET_KEY, else the key that the launcher generated for this data folder.

    With a database of your own the key must be given: two containers with two random keys would not read each other's
    sessions and secrets. Without either (`manage.py check` on a fresh clone) a key for this one process is enough.
    """
    given = envsecret("CDP_SECRET_KEY")
    if given:
        return given
    if envsecret("CDP_DATABASE_URL"):
        raise EnvironmentProblem("CDP_DATABASE_URL is set but CDP_SECRET_KEY (or CDP_SECRET_KEY_FILE) is not.")
    kept = folder / SECRET_KEY_FILE
    return kept.read_text(encoding="utf-8").strip() if kept.exists() else secrets.token_urlsafe(48)
