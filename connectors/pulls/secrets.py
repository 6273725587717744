"""Secrets of pulls at rest."""

import json
from collections.abc import Mapping

from common import crypto
from connectors.pulls.models import Pull


def reveal(row: Pull) -> dict[str, str]:
    """The secrets in clear. Raises CannotDecrypt."""
    found: dict[str, str] = json.loads(crypto.decrypt(row.secrets)) if row.secrets else {}
    return found


def hide(secrets: Mapping[str, str]) -> str:
    """The secrets as they are kept."""
    return crypto.encrypt(json.dumps(dict(secrets))) if secrets else ""
