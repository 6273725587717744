"""The turn to write identity and memberships: one writer at a time, in the database.

One serial applier is the fastest arrangement measured for this work, makes deadlocks impossible and keeps the writer's
process caches right. Stewards, linkage and refreshes take the same turn, so there is one order of all changes.
"""

from typing import Any

import psycopg

_TAKE = "select holder from common_turn where name = 'applier' for update"
_FIRST = "insert into common_turn (name, holder, taken_at) values ('applier', '', now()) on conflict do nothing"
_HOLD = "update common_turn set holder = %(holder)s, taken_at = clock_timestamp() where name = 'applier'"


def take(conn: psycopg.Connection[Any], holder: str) -> bool:
    """Wait for the turn and keep it until the current transaction ends.

    True when `holder` also had the last turn that was committed: what it remembers is still right. False: another
    process has written since, or this one rolled back; throw away every cache of identity and memberships.
    """
    if conn.autocommit and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        raise RuntimeError("take the turn inside a transaction: outside one it would end at once")
    with conn.cursor() as cursor:
        if _current_holder(cursor) == holder:
            return True
        cursor.execute(_HOLD, {"holder": holder})
        return False


def borrow(conn: psycopg.Connection[Any]) -> None:
    """Wait for the turn and keep it until the transaction ends, without becoming its holder.

    For writers that change nothing which the applier remembers (memberships when their time comes): its caches stay
    right and need not be thrown away at every tick of a timer.
    """
    with conn.cursor() as cursor:
        _current_holder(cursor)


def _current_holder(cursor: psycopg.Cursor[Any]) -> str:
    """Lock the row, which is made at its first use: a database emptied of rows works on."""
    rows = cursor.execute(_TAKE).fetchall()
    if not rows:
        cursor.execute(_FIRST)
        rows = cursor.execute(_TAKE).fetchall()
    return str(rows[0][0])
