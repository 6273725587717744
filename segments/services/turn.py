"""The turn of those who change what segments are."""

import uuid
from typing import Any

import psycopg

from common import pg, turns


def take_turn() -> psycopg.Connection[Any]:
    """Wait for the turn and hold it until the transaction ends; the connection that has it."""
    conn = pg.raw()
    # A holder of its own: whoever had the turn before must read the plan anew.
    turns.take(conn, f"segments:{uuid.uuid4()}")
    return conn
