"""Who sends what: rows are claimed for a while, decided once more, and freed when their worker is gone."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import transaction

from campaigns.sending import facts
from campaigns.sending.contracts import StepKey
from campaigns.sending.deciding import Decision, Past, Person, Wanted, decide
from campaigns.sending.queueing import take_turn
from common import clock, pg

LEASE = timedelta(seconds=90)
# A decision is worth this long; what was not handed over by then is decided again.
FRESH = timedelta(seconds=20)
MOST = 50

_DUE = """
select id, origin, version, instance, step, identifier_id, contact, channel, template_id, template_version,
       message_class, purpose, "group", variables::text, priority, send_by, attempts, key
from campaigns_send
where channel = %(channel)s and state = 'queued' and due_at <= %(now)s
order by priority desc, due_at, id limit %(limit)s for update skip locked
"""
_DECIDED = """
update campaigns_send s
set state = d.state, reason = d.reason, due_at = case when d.due_us < 0 then s.due_at else d.due_at end,
    claim = case d.state when 'claimed' then %(claim)s::uuid end,
    lease_until = case d.state when 'claimed' then %(lease)s::timestamptz end,
    handed_at = case d.state when 'claimed' then %(now)s::timestamptz end,
    settled_at = case d.state when 'skipped' then %(now)s::timestamptz end,
    variables = case d.state when 'skipped' then '{}' else s.variables end
from unnest(%(ids)s, %(states)s, %(reasons)s, %(due)s, %(due_us)s) as d (id, state, reason, due_at, due_us)
where s.id = d.id
"""
# Whoever had it had not begun: nothing went out.
_FREE_CLAIMED = """
update campaigns_send set state = 'queued', claim = null, lease_until = null, handed_at = null
where channel = %(channel)s and state = 'claimed' and lease_until < %(now)s
"""
# Whoever had it died in the middle: nobody knows whether it went out, unless the provider told of it meanwhile. What
# is not known keeps its claim: a worker that is only slow, or whose neighbour's clock is ahead, still says what became
# of it.
_FREE_HANDING = """
update campaigns_send set
    state = case when provider_id <> '' then 'sent' when %(safe)s or message_class = 'transactional' then 'queued'
                 else 'unknown' end,
    error = 'The worker was cut off in the middle.', attempts = attempts + 1, lease_until = null,
    claim = case when provider_id <> '' or %(safe)s or message_class = 'transactional' then null else claim end,
    settled_at = case when provider_id = '' and (%(safe)s or message_class = 'transactional') then null
                      else %(now)s::timestamptz end
where channel = %(channel)s and state = 'handing' and lease_until < %(now)s
"""
_BEGIN = """
update campaigns_send s set state = 'handing', lease_until = %(lease)s
where id = %(id)s and claim = %(claim)s and state = 'claimed' and (channel = 'inapp' or exists (
    select from campaigns_sendingchannel c
    where c.channel = s.channel and not c.paused and (c.rest_until is null or c.rest_until <= %(now)s)))
