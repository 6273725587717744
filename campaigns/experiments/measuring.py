"""What the people of an experiment did, as sums a variant: two statements for the people, one for each metric.

Exposures are events of the log, hung on identifiers: who was merged is one person here, and an unmerge takes that back.
Only what happens after the first exposure counts.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from campaigns.contracts import EXPOSURE, ExperimentView, Metric
from campaigns.experiments.statistics import Sample

# How far back the covariate of CUPED looks before the first exposure.
BEFORE = timedelta(days=14)
_PEOPLE = """
with exposure as (
    select m.profile_id, e.occurred_at, e.properties ->> 'variation_id' as variant
    from events_event e join identity_member m using (identifier_id)
    where e.name = %(exposure)s and e.occurred_at >= %(start)s and e.occurred_at < %(end)s
      and e.properties ->> 'experiment_id' = %(slug)s and e.properties ->> 'variation_id' = any(%(keys)s)
), person as materialized (
    select profile_id, min(occurred_at) as at, min(variant) as variant, min(variant) <> max(variant) as several
    from exposure group by profile_id
)
"""
_COUNTS = _PEOPLE + "select variant, several, count(*) from person group by 1, 2"
_TEXT = "o.properties ->> %(property)s"
_NUMBER = f"case when pg_input_is_valid({_TEXT}, 'float8') then ({_TEXT})::float8 end"
# Numbers that are none (NaN, infinity) would make every sum one.
_AMOUNT = f"case when abs({_NUMBER}) <= 1e15 then {_NUMBER} end"
_SUMS = """
, measured as (
    select p.variant, {y} as y, {d} as d, {x} as x
    from person p
    left join identity_member m on m.profile_id = p.profile_id
    left join events_event o on o.identifier_id = m.identifier_id and o.name = any(%(names)s)
        and o.occurred_at >= p.at - %(before)s and o.occurred_at < least(p.at + %(window)s, %(end)s)
    where not p.several and (%(open)s or p.at + %(window)s <= %(end)s)
    group by p.profile_id, p.variant
)
, edge as (
    select case when %(cap)s > 0
        then percentile_cont(%(cap)s / 100.0) within group (order by y) filter (where y > 0) end as top
    from measured
), capped as (
    select variant, y as raw, least(y, top) as y, d, least(x, top) as x, top from measured cross join edge
)
select variant, count(*), sum(y), sum(y * y), sum(x), sum(x * x), sum(x * y), sum(d), sum(d * d), sum(y * d), sum(raw),
    min(top)
from capped group by variant
"""
_AFTER = "o.occurred_at >= p.at"
_EARLIER = "o.occurred_at < p.at"
_LONG = timedelta(days=3650)


def people(experiment: ExperimentView, *, until: datetime) -> tuple[dict[str, int], int]:
    """Exposed people by variant, and those who saw more than one and count for none."""
    counts, contaminated = dict.fromkeys((one.key for one in experiment.variants), 0), 0
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, _asked(experiment, until))
        for variant, several, number in cursor.fetchall():
            if several:
                contaminated += number
            else:
                counts[variant] = number
    return counts, contaminated


def samples(experiment: ExperimentView, metric: Metric, *, until: datetime) -> dict[str, Sample]:
    """The sums of a metric by variant, of people whose window is over. A cap is one number over all variants, or it
    would hide what it is to find; what people did before is capped by the same."""
    value = "1.0" if metric.kind in ("conversion", "count") or not metric.property else _AMOUNT
    total = "coalesce(sum({value}) filter (where o.name = %(event)s and {when}), 0)"
    y, x = (total.format(value=value, when=when) for when in (_AFTER, _EARLIER))
    if metric.kind == "conversion":
        y, x = f"least({y}, 1)", f"least({x}, 1)"
    d = total.format(value="1.0", when=_AFTER).replace("%(event)s", "%(per)s") if metric.kind == "ratio" else "0.0"
    asked = _asked(experiment, until) | {
        "event": metric.event, "per": metric.per, "names": [metric.event, *([metric.per] if metric.per else [])],
        "property": metric.property, "window": timedelta(hours=metric.hours) if metric.hours else _LONG,
        "open": not metric.hours, "before": BEFORE, "cap": metric.cap,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE + _SUMS.format(y=y, d=d, x=x), asked)
        found = {}
        for variant, people, *sums, top in cursor.fetchall():
            limit = None if top is None else float(top)
            found[variant] = replace(Sample(people, *map(float, sums)), limit=limit)
        return found


def _asked(experiment: ExperimentView, until: datetime) -> dict[str, Any]:
    return {
        "exposure": EXPOSURE, "slug": experiment.slug, "keys": [one.key for one in experiment.variants],
        "start": experiment.started_at, "end": min(until, experiment.ended_at or until),
    }  # fmt: skip
