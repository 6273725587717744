"""Profile rows: born, retired, and their traits reconciled from claims."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from identity.policy import Policy
from identity.reconcile import Claim, traits_json
from identity.services import statements

EMPTY = "{}"


def load_claims(cursor: psycopg.Cursor[Any], profile_ids: Collection[int]) -> dict[int, list[Claim]]:
    """The claims of all identifiers of these profiles."""
    claims: dict[int, list[Claim]] = defaultdict(list)
    for row in cursor.execute(statements.CLAIMS_OF, {"profiles": pg.int8s(sorted(profile_ids))}):
        claims[row[0]].append(Claim._make(row[1:]))
    return claims


def write_profiles(
    cursor: psycopg.Cursor[Any],
    *,
    born: Mapping[int, int],
    reconcile: Iterable[int],
    policy: Policy,
    now: datetime,
) -> set[int]:
    """Write rows of profiles that are born (id -> microseconds of birth) and the traits of those that may differ.

    Answers the profiles whose traits changed. A row whose traits come out as they are is not written.
    """
    due = set(reconcile)
    if not due and not born:
        return set()
    claims = load_claims(cursor, due) if due else {}
    traits = {profile: traits_json(claims[profile], policy) if profile in claims else EMPTY for profile in due}
    rows = sorted(due | born.keys())
    written = cursor.execute(
        statements.WRITE_PROFILES,
        {
            "ids": pg.int8s(rows),
            "traits": pg.jsonbs([traits.get(profile, EMPTY) for profile in rows]),
            # Profiles that exist keep their time of creation: the statement does not touch it.
            "created": pg.timestamps([born.get(profile, 0) for profile in rows]),
            "now": now,
        },
    ).fetchall()
    return {profile for (profile,) in written if profile not in born or traits.get(profile, EMPTY) != EMPTY}


def delete_profiles(cursor: psycopg.Cursor[Any], retired: Collection[int]) -> None:
    """Retired profiles have no row; lookups follow their founding identifier to the profile it belongs to now."""
    if retired:
        cursor.execute(statements.DELETE_PROFILES, {"ids": pg.int8s(sorted(retired))})
