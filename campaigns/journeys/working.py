"""Moving people on: what is due is claimed, decided on facts, and written, in one transaction a batch.

A worker that is killed leaves everything as it was; another one claims it again. Workers pass each other by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from django.db import transaction

from campaigns.experiments import exposing
from campaigns.experiments.selectors import experiments_named, sources_of
from campaigns.journeys import reading
from campaigns.journeys.advancing import Decision, Expose, Message, Standing, Tell, advance
from campaigns.journeys.models import Instance
from campaigns.journeys.reading import Who
from campaigns.journeys.sent import origin_of
from campaigns.journeys.spec import Spec
from campaigns.messages.selectors import template_ids
from campaigns.sending.contracts import SendRequest
from campaigns.sending.queueing import queue_sends
from common import clock, pg
from identity import selectors as identity
from identity.contracts import IdentifierKey

AT_ONCE = 1_000
# Of two journeys of one person that began before he was merged, the older one goes on.
_CLAIM = """
with due as (
    select i.* from campaigns_instance i join campaigns_campaign c on c.id = i.campaign_id and c.state = 'running'
    where i.state = 'active' and i.lane = '' and i.due_at <= %(now)s
    order by i.due_at, i.id limit %(limit)s for update of i skip locked
)
select d.id, d.campaign_id, d.version, d.person_id, m.profile_id, d.key, d.step, d.acted, d.problem <> '', d.entered_at,
       d.arrived_at, c.seed, c.source_id, exists (
           select from identity_member o join campaigns_instance i on i.person_id = o.identifier_id
           where o.profile_id = m.profile_id and i.campaign_id = d.campaign_id and i.key = d.key and i.id < d.id
             and i.state = 'active' and i.person_id <> d.person_id)
from due d join campaigns_campaign c on c.id = d.campaign_id
left join identity_member m on m.identifier_id = d.person_id
"""
_WRITE = """
update campaigns_instance i set step = n.step, arrived_at = n.arrived, state = n.state, lane = n.lane,
    reached = i.reached or n.reached, acted = false, tries = 0, problem = '',
    due_at = case when n.state = 'active' then n.due end,
    ended_at = case when n.state = 'active' then null else n.due end
from unnest(%(ids)s, %(steps)s, %(arrived)s, %(states)s, %(lanes)s, %(reached)s, %(due)s)
    as n (id, step, arrived, state, lane, reached, due)
