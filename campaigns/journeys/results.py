"""What came of a campaign: counts by step, and whether it did more than nothing, beside those who were held out."""

from datetime import datetime, timedelta
from math import sqrt
from typing import Any

import psycopg

from campaigns.journeys import selectors
from campaigns.journeys.contracts import Arm, CampaignResults, Difference, StepCount
from campaigns.journeys.sent import message_counts
from campaigns.journeys.spec import Goal, Spec
from common import pg
from segments.contracts import filters_hold

# As experiments do: fewer say nothing.
LEAST_CONVERSIONS = 5
_PLANNED, _ALPHA = 1_000, 0.05
_PASSED = "select step, way, count(*) from campaigns_passage where campaign_id = %(id)s group by 1, 2"
_WAITING = """
select step, count(*) from campaigns_instance where campaign_id = %(id)s and state = 'active' group by 1
"""
# Everybody counts once, by the first entry, so that people and not triggers are the units.
_UNITS = """
with unit as (
    select distinct on (m.profile_id) m.profile_id, i.state = 'held_out' as held, i.entered_at as at, i.reached
    from campaigns_instance i join identity_member m on m.identifier_id = i.person_id
    where i.campaign_id = %(id)s order by m.profile_id, i.entered_at, i.id
)
"""
_COUNTS = (
    _UNITS
    + """
select held, count(*), count(*) filter (where at + %(window)s <= %(now)s), count(*) filter (where reached)
from unit group by held
"""
)
_GOALS = (
    _UNITS
    + """
select u.profile_id, u.held, e.properties::text from unit u
join identity_member m on m.profile_id = u.profile_id
join events_event e on e.identifier_id = m.identifier_id and e.name = %(event)s
    and e.occurred_at > u.at and e.occurred_at <= u.at + %(window)s
where u.at + %(window)s <= %(now)s
"""
)


def campaign_results(campaign_id: int, *, now: datetime) -> CampaignResults:
    """As it stands now. Conversions are of people whose window is over, so that early ones weigh no more."""
    spec = selectors.spec_in_force(campaign_id)
    with psycopg.Cursor(pg.raw()) as cursor:
        steps, messages = _steps(cursor, campaign_id, spec), message_counts(cursor, campaign_id)
        treated, held = _arms(cursor, campaign_id, spec.goal, now)
    states = selectors.states([campaign_id])[campaign_id]
    difference = _compared(treated, held, spec.goal)
    words = _words(treated, held, spec.goal, difference)
    return CampaignResults(now, states, steps, messages, treated, held, difference, words)


def _steps(cursor: psycopg.Cursor[Any], campaign_id: int, spec: Spec) -> tuple[StepCount, ...]:
    left: dict[str, dict[str, int]] = {}
    for step, way, count in cursor.execute(_PASSED, {"id": campaign_id}).fetchall():
        left.setdefault(step, {})[way] = count
    waiting = dict(cursor.execute(_WAITING, {"id": campaign_id}).fetchall())
    names = list(dict.fromkeys([*(one.id for one in spec.steps), *left, *waiting]))
    return tuple(
        StepCount(
            name, sum(left.get(name, {}).values()) + waiting.get(name, 0), waiting.get(name, 0), left.get(name, {})
        )
        for name in names
    )


def _arms(cursor: psycopg.Cursor[Any], campaign_id: int, goal: Goal | None, now: datetime) -> tuple[Arm, Arm]:
    asked = {
        "id": campaign_id, "now": now, "event": goal.event if goal else "",
        "window": timedelta(minutes=goal.minutes if goal else 0),
    }  # fmt: skip
    counted = {row[0]: row[1:] for row in cursor.execute(_COUNTS, asked).fetchall()}
    converted: dict[bool, set[int]] = {True: set(), False: set()}
    if goal is not None:
        for profile, held, properties in cursor.execute(_GOALS, asked).fetchall():
            if filters_hold(goal.where, pg.from_jsonb(properties) or {}):
                converted[held].add(profile)
    arms = []
    for held in (False, True):
        entered, measured, reached = counted.get(held, (0, 0, 0))
        arms.append(Arm(entered, measured, len(converted[held]) if goal else reached))
    return arms[0], arms[1]


def _compared(treated: Arm, held: Arm, goal: Goal | None) -> Difference | None:
    from campaigns.experiments import statistics  # loads scipy

    difference = None
    if goal is not None and min(treated.converted, held.converted) >= LEAST_CONVERSIONS:
        control, other = (
            statistics.mean_of(statistics.Sample(arm.measured, arm.converted, arm.converted)) for arm in (held, treated)
        )
        found = statistics.compare_always(control, other, alpha=_ALPHA, expected=_PLANNED)
        if found is not None:
            error = sqrt(control.variance / control.n + other.variance / other.n)
            half = error * statistics.sequence_factor(control.n + other.n, alpha=_ALPHA, expected=_PLANNED)
            points = other.mean - control.mean
            difference = Difference(points, points - half, points + half, found.lift, found.p, found.chance_to_win)
    return difference


def _words(treated: Arm, held: Arm, goal: Goal | None, found: Difference | None) -> str:
    if goal is None:
        return "It has no goal, so nothing is compared. Give it one in the editor."
    if not held.entered:
        return "Nobody is held out, so nobody can say what would have happened without it."
    if found is None:
        fewest = min(treated.converted, held.converted)
        return f"One side has {fewest} conversions in time. A comparison waits for {LEAST_CONVERSIONS} in each."
    told = f"{100 * found.points:+.1f} points (surely between {100 * found.low:+.1f} and {100 * found.high:+.1f})"
    if found.low > 0:
        return f"It changes the share who convert by {told}."
    if found.high < 0:
        return f"It does harm: it changes the share who convert by {told}."
    return f"Nothing is sure yet: {told}."
