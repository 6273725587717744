"""Keeping what people chose with its evidence: from events on their way, and from people and programs at once."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import transaction

import identity.selectors as people
import identity.services as identity
from common import audit, clock, pg
from identity.contracts import ConsentIn, ConsentMeans
from identity.services import After
from privacy.contracts import Choice, InvalidPurpose, NotPossible
from privacy.services.suppressing import suppressed_among

_PURPOSES = """
select p.key, p.keep_ip, array_agg(t.version order by t.at) filter (where t.version is not null),
       array_agg((extract(epoch from t.at) * 1000000)::bigint order by t.at) filter (where t.version is not null)
from privacy_purpose p left join privacy_purposetext t on t.purpose = p.key
where p.key = any(%(keys)s) group by p.key, p.keep_ip
"""
_AHEAD = timedelta(minutes=5)
_CHANNEL = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")

# By purpose: whether addresses are kept, and the wordings as (from when, version).
_Known = Mapping[str, tuple[bool, Sequence[tuple[int, int]]]]


def with_evidence(conn: psycopg.Connection[Any], told: Sequence[ConsentIn]) -> list[ConsentIn]:
    """The words as they may be kept: with the version of the wording that was in force, and without the address unless
    the purpose keeps it. One statement, none when there are no words."""
    if not told:
        return []
    known = _known(conn, {one.purpose for one in told})
    return [_completed(one, known) for one in told]


def _known(conn: psycopg.Connection[Any], keys: set[str]) -> _Known:
    rows = psycopg.Cursor(conn).execute(_PURPOSES, {"keys": pg.texts(sorted(keys))}).fetchall()
    return {row[0]: (row[1], list(zip(row[3] or (), row[2] or (), strict=True))) for row in rows}


def _completed(one: ConsentIn, known: _Known) -> ConsentIn:
    keep_ip, texts = known.get(one.purpose, (False, ()))
    version = one.text_version
    if version is None:
        version = max((shown for since, shown in texts if since <= one.at_us), default=None)
    return one._replace(text_version=version, ip=one.ip if keep_ip else "")


@transaction.atomic
def record_choices(
    *, identifier_id: int, choices: Sequence[Choice], means: ConsentMeans, by: str, now: datetime,
    after: After | None = None, via: str = "ui",
) -> None:  # fmt: skip
    """Record what a person said, all or nothing; traits, segments and syncs follow in the same transaction.

    Raises InvalidPurpose for what cannot be recorded (`field`: `purpose`, `channel`, `said_at` or `text_version`), and
    NotPossible when the identifier is unknown or suppressed.
    """
    conn = pg.raw()
    found = people.identifiers_named([identifier_id]).get(identifier_id)
    if found is None:
        raise NotPossible("There is no such identifier; the person may have been erased.")
    if suppressed_among(conn, [found]):
        raise NotPossible("Nothing more is stored of this identifier: it is on the suppression list.")
    known = _known(conn, {one.purpose for one in choices})
    words = [_completed(_word(one, index, known, means, by, now), known) for index, one in enumerate(choices)]
    identity.record_consents(identifier_id, words, now=now, after=after)
    said = ", ".join(f"{'yes' if one.granted else 'no'} to {_place(one)}" for one in choices)
    audit.record(
        actor=by, via=via, action="consent.recorded", object_type="profile",
        object_id=people.current_ids([identifier_id]).get(identifier_id, identifier_id), at=now,
        summary=f"Recorded {said}"[:500],
    )  # fmt: skip


def _word(one: Choice, index: int, known: _Known, means: ConsentMeans, by: str, now: datetime) -> ConsentIn:
    said_at = one.said_at or now
    _check(one, index, known, said_at, now)
    return ConsentIn(
        0, 0, one.purpose, one.channel, one.granted, clock.micros(said_at), means, one.text_version, one.ip,
        one.evidence, by,
    )  # fmt: skip


def _check(one: Choice, index: int, known: _Known, said_at: datetime, now: datetime) -> None:
    if one.purpose not in known:
        raise InvalidPurpose("purpose", f"There is no purpose {one.purpose!r}. Describe it first.", index)
    if one.channel and not _CHANNEL.fullmatch(one.channel):
        raise InvalidPurpose("channel", "Use small letters, digits and _, such as email.", index)
    if said_at > now + _AHEAD:
        raise InvalidPurpose("said_at", "This is in the future. Give the time at which it was said.", index)
    if one.text_version is not None and one.text_version not in {version for _, version in known[one.purpose][1]}:
        raise InvalidPurpose("text_version", "The purpose has no such wording.", index)


def _place(one: Choice) -> str:
    return f"{one.purpose} by {one.channel}" if one.channel else one.purpose
