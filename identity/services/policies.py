"""The policy in force."""

import json
from typing import Any

import psycopg

from identity.policy import Policy
from identity.services import statements


def load_policy(cursor: psycopg.Cursor[Any]) -> tuple[int, Policy]:
    """The active version; without any, the built-in defaults as version 0."""
    row = cursor.execute(statements.ACTIVE_POLICY).fetchone()
    return (row[0], Policy.from_json(json.loads(row[1]))) if row else (0, Policy())
