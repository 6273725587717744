"""A small world for the tests of linkage: profiles in, who was linked and who is asked about out."""

import itertools
from datetime import timedelta
from typing import Any

import psycopg

from common import turns
from identity.linkage.services import LinkageRun, link_changed
from identity.services import Memory, apply_evidence
from tests.identity.people import NOW, call, evidence_of, profile_of

Connection = psycopg.Connection[Any]
_ticks = itertools.count(1)

MARY: dict[str, Any] = {
    "first_name": "Mary", "last_name": "Oduya", "email": "mary.oduya@mail.com", "phone": "+12125550143",
    "birth_date": "1984-03-17", "street": "18 Chestnut Street", "city": "Dayton", "postcode": "45402",
}  # fmt: skip


def person(conn: Connection, user_id: str, **traits: Any) -> int:
    """A profile known by a loyalty card, with these traits; `None` leaves one out. Answers its profile id."""
    tell_more(conn, user_id, **traits)
    return profile_of(conn, "crm_id", user_id)


def tell_more(conn: Connection, user_id: str, **traits: Any) -> None:
    """What a source says later of the same card."""
    tick = next(_ticks)
    present = {name: value for name, value in traits.items() if value is not None}
    evidence = evidence_of([call(tick, crm_id=user_id, traits=present)])
    turns.take(conn, "tests")
    apply_evidence(conn, evidence=evidence, memory=Memory(), now=NOW + timedelta(seconds=tick))


def link(conn: Connection, **more: Any) -> LinkageRun:
    """Run linkage until nothing is left."""
    return link_changed(now=NOW + timedelta(seconds=next(_ticks)), **more)


def together(conn: Connection, a: str, b: str) -> bool:
    """Whether two cards belong to one profile now."""
    return profile_of(conn, "crm_id", a) == profile_of(conn, "crm_id", b)


def asked(conn: Connection) -> set[tuple[int, int]]:
    """The open questions."""
    return set(psycopg.Cursor(conn).execute("select a, b from identity_reviewpair where state = 'open'"))


def like(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same traits with some changed, or left out by None."""
    return {**base, **changes}