where i.id = n.id
"""
_PASSED = """
insert into campaigns_passage (instance_id, campaign_id, step, way, arrived_at, left_at)
select * from unnest(%(instances)s, %(campaigns)s, %(steps)s, %(ways)s, %(arrived)s, %(left)s)
"""


class Claimed(NamedTuple):
    """One journey that is due. Without a profile the person was erased meanwhile."""

    id: int
    campaign_id: int
    version: int
    person_id: int
    profile_id: int | None
    key: str
    step: str
    acted: bool
    failed: bool
    entered_at: datetime
    arrived_at: datetime
    seed: str
    source_id: int
    doubled: bool

    @property
    def standing(self) -> Standing:
        unit = f"profile:{self.person_id}" + (f":{self.key}" if self.key else "")
        return Standing(unit, self.entered_at, self.step, self.arrived_at, self.acted, self.failed)


def move_due(*, now: datetime, limit: int = AT_ONCE) -> int:
    """Move on whoever is due; answers how many were. Call it again while it equals `limit`."""
    with transaction.atomic(), pg.cursor() as cursor:
        claimed = [Claimed(*row) for row in cursor.execute(_CLAIM, {"now": now, "limit": limit}).fetchall()]
        if not claimed:
            return 0
        specs = reading.specs(cursor, [(one.campaign_id, one.version) for one in claimed])
        decisions = _decide(cursor, claimed, specs, now=now)
        decisions = _ask(cursor, claimed, decisions, specs, now=now)
        _act(claimed, decisions, now=now)
        _write(cursor, claimed, decisions)
    return len(claimed)


def _decide(
    cursor: psycopg.Cursor[Any], claimed: Sequence[Claimed], specs: Mapping[tuple[int, int], Spec], *, now: datetime
) -> dict[int, Decision]:  # fmt: skip
    alive = [one for one in claimed if one.profile_id is not None and not one.doubled]
    facts = reading.facts(cursor, [
        Who(one.id, one.profile_id or 0, one.entered_at, specs[one.campaign_id, one.version]) for one in alive
    ], now=now)  # fmt: skip
    found = {one.id: Decision("", now, None, ended=Instance.State.MERGED) for one in claimed}
    for one in alive:
        spec = specs[one.campaign_id, one.version]
        found[one.id] = advance(spec, one.standing, facts[one.id], seed=one.seed, now=now)
    return found


def _ask(
    cursor: psycopg.Cursor[Any], claimed: Sequence[Claimed], decisions: Mapping[int, Decision],
    specs: Mapping[tuple[int, int], Spec], *, now: datetime,
) -> dict[int, Decision]:  # fmt: skip
    """Ask for the messages; the passages tell what was decided about each."""
    asked = [
        (one, act, specs[one.campaign_id, one.version]) for one in claimed for act in decisions[one.id].acts
        if isinstance(act, Message)
    ]  # fmt: skip
    if not asked:
        return dict(decisions)
    numbers = template_ids({act.template for _, act, _ in asked})
    outcomes = queue_sends(cursor, [
        SendRequest(
            origin=origin_of(one.campaign_id), version=one.version, instance=str(one.id), step=act.step,
            profile_id=one.profile_id or 0, template_id=numbers.get(act.template, 0), channels=act.channels,
            message_class=spec.message_class, purpose=spec.purpose, variables=act.variables, priority=spec.priority,
        ) for one, act, spec in asked
    ], now)  # fmt: skip
    told = {
        (one.id, act.step): outcome.state if outcome.state != "skipped" else f"skipped: {outcome.reason}"
        for (one, act, _), outcome in zip(asked, outcomes, strict=True)
    }  # fmt: skip
    return {
        number: replace(found, passed=tuple(
            replace(each, way=told[number, each.step]) if (number, each.step) in told else each
            for each in found.passed
        )) for number, found in decisions.items()
    }  # fmt: skip


def _act(claimed: Sequence[Claimed], decisions: Mapping[int, Decision], *, now: datetime) -> None:
    """What goes to the inbox: traits that are said of people, and variants that they see."""
    acting = [one for one in claimed if decisions[one.id].acts]
    if not acting:
        return
    named = identity.identifiers_named({one.profile_id or 0 for one in acting})
    shown = {act.experiment for one in acting for act in decisions[one.id].acts if isinstance(act, Expose)}
    experiments = {one.slug: one for one in experiments_named(sorted(shown))}
    sources = sources_of(sorted(shown))
    calls: dict[int, list[dict[str, Any]]] = {}
    for one in acting:
        who = named[one.profile_id or 0]
        for act in decisions[one.id].acts:
            if isinstance(act, Message):
                continue
            if isinstance(act, Tell):
                calls.setdefault(one.source_id, []).append(_identify(one, who, act, now))
            else:
                experiment = experiments[act.experiment]
                variant = next(each for each in experiment.variants if each.key == act.variant)
                calls.setdefault(sources[experiment.slug], []).append(
                    exposing.exposure(experiment, variant, kind=who.kind, value=who.value, now=now)
                )
    for source, told in calls.items():
        exposing.store(told, source_id=source, now=now)


def _identify(one: Claimed, who: IdentifierKey, act: Tell, now: datetime) -> dict[str, Any]:
    """A call that says traits. Its id is that of the journey and the step, so a repeat is dropped."""
    return {
        "type": "identify", "messageId": f"campaign-{one.campaign_id}-{one.id}-{act.step}",
        "timestamp": clock.iso(now), "traits": dict(act.traits),
    } | exposing.bearer(who.kind, who.value)  # fmt: skip


def _write(cursor: psycopg.Cursor[Any], claimed: Sequence[Claimed], decisions: Mapping[int, Decision]) -> None:
    rows = [(one, decisions[one.id]) for one in claimed]
    cursor.execute(_WRITE, {
        "ids": pg.int8s([one.id for one, _ in rows]), "steps": pg.texts(found.step for _, found in rows),
        "arrived": pg.timestamps([clock.micros(found.arrived_at) for _, found in rows]),
        "states": pg.texts(found.ended or Instance.State.ACTIVE for _, found in rows),
        "lanes": pg.texts(found.lane for _, found in rows),
        "reached": pg.bools([found.reached for _, found in rows]),
        "due": pg.timestamps([clock.micros(found.due_at or found.arrived_at) for _, found in rows]),
    })  # fmt: skip
    passed = [(one, each) for one, found in rows for each in found.passed]
    if passed:
        cursor.execute(_PASSED, {
            "instances": pg.int8s([one.id for one, _ in passed]),
            "campaigns": pg.int8s([one.campaign_id for one, _ in passed]),
            "steps": pg.texts(each.step for _, each in passed), "ways": pg.texts(each.way for _, each in passed),
            "arrived": pg.timestamps([clock.micros(each.arrived_at) for _, each in passed]),
            "left": pg.timestamps([clock.micros(each.left_at) for _, each in passed]),
        })  # fmt: skip
