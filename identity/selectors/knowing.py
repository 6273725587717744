"""Who somebody is, in one statement: for those who answer while a page loads."""

from collections.abc import Sequence
from typing import Any

from common.pg import from_jsonb
from identity.selectors.reading import fetch

_KNOWN = """
select i.profile_id, p.traits::text
from unnest(%(kinds)s::text[], %(values)s::text[]) with ordinality as k (kind, value, place)
join identity_identifier i on i.kind = k.kind and i.value = k.value
join identity_profile p on p.id = i.profile_id
order by k.place limit 1
"""


def person_of(keys: Sequence[tuple[str, str]]) -> tuple[int, dict[str, Any]] | None:
    """The profile and its traits of the first of these identifiers (kind, canonical value) that somebody has."""
    asked = {"kinds": [kind for kind, _ in keys], "values": [value for _, value in keys]}
    rows = fetch(_KNOWN, asked)
    return (rows[0][0], from_jsonb(rows[0][1])) if rows else None
