"""What goes with a person who is erased: the rows of the ledger, with what they would have said, and browsers."""

from collections.abc import Mapping
from typing import Any

import psycopg

from common import pg
from identity.contracts import Person

_SENDS = "delete from campaigns_send where identifier_id = any(%(ids)s)"
_BROWSERS = "delete from campaigns_pushsubscription where identifier_id = any(%(ids)s)"


def erase(conn: psycopg.Connection[Any], person: Person) -> Mapping[str, int]:
    """In the caller's transaction. Digests of addresses that must not be used stay: they lead to nobody."""
    ids = {"ids": pg.int8s(sorted({*person.identifier_ids, *person.profile_ids}))}
    return {
        "campaigns_send": conn.execute(_SENDS, ids).rowcount,
        "campaigns_pushsubscription": conn.execute(_BROWSERS, ids).rowcount,
    }
