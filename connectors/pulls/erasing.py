"""Erasing people from what is remembered of pulled rows."""

from collections.abc import Sequence
from typing import Any

import psycopg

from common import pg
from identity.contracts import IdentifierKey

# The digests stay: they lead to nobody, and without them the row would come again as a new one.
_ROWS = """
update connectors_pulledrow r set who = null
where who is not null and exists (
    select from jsonb_array_elements(r.who) e join unnest(%(kinds)s, %(values)s) v (kind, value)
        on e->>0 = v.kind and e->>1 = v.value
)
"""
# A place goes without its key: rows with the same cursor are read again, and known again by their message ids.
_PLACES = """
update connectors_pull p
set place = case when lower(place->'cursor'->>1) = any(%(texts)s) then null else jsonb_set(place, '{key}', '[]') end
where exists (select from jsonb_array_elements(place->'key') e where lower(e->>1) = any(%(texts)s))
   or lower(place->'cursor'->>1) = any(%(texts)s)
"""


def forget_pulled(conn: psycopg.Connection[Any], *, keys: Sequence[IdentifierKey]) -> dict[str, int]:
    """Forget the identifiers of somebody; how many rows named him."""
    given = {"kinds": pg.texts(one.kind for one in keys), "values": pg.texts(one.value for one in keys)}
    texts = pg.texts(sorted({one.value.lower() for one in keys}))
    with psycopg.Cursor(conn) as cursor:
        rows = cursor.execute(_ROWS, given).rowcount
        places = cursor.execute(_PLACES, {"texts": texts}).rowcount
    return {"connectors_pulledrow": rows, "connectors_pull": places}
