"""Storing what people chose: by the pipeline with its batch, or by a person or program at once."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction

from common import pg, turns
from identity import consents
from identity.contracts import ConsentIn, IdentifierKey
from identity.services import profiles
from identity.services.naming import Names
from identity.services.policies import load_policy
from identity.services.settle import After, Settled, load_identifiers, run_after

_HOLDER = "consents"
_TOLD = """
select id, identifier_id, purpose, channel, source_id, means, granted,
       (extract(epoch from said_at) * 1000000)::bigint, (extract(epoch from repeated_at) * 1000000)::bigint,
       text_version, ip
from identity_consent where identifier_id = any(%(ids)s)
"""
_RECORD = """
insert into identity_consent (identifier_id, purpose, channel, granted, said_at, repeated_at, recorded_at, source_id,
                              means, text_version, evidence, by, ip, message_id)
select n.identifier_id, (%(names)s)[n.purpose], (%(names)s)[n.channel], n.granted, n.said_at, n.repeated_at, %(now)s,
       n.source_id, (%(names)s)[n.means], nullif(n.version, -1), n.evidence, n.by, n.ip, n.message_id
from unnest(%(ids)s, %(purposes)s, %(channels)s, %(granted)s, %(said)s, %(repeated)s, %(sources)s, %(means)s,
            %(versions)s, %(evidence)s, %(by)s, %(ips)s, %(messages)s)
    as n (identifier_id, purpose, channel, granted, said_at, repeated_at, source_id, means, version, evidence, by, ip,
          message_id)
"""
# A repeat of what the profile's trait says already changes nothing there (`consents.answer`).
_REPEAT = """
with repeated as (
    update identity_consent c set repeated_at = n.at from unnest(%(ids)s, %(at)s) as n (id, at) where c.id = n.id
    returning c.identifier_id, c.purpose, c.channel, c.granted
)
select distinct i.profile_id from repeated r join identity_identifier i on i.id = r.identifier_id
left join identity_profile p on p.id = i.profile_id
where (p.traits -> (%(prefix)s || r.purpose || case r.channel when '' then '' else '.' || r.channel end))
      is distinct from to_jsonb(r.granted)
"""
_SAID_OF = """
select asked.place, c.purpose, c.channel, c.granted, c.means <> %(stamp)s,
       (extract(epoch from c.repeated_at) * 1000000)::bigint
from unnest(%(kinds)s, %(values)s) with ordinality as asked (kind, value, place)
join identity_identifier named on named.kind = (%(names)s)[asked.kind] and named.value = asked.value
join identity_identifier i on i.profile_id = named.profile_id
join identity_consent c on c.identifier_id = i.id and c.purpose = any(%(purposes)s)
"""
_KNOWN = """
select asked.place from unnest(%(kinds)s, %(values)s) with ordinality as asked (kind, value, place)
join identity_identifier i on i.kind = (%(names)s)[asked.kind] and i.value = asked.value
"""

Records = Sequence[tuple[int, ConsentIn]]


def store_consents(
    cursor: psycopg.Cursor[Any], records: Records, *, now: datetime, profile_of: Callable[[int], int],
    newborn: Collection[int] = (),
) -> set[int]:  # fmt: skip
    """Keep (identifier id, word) pairs; answers the profiles whose traits they may change. At most three statements.

    The caller owns the transaction and the turn. Nothing can have been said of `newborn` identifiers before.
    """
    if not records:
        return set()
    incoming = [
        consents.Told(i, one.purpose, one.channel, one.source_id, one.means, one.granted, one.at_us, one.at_us)
        for i, one in records
    ]
    known = {told.identifier_id for told in incoming if told.means in consents.FROM_EVENTS}.difference(newborn)
    rows = _told(cursor, known) if known else []
    fresh, repeats = consents.fold([_word_told(row) for row in rows], incoming)
    changed = {profile_of(records[place][0]) for place in fresh}
    if fresh:
        cursor.execute(_RECORD, _columns([(*records[place], until) for place, until in fresh.items()]) | {"now": now})
    if repeats:
        again = {
            "ids": pg.int8s([rows[place][0] for place in repeats]), "at": pg.timestamps(list(repeats.values())),
            "prefix": consents.PREFIX,
        }  # fmt: skip
        changed.update(row[0] for row in cursor.execute(_REPEAT, again))
    return changed


def _told(cursor: psycopg.Cursor[Any], ids: Collection[int]) -> list[tuple[Any, ...]]:
    return cursor.execute(_TOLD, {"ids": pg.int8s(sorted(ids))}).fetchall()


def _word_told(row: tuple[Any, ...]) -> consents.Told:
    return consents.Told._make(row[1:9])


@dataclass(slots=True)
class Resting:
    """Records of some identifiers: those that begin or end with a word that goes, and when each identifier is first
    named by the others."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    named_us: dict[int, int] = field(default_factory=dict)

    @property
    def identifier_ids(self) -> set[int]:
        return {row[1] for row in self.rows}


