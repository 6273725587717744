"""Erasing people: what was learned of them goes, and with the next run their part in what was learned of all."""

from collections.abc import Sequence
from typing import Any

import psycopg

from common import pg

# What events told of an item, and nobody stated, may hold something of whoever sent them.
_ITEMS = """
delete from insights_item i where not i.stated and exists (
    select from unnest(%(texts)s) v
    where position(v in lower(concat_ws(' ', i.key, i.name, i.category, i.image_url, i.url))) > 0)
"""


def erase(conn: psycopg.Connection[Any], *, profile_ids: Sequence[int], texts: Sequence[str]) -> dict[str, int]:
    """Rows deleted by table. `texts`: values of the person in small letters. The caller has the turn."""
    given = {"profiles": pg.int8s(sorted(profile_ids)), "texts": pg.texts(texts)}
    with psycopg.Cursor(conn) as cursor:
        taste = cursor.execute("delete from insights_taste where profile_id = any(%(profiles)s)", given).rowcount
        return {"insights_taste": taste, "insights_item": cursor.execute(_ITEMS, given).rowcount}
