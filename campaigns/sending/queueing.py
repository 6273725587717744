"""Asking for sends: a batch is decided and written down in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import psycopg

from campaigns.messages.contracts import CHANNELS
from campaigns.sending import facts
from campaigns.sending.contracts import NotPossible, Outcome, SendRequest, State, StepKey
from campaigns.sending.deciding import Decision, Past, Person, Rules, Wanted, decide
from campaigns.sending.facts import SendableTemplate
from common import clock, pg

# "send" in ASCII: one decision at a time, as each depends on what the ones before it wrote.
_LOCK = 0x73656E64
# An id after all that there are.
_BEYOND = 1 << 63

_EXISTING = """
select k.n, s.id, s.state, s.channel, s.reason, s.due_at
from unnest(%(origins)s, %(versions)s, %(instances)s, %(steps)s, %(contacts)s) with ordinality as k (o, v, i, t, c, n)
join campaigns_send s on (s.origin, s.version, s.instance, s.step, s.contact) = (k.o, k.v, k.i, k.t, k.c)
"""
_BY_ID = "select id, state, channel, reason, due_at from campaigns_send where id = any(%(ids)s)"
_INSERT = """
insert into campaigns_send (
    id, origin, version, instance, step, identifier_id, contact, channel, template_id, template_version, message_class,
    purpose, "group", variables, priority, state, reason, requested_at, due_at, send_by, attempts, key, provider_id,
    error
)
select nextval(pg_get_serial_sequence('campaigns_send', 'id')), r.origin, r.version, r.instance, r.step,
       r.identifier_id, r.contact, r.channel, r.template_id, r.template_version, r.message_class, r.purpose, r.grp,
       r.variables,
       r.priority, r.state, r.reason, %(now)s, case when r.due_us < 0 then null else r.due_at end,
       case when r.by_us < 0 then null else r.send_by end, 0, gen_random_uuid(), '', ''
