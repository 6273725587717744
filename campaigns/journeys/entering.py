"""Who enters: once for each trigger that the rule of re-entry lets pass, whatever is killed or comes twice.

All entries of a campaign are made under the lock of its row, in the transaction that takes the trigger away (a row of
the queue, a stretch of the ledger, a slice of a broadcast). The unique key of instances is the last line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from campaigns.experiments.assigning import share
from campaigns.journeys.models import Instance
from campaigns.journeys.spec import Spec
from common import clock, pg

_LOCK = "select id from campaigns_campaign where id = any(%(ids)s) and state = 'running' order by id for update"
# A profile's instances hang on any of its identifiers that once founded one.
_BEFORE = """
select n.campaign, n.profile, n.key, max(i.entered_at), bool_or(i.state = 'active'), max(i.round)
from (select distinct * from unnest(%(campaigns)s, %(profiles)s, %(keys)s)) as n (campaign, profile, key)
join identity_member m on m.profile_id = n.profile
join campaigns_instance i on i.person_id = m.identifier_id and i.campaign_id = n.campaign and i.key = n.key
group by 1, 2, 3
"""
_INSERT = """
insert into campaigns_instance (campaign_id, version, person_id, key, round, state, step, lane, acted, reached, tries,
    problem, entered_at, arrived_at, due_at, ended_at)
select n.campaign, n.version, n.person, n.key, n.round, n.state, n.step, '', false, false, 0, '', n.at, n.at,
    case when n.state = 'active' then n.due end, case when n.state = 'active' then null else n.at end
from unnest(%(campaigns)s, %(versions)s, %(people)s, %(keys)s, %(rounds)s, %(states)s, %(steps)s, %(at)s, %(due)s)
    as n (campaign, version, person, key, round, state, step, at, due)
on conflict (campaign_id, person_id, key, round) do nothing
"""


class Candidate(NamedTuple):
    """A trigger for a person (a live profile) or one of his keys; `due_at` when the first step begins."""

    campaign_id: int
    profile_id: int
    key: str
    at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A running campaign as people enter it now."""

    id: int
    version: int
    seed: str
    spec: Spec


class Before(NamedTuple):
    """What there is of a person and key in a campaign."""

    last: datetime | None = None
    active: bool = False
    round: int = -1


def may_enter(spec: Spec, before: Before, at: datetime) -> bool:
    """Whether the rule of re-entry lets a trigger at this instant pass. Pure."""
    if before.last is None:
        return True
    if spec.again == "never" or (spec.again == "after_exit" and before.active):
        return False
    # A trigger that is not later than the last entry is that very one, or came in out of order.
    return at > before.last and at >= before.last + timedelta(minutes=spec.again_minutes)


def held_out(spec: Spec, seed: str, profile_id: int) -> bool:
    """Whether a person is among those who get nothing: the same in every round."""
    return share(seed, "holdout", f"profile:{profile_id}") * 100 < spec.holdout


def lock(cursor: psycopg.Cursor[Any], campaign_ids: Iterable[int]) -> set[int]:
    """Hold the rows of those of these campaigns that run until the transaction ends."""
    return {row[0] for row in cursor.execute(_LOCK, {"ids": sorted(set(campaign_ids))}).fetchall()}


def enter(cursor: psycopg.Cursor[Any], opened: dict[int, Opened], candidates: Sequence[Candidate]) -> int:
    """Let candidates in, oldest first, as far as they may; answers how many came.

    The caller holds the campaigns' locks. Two statements, however many there are.
    """
    if not candidates:
        return 0
    standing = _standing(cursor, candidates)
    rows = list[tuple[Candidate, int, bool]]()
    for one in sorted(candidates, key=lambda candidate: (candidate.at, candidate.profile_id)):
        campaign = opened[one.campaign_id]
        place = (one.campaign_id, one.profile_id, one.key)
        before = standing.get(place, Before())
        if not may_enter(campaign.spec, before, one.at):
            continue
        out = held_out(campaign.spec, campaign.seed, one.profile_id)
        standing[place] = Before(one.at, not out, before.round + 1)
        rows.append((one, before.round + 1, out))
    if not rows:
        return 0
    return cursor.execute(_INSERT, {
        "campaigns": pg.int8s([one.campaign_id for one, _, _ in rows]),
        "versions": pg.int4s([opened[one.campaign_id].version for one, _, _ in rows]),
        "people": pg.int8s([one.profile_id for one, _, _ in rows]),
        "keys": pg.texts(one.key for one, _, _ in rows),
        "rounds": pg.int4s([number for _, number, _ in rows]),
        "states": pg.texts(Instance.State.HELD_OUT if out else Instance.State.ACTIVE for _, _, out in rows),
        "steps": pg.texts("" if out else opened[one.campaign_id].spec.first for one, _, out in rows),
        "at": pg.timestamps([clock.micros(one.at) for one, _, _ in rows]),
        "due": pg.timestamps([clock.micros(one.due_at) for one, _, _ in rows]),
    }).rowcount  # fmt: skip


def not_again(cursor: psycopg.Cursor[Any], campaign: Opened, profiles: Sequence[int], at: datetime) -> set[int]:
    """Those of these profiles whom the rule of re-entry keeps out of a broadcast at an instant."""
    asked = [Candidate(campaign.id, profile, "", at, at) for profile in profiles]
    found = _standing(cursor, asked)
    return {place[1] for place, before in found.items() if not may_enter(campaign.spec, before, at)}


def _standing(cursor: psycopg.Cursor[Any], candidates: Sequence[Candidate]) -> dict[tuple[int, int, str], Before]:
    rows = cursor.execute(_BEFORE, {
        "campaigns": pg.int8s([one.campaign_id for one in candidates]),
        "profiles": pg.int8s([one.profile_id for one in candidates]),
        "keys": pg.texts(one.key for one in candidates),
    }).fetchall()  # fmt: skip
    return {(row[0], row[1], row[2]): Before(*row[3:]) for row in rows}
