"""The list of identifiers that must not be stored."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction

from common import audit, pg
from common.crypto import keyed_digest
from identity.contracts import IdentifierKey
from privacy.models import Suppression

_ANY = "select exists (select from privacy_suppression)"
_KINDS = "select distinct kind from privacy_suppression"
_FOUND = "select digest from privacy_suppression where digest = any(%(digests)s)"
_ADD = """
insert into privacy_suppression (digest, kind, reason, by, at)
select n.digest, n.kind, %(reason)s, %(by)s, %(now)s from unnest(%(digests)s, %(kinds)s) as n (digest, kind)
on conflict (digest) do nothing
"""


def digest_of(key: IdentifierKey) -> bytes:
    """The entry of an identifier (its value canonical)."""
    return keyed_digest(f"{key.kind}\0{key.value}")


def suppressed_kinds(conn: psycopg.Connection[Any]) -> set[str]:
    """Of which kinds there are identifiers on the list."""
    with psycopg.Cursor(conn) as cursor:
        return {str(row[0]) for row in cursor.execute(_KINDS).fetchall()}


def suppressed_among(conn: psycopg.Connection[Any], keys: Sequence[IdentifierKey]) -> set[IdentifierKey]:
    """Which of these identifiers must not be stored."""
    with psycopg.Cursor(conn) as cursor:
        listed = cursor.execute(_ANY).fetchone()
        if not keys or not listed or not listed[0]:
            return set()
        by_digest = {digest_of(key): key for key in keys}
        rows = cursor.execute(_FOUND, {"digests": pg.byteas(by_digest)}).fetchall()
    return {by_digest[bytes(row[0])] for row in rows}


def add_suppressions(
    conn: psycopg.Connection[Any], keys: Iterable[IdentifierKey], *, reason: str, by: str, now: datetime
) -> int:
    """Put identifiers on the list, in the caller's transaction; how many are new."""
    listed = list(keys)
    with psycopg.Cursor(conn) as cursor:
        return cursor.execute(
            _ADD,
            {
                "digests": pg.byteas([digest_of(key) for key in listed]),
                "kinds": pg.texts(key.kind for key in listed),
                "reason": reason, "by": by, "now": now,
            },
        ).rowcount  # fmt: skip


@transaction.atomic
def suppress(key: IdentifierKey, *, reason: str, by: str, now: datetime, via: str = "ui") -> bool:
    """Store nothing more of this identifier; False when it was listed already. What is stored stays: see erasure."""
    added = bool(add_suppressions(pg.raw(), [key], reason=reason, by=by, now=now))
    if added:
        _record("suppressed", key, by=by, via=via, now=now, after={"reason": reason})
    return added


@transaction.atomic
def allow_again(key: IdentifierKey, *, by: str, now: datetime, via: str = "ui") -> bool:
    """Take an identifier off the list; False when it was not there."""
    gone, _ = Suppression.objects.filter(digest=digest_of(key)).delete()
    if gone:
        _record("allowed", key, by=by, via=via, now=now)
    return bool(gone)


def _record(verb: str, key: IdentifierKey, *, by: str, via: str, now: datetime, after: Any = None) -> None:
    # The audit log is for good, so it must not name whom the list does not name.
    audit.record(
        actor=by, via=via, action=f"suppression.{verb}", object_type="suppression",
        object_id=digest_of(key).hex(), at=now, summary=f"{verb.capitalize()} one {key.kind}", after=after,
    )  # fmt: skip
