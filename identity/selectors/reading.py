"""Rows out: the cursor and the views that all selectors share."""

from collections.abc import Collection, Mapping
from typing import Any

from common import pg
from identity.contracts import IdentifierView

MOST_IDENTIFIERS = 500


def fetch(statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of one statement on Django's connection, with parameters bound by the server."""
    with pg.cursor() as cursor:
        return cursor.execute(statement, parameters).fetchall()


def identifiers_by_id(ids: Collection[int]) -> dict[int, IdentifierView]:
    """Identifiers by id; unknown ids are left out."""
    rows = fetch(
        "select id, kind, value, first_seen_at from identity_identifier where id = any(%(ids)s::bigint[])",
        {"ids": sorted(ids)},
    )
    return {row[0]: IdentifierView(*row) for row in rows}


def identifiers_of(profile_ids: Collection[int]) -> dict[int, list[IdentifierView]]:
    """The identifiers of each profile in order of arrival, at most 500 each."""
    rows = fetch(
        "select p.id, i.id, i.kind, i.value, i.first_seen_at from unnest(%(ids)s::bigint[]) as p (id)"
        " cross join lateral (select * from identity_identifier i where i.profile_id = p.id order by i.id"
        " limit %(most)s) as i",
        {"ids": sorted(profile_ids), "most": MOST_IDENTIFIERS},
    )
    found: dict[int, list[IdentifierView]] = {profile_id: [] for profile_id in profile_ids}
    for profile_id, *identifier in rows:
        found[profile_id].append(IdentifierView(*identifier))
    return found