def resting_on(cursor: psycopg.Cursor[Any], ids: Collection[int], going: Records) -> Resting:
    """Which records of these identifiers rest on words that go."""
    found = Resting()
    times = {
        (*consents.Told(i, one.purpose, one.channel, one.source_id, one.means, one.granted, 0, 0)[:6], one.at_us)
        for i, one in going
    }
    for row in _told(cursor, ids) if ids else ():
        told = _word_told(row)
        if not times.isdisjoint({(*told[:6], told.said_us), (*told[:6], told.repeated_us)}):
            found.rows.append(row)
        else:
            found.named_us[told.identifier_id] = min(told.said_us, found.named_us.get(told.identifier_id, told.said_us))
    return found


def take_back(cursor: psycopg.Cursor[Any], resting: Resting, left: Records, *, now: datetime) -> None:
    """Delete these records, and keep again what is left of the words that they told."""
    if not resting.rows:
        return
    cursor.execute(
        "delete from identity_consent where id = any(%(ids)s)", {"ids": pg.int8s([row[0] for row in resting.rows])}
    )
    again: list[tuple[int, ConsentIn]] = []
    for row in resting.rows:
        told = _word_told(row)
        again += [
            (i, one._replace(text_version=one.text_version or row[9], ip=row[10]))
            for i, one in left
            if (i, one.purpose, one.channel, one.source_id, one.means, one.granted) == told[:6]
            and told.said_us <= one.at_us <= told.repeated_us
        ]
    store_consents(cursor, again, now=now, profile_of=lambda _: 0)


def _columns(rows: Sequence[tuple[int, ConsentIn, int]]) -> dict[str, Any]:
    names, told = Names(), [row[1] for row in rows]
    return {
        "ids": pg.int8s([row[0] for row in rows]),
        "purposes": pg.int4s([names[one.purpose] for one in told]),
        "channels": pg.int4s([names[one.channel] for one in told]),
        "means": pg.int4s([names[one.means] for one in told]),
        "granted": pg.bools([one.granted for one in told]),
        "said": pg.timestamps([one.at_us for one in told]),
        "repeated": pg.timestamps([row[2] for row in rows]),
        "sources": pg.int4s([one.source_id for one in told]),
        "versions": pg.int4s([-1 if one.text_version is None else one.text_version for one in told]),
        "evidence": pg.texts(one.evidence for one in told),
        "by": pg.texts(one.by for one in told),
        "ips": pg.texts(one.ip for one in told),
        "messages": pg.texts(one.message_id for one in told),
        "names": names.packed(),
    }


@transaction.atomic
def record_consents(
    identifier_id: int, words: Sequence[ConsentIn], *, now: datetime, after: After | None = None
) -> Settled:
    """Keep what a person chose, in a transaction with a turn of its own; traits, segments and syncs follow in it.

    Raises LookupError when there is no such identifier.
    """
    conn = pg.raw()
    turns.take(conn, _HOLDER)
    cursor = psycopg.Cursor(conn)
    found = load_identifiers(cursor, [identifier_id]).get(identifier_id)
    if found is None:
        raise LookupError(f"There is no identifier {identifier_id}.")
    touched = store_consents(
        cursor, [(identifier_id, word) for word in words], now=now, profile_of=lambda _: found.profile
    )
    changed = profiles.write_profiles(cursor, born={}, reconcile=touched, policy=load_policy(cursor)[1], now=now)
    settled = Settled((), (), (), frozenset(changed))
    run_after(after, conn, settled)
    return settled


def said_of(
    conn: psycopg.Connection[Any], keys: Sequence[IdentifierKey], purposes: Iterable[str]
) -> dict[tuple[IdentifierKey, str], list[consents.Word]]:
    """The words about these purposes of the people who have these identifiers now."""
    rows = psycopg.Cursor(conn).execute(
        _SAID_OF, _asked(keys) | {"purposes": pg.texts(purposes), "stamp": consents.Means.STAMP}
    )
    found: dict[tuple[IdentifierKey, str], list[consents.Word]] = {}
    for place, purpose, *word in rows:
        found.setdefault((keys[place - 1], purpose), []).append(consents.Word(*word))
    return found


def known_among(conn: psycopg.Connection[Any], keys: Sequence[IdentifierKey]) -> set[IdentifierKey]:
    """Which of these identifiers are stored."""
    return {keys[row[0] - 1] for row in psycopg.Cursor(conn).execute(_KNOWN, _asked(keys))}


def _asked(keys: Sequence[IdentifierKey]) -> dict[str, Any]:
    names = Names()
    return {
        "kinds": pg.int4s([names[key.kind] for key in keys]), "values": pg.texts(key.value for key in keys),
        "names": names.packed(),
    }  # fmt: skip


def word_of(consent: ConsentIn) -> consents.Word:
    """The word without its evidence."""
    return consents.Word(consent.channel, consent.granted, consent.means != consents.Means.STAMP, consent.at_us)