"""
_RELEASE = """
update campaigns_send set state = 'queued', claim = null, lease_until = null, handed_at = null
where claim = %(claim)s and state = 'claimed'
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is ours to hand over, and to whom."""

    id: int
    key: StepKey
    identifier_id: int
    contact: bytes
    channel: str
    template_id: int
    template_version: int
    message_class: str
    purpose: str
    group: str
    variables: Mapping[str, Any]
    priority: int
    send_by: datetime | None
    attempts: int
    idempotency_key: str


def free_abandoned(channel: str, *, repeats_are_safe: bool, now: datetime) -> None:
    """Give back what workers held that are gone. See `channels.kit` for what happens where it is not known."""
    given = {"channel": channel, "now": now, "safe": repeats_are_safe}
    with transaction.atomic():
        cursor = pg.cursor()
        cursor.execute(_FREE_CLAIMED, given)
        cursor.execute(_FREE_HANDING, given)


@transaction.atomic
def claim(channel: str, *, token: uuid.UUID, now: datetime, most: int = MOST) -> list[Claimed] | None:
    """Take a batch of at most `most` of what is due, decided anew; None when nothing is due.

    What does not fit any more is skipped with the reason, or put off; the number of statements is fixed.
    """
    cursor = pg.cursor()
    take_turn(cursor)
    given = {"channel": channel, "now": now, "limit": most}
    rows = [_claimed(*row) for row in cursor.execute(_DUE, given).fetchall()]
    if not rows:
        return None
    rules = facts.rules(now=now)
    people = facts.people(cursor, {row.identifier_id for row in rows}, {row.key for row in rows}, rules, now=now)
    decisions = [_again(row, people.get(row.identifier_id), rules, now) for row in rows]
    _write(cursor, rows, decisions, token, now=now)
    return [row for row, (state, _) in zip(rows, decisions, strict=True) if state == "claimed"]


def _claimed(
    number: int, origin: str, version: int, instance: str, step: str, identifier_id: int, contact: bytes, *more: Any
) -> Claimed:  # fmt: skip
    channel, template_id, template_version, kind, purpose, group, variables, priority, send_by, attempts, key = more
    return Claimed(
        number, StepKey(origin, version, instance, step), identifier_id, bytes(contact), channel, template_id,
        template_version, kind, purpose, group, pg.from_jsonb(variables), priority, send_by, attempts, str(key),
    )  # fmt: skip


def _again(row: Claimed, person: Person | None, rules: facts.Rules, now: datetime) -> tuple[str, Decision]:
    if person is None:
        return "skipped", Decision(row.channel, None, None, "no_profile")
    wanted = Wanted(
        row.id, row.key, (row.channel,), row.message_class, row.purpose, row.group, row.priority, None, row.send_by,
        row.contact,
    )  # fmt: skip
    found = decide(wanted, person, rules, now=now)
    if found.contact is None:
        return "skipped", found
    if found.due_at is not None and found.due_at > now:
        return "queued", found
    person.past[:] = [one for one in person.past if one.id != row.id]
    person.past.append(Past(row.id, row.key, row.channel, row.message_class, row.priority, now, True, True))
    return "claimed", found


def _write(
    cursor: psycopg.Cursor[Any], rows: Sequence[Claimed], decisions: Sequence[tuple[str, Decision]],
    token: uuid.UUID, *, now: datetime,
) -> None:  # fmt: skip
    due = [clock.micros(one.due_at) if one.due_at and state == "queued" else -1 for state, one in decisions]
    cursor.execute(_DECIDED, {
        "claim": token, "lease": now + LEASE, "now": now, "ids": pg.int8s([row.id for row in rows]),
        "states": pg.texts(state for state, _ in decisions), "reasons": pg.texts(one.reason for _, one in decisions),
        "due": pg.timestamps([max(one, 0) for one in due]), "due_us": pg.int8s(due),
    })  # fmt: skip


def begin(send_id: int, *, token: uuid.UUID, now: datetime) -> bool:
    """Note, before the call, that it is made; False when the row is not ours any more, or its channel stopped."""
    with transaction.atomic():
        given = {"id": send_id, "claim": token, "lease": now + LEASE, "now": now}
        return pg.cursor().execute(_BEGIN, given).rowcount == 1


def release(token: uuid.UUID) -> None:
    """Give back what was claimed and not begun."""
    with transaction.atomic():
        pg.cursor().execute(_RELEASE, {"claim": token})


def channels_due(*, now: datetime) -> list[str]:
    """The channels that have something to do."""
    rows = pg.cursor().execute(
        "select distinct channel from campaigns_send where state = 'queued' and due_at <= %(now)s"
        " or state in ('claimed', 'handing') and lease_until < %(now)s",
        {"now": now},
    )
    return sorted(row[0] for row in rows.fetchall())
