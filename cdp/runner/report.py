"""What the terminal shows."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

CREDENTIALS_FILE = "first_start.json"


def say(sentence: str) -> None:
    """One line for the person at the terminal."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def complain(sentence: str) -> None:
    """Why it does not start."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def credentials(folder: Path) -> dict[str, str]:
    """What the first start made, kept for its owner alone."""
    try:
        found = json.loads((folder / CREDENTIALS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {str(key): str(value) for key, value in found.items()}


def banner(*, url: str, found: Mapping[str, str], seconds: float, folder: Path) -> str:
    """Everything a newcomer needs to begin."""
    rows = [
        ("Open", url),
        ("Sign in as", found.get("admin_email", "")),
        ("Password", found.get("admin_password", "")),
        ("Write key", found.get("write_key", "")),
        ("API token", found.get("api_token", "")),
        ("Data folder", str(folder)),
    ]
    lines = [f"  {name:<12} {value}" for name, value in rows if value]
    return "\n".join(["", f"Ready in {seconds:.1f} s. Ctrl-C stops everything; the data stays.", "", *lines, ""])
