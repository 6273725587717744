"""The turn of a sync: one worker at a time plans and sends for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from common import pg

_TURN_LOCK = 7_002_040
_ASK_AGAIN = 0.1


@contextmanager
def turn(sync_id: int, *, patience: float = 0.0) -> Iterator[bool]:
    """Hold the turn of one sync, or find that somebody has it for longer than `patience` seconds.

    It ends with the connection: a killed worker has none. The transaction stays open while the channel is called, but
    has read nothing: it keeps no old row versions alive.
    """
    connection = pg.connect()
    try:
        yield _taken(connection, sync_id, until=time.monotonic() + patience)
    finally:
        connection.close()


def _taken(connection: psycopg.Connection, sync_id: int, *, until: float) -> bool:
    while True:
        row = connection.execute("select pg_try_advisory_xact_lock(%s, %s)", (_TURN_LOCK, sync_id)).fetchone()
        if row and row[0]:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_ASK_AGAIN)
