"""Erasing people: their journeys go, with every step they passed and what still waits of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from common import pg

_STATEMENTS = {
    "campaigns_passage": """
        delete from campaigns_passage p using campaigns_instance i
        where i.id = p.instance_id and i.person_id = any(%(ids)s)
    """,
    "campaigns_instance": "delete from campaigns_instance where person_id = any(%(ids)s)",
    "campaigns_trigger": "delete from campaigns_trigger where identifier_id = any(%(ids)s)",
}


def erase_journeys(conn: psycopg.Connection[Any], *, identifier_ids: Sequence[int]) -> Mapping[str, int]:
    """Rows deleted by table, in the caller's transaction."""
    given = {"ids": pg.int8s(identifier_ids)}
    with psycopg.Cursor(conn) as cursor:
        return {table: cursor.execute(statement, given).rowcount for table, statement in _STATEMENTS.items()}