from unnest(
    %(origins)s, %(versions)s, %(instances)s, %(steps)s, %(identifiers)s, %(contacts)s, %(channels)s, %(templates)s,
    %(template_versions)s, %(classes)s, %(purposes)s, %(groups)s, %(variables)s, %(priorities)s, %(states)s,
    %(reasons)s, %(due)s, %(due_us)s, %(by)s, %(by_us)s
) with ordinality as r (
    origin, version, instance, step, identifier_id, contact, channel, template_id, template_version, message_class,
    purpose, grp, variables, priority, state, reason, due_at, due_us, send_by, by_us, n
)
order by r.n
on conflict (origin, version, instance, step, contact) do nothing
returning id, origin, version, instance, step, contact
"""


def take_turn(cursor: psycopg.Cursor[Any]) -> None:
    """Wait for the turn to decide about sends, and keep it until the transaction ends."""
    cursor.execute("select pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})


def queue_sends(cursor: psycopg.Cursor[Any], requests: Sequence[SendRequest], now: datetime) -> list[Outcome]:
    """Decide about each request and write it in the ledger; one outcome a request, in order.

    In the caller's transaction, on Django's connection (`pg.cursor()`). Whoever is asked for again, by the same person
    or the same address, gets what became of it before. The number of statements does not depend on the batch. Raises
    NotPossible, before anything is written, for a request that is itself wrong.
    """
    for request in requests:
        _check(request)
    if not requests:
        return []
    if cursor.connection is not pg.raw():
        raise NotPossible("Ask on Django's connection: `with transaction.atomic(), pg.cursor() as cursor`.")
    take_turn(cursor)
    rules = facts.rules(now=now)
    templates = facts.templates(request.template_id for request in requests)
    keys = {request.key for request in requests}
    people = facts.people(cursor, {request.profile_id for request in requests}, keys, rules, now=now)
    decisions = _decide(requests, people, templates, rules, _taken(cursor, requests, people), now=now)
    written = _write(cursor, requests, decisions, templates, now=now)
    return _outcomes(cursor, requests, decisions, written)


def _check(request: SendRequest) -> None:
    if request.message_class not in ("marketing", "transactional"):
        raise NotPossible("The class of a message is `marketing` or `transactional`.")
    if request.message_class == "marketing" and not request.purpose:
        raise NotPossible("Marketing needs the purpose that people consent to. Name one.")
    if not request.channels or set(request.channels) - set(CHANNELS):
        raise NotPossible(f"Name at least one channel of {', '.join(CHANNELS)}.")
    if len(request.origin) > 100 or len(request.instance) > 200 or len(request.step) > 100 or not request.origin:
        raise NotPossible("Origin (1 to 100 characters), instance (200) and step (100) are too long, or missing.")
    if not -(1 << 31) <= request.priority < 1 << 31:
        raise NotPossible("The priority is a whole number of 32 bits.")


class _Decided(NamedTuple):
    """A decision about a new row; or the id of the row, or the place in this batch, where it was decided before."""

    decision: Decision
    identifier_id: int = 0
    contact: bytes = b""
    existing: int = 0
    twin: int | None = None

    @property
    def is_new(self) -> bool:
        return not self.existing and self.twin is None


# What is known of a row at an address: its id, or (below zero) the place in this batch.
_Taken = dict[tuple[StepKey, bytes], int]


def _decide(
    requests: Sequence[SendRequest], people: Mapping[int, Person], templates: Mapping[int, SendableTemplate],
    rules: Rules, taken: _Taken, *, now: datetime,
) -> list[_Decided]:  # fmt: skip
    found: dict[int, _Decided] = {}
    for place in sorted(range(len(requests)), key=lambda n: (-requests[n].priority, n)):
        request, person = requests[place], people.get(requests[place].profile_id)
        made = found[place] = _one(request, person, templates.get(request.template_id), rules, taken, now=now)
        if not made.is_new:
            continue
        taken[request.key, made.contact] = -1 - place
        if person is not None:
            # Later ones of the batch, which are decided in the order in which they go out, see it.
            due, live = made.decision.due_at or now, made.decision.contact is not None
            person.past.append(Past(
                -1 - place, request.key, made.decision.channel, request.message_class, request.priority, due, live, True
            ))  # fmt: skip
    return [found[place] for place in range(len(requests))]


def _one(
    request: SendRequest, person: Person | None, template: SendableTemplate | None, rules: Rules, taken: _Taken, *,
    now: datetime,
) -> _Decided:  # fmt: skip
    first = request.channels[0]
    if person is None:
        return _refused(request, Decision(first, None, None, "no_profile"), request.profile_id, taken)
    if before := next((one.id for one in person.past if one.key == request.key), 0):
        return _again(before)
    if template is None:
        return _refused(request, Decision(first, None, None, "no_template"), person.profile_id, taken)
    wanted = Wanted(
        _BEYOND, request.key, [channel for channel in request.channels if channel in template.channels],
        request.message_class, request.purpose, template.group, request.priority, request.not_before, request.send_by,
    )  # fmt: skip
    decision = decide(wanted, person, rules, now=now)
    if decision.contact is None:
        return _refused(request, decision._replace(channel=decision.channel or first), person.profile_id, taken)
    if before := taken.get((request.key, decision.contact.digest), 0):
        return _again(before)
    return _Decided(decision, decision.contact.identifier_id, decision.contact.digest)


def _again(before: int) -> _Decided:
    nothing = Decision("", None, None, "duplicate")
    return _Decided(nothing, existing=before) if before > 0 else _Decided(nothing, twin=-1 - before)


def _refused(request: SendRequest, decision: Decision, person_id: int, taken: _Taken) -> _Decided:
    """It hangs on the person; there is no address."""
    contact = facts.digest_of("nobody", str(person_id))
    before = taken.get((request.key, contact), 0)
    return _again(before) if before else _Decided(decision, person_id, contact)


def _taken(
    cursor: psycopg.Cursor[Any], requests: Sequence[SendRequest], people: Mapping[int, Person]
) -> _Taken:  # fmt: skip
    """Rows of these steps at addresses that these people have now."""
    asked: set[tuple[StepKey, bytes]] = set()
    for request in requests:
        person = people.get(request.profile_id)
        asked.add((request.key, facts.digest_of("nobody", str(person.profile_id if person else request.profile_id))))
        known = person.contacts.values() if person else ()
        asked |= {(request.key, one.digest) for contacts in known for one in contacts}
    listed = sorted(asked)
    rows = cursor.execute(_EXISTING, {
        **_keys(key for key, _ in listed), "contacts": pg.byteas(contact for _, contact in listed),
    }).fetchall()  # fmt: skip
    return {listed[row[0] - 1]: row[1] for row in rows}


def _keys(keys: Iterable[StepKey]) -> dict[str, Any]:
    listed = list(keys)
    return {
        "origins": pg.texts(key.origin for key in listed), "versions": pg.int4s([key.version for key in listed]),
        "instances": pg.texts(key.instance for key in listed), "steps": pg.texts(key.step for key in listed),
    }  # fmt: skip


def _write(
    cursor: psycopg.Cursor[Any], requests: Sequence[SendRequest], decided: Sequence[_Decided],
    templates: Mapping[int, SendableTemplate], *, now: datetime,
) -> dict[tuple[StepKey, bytes], int]:  # fmt: skip
    # The ids follow the order of the decisions: of equal priority the first asked goes first.
    order = sorted(
        (n for n, one in enumerate(decided) if one.is_new), key=lambda n: (-requests[n].priority, n)
    )  # fmt: skip
    rows = [(requests[n], decided[n]) for n in order]
    if not rows:
        return {}
    due = [clock.micros(made.decision.due_at) if made.decision.due_at else -1 for _, made in rows]
    until = [clock.micros(one.send_by) if one.send_by else -1 for one, _ in rows]
    known = [templates.get(one.template_id) for one, _ in rows]
    found = cursor.execute(_INSERT, {
        **_keys(one.key for one, _ in rows), "now": now,
        "identifiers": pg.int8s([made.identifier_id for _, made in rows]),
        "contacts": pg.byteas(made.contact for _, made in rows),
        "channels": pg.texts(made.decision.channel for _, made in rows),
        "templates": pg.int8s([one.template_id for one, _ in rows]),
        "template_versions": pg.int4s([one.version if one else 0 for one in known]),
        "classes": pg.texts(one.message_class for one, _ in rows),
        "purposes": pg.texts(one.purpose for one, _ in rows),
        "groups": pg.texts(one.group if one else "" for one in known),
        # What is not sent needs no variables.
        "variables": pg.jsonbs(
            orjson.dumps(dict(one.variables)) if made.decision.contact else b"{}" for one, made in rows
        ),
        "priorities": pg.int4s([one.priority for one, _ in rows]),
        "states": pg.texts("queued" if made.decision.contact else "skipped" for _, made in rows),
        "reasons": pg.texts(made.decision.reason for _, made in rows),
        "due": pg.timestamps([max(one, 0) for one in due]), "due_us": pg.int8s(due),
        "by": pg.timestamps([max(one, 0) for one in until]), "by_us": pg.int8s(until),
    }).fetchall()  # fmt: skip
    return {(StepKey(*row[1:5]), bytes(row[5])): row[0] for row in found}


def _outcomes(
    cursor: psycopg.Cursor[Any], requests: Sequence[SendRequest], decided: Sequence[_Decided],
    written: Mapping[tuple[StepKey, bytes], int],
) -> list[Outcome]:  # fmt: skip
    ids = sorted({one.existing for one in decided if one.existing})
    rows = cursor.execute(_BY_ID, {"ids": pg.int8s(ids)}).fetchall()
    before = {row[0]: Outcome(row[0], row[1], row[2], row[3], row[4], existing=True) for row in rows}
    return [_outcome(n, requests, decided, before, written) for n in range(len(requests))]


def _outcome(
    place: int, requests: Sequence[SendRequest], decided: Sequence[_Decided], before: Mapping[int, Outcome],
    written: Mapping[tuple[StepKey, bytes], int],
) -> Outcome:  # fmt: skip
    one = decided[place]
    if one.twin is not None:
        return replace(_outcome(one.twin, requests, decided, before, written), existing=True)
    if one.existing:
        return before[one.existing]
    state: State = "queued" if one.decision.contact else "skipped"
    send_id = written[requests[place].key, one.contact]
    return Outcome(send_id, state, one.decision.channel, one.decision.reason, one.decision.due_at)
