"""Interactions from the log: who touched which item, how much of interest that tells, and since when.

Events hang on identifiers, and whose those are is asked now: merging people joins their histories, parting them parts
them again. Only what had happened and had come before `as_of` is read, as with features.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg
from insights.contracts import OrderSetting
from insights.features.dialect import Binder, Statement
from insights.recommendations.contracts import RecommendationSetting, Signal

_AT_ONCE = 100_000
# The share of each person's history that training sees when a model is judged; the rest is what it should foresee.
SEEN = 0.8
# A person with more is a shop's own device or a robot; their latest count.
MOST_OF_ONE = 5_000
# What comes later than this waits for the next run.
_LATE = timedelta(days=1)

_PAIRS = """
with {told},
cuts as (select profile_id, percentile_disc({seen}) within group (order by at) as cut from told group by profile_id),
weighed as (
    select t.profile_id, i.id as item_id, t.at, t.at <= c.cut as early, t.consumes,
        case when t.counts then t.weight * 0.5 ^ (extract(epoch from {as_of} - t.at)::float8 / {half_life}) end as worth
    from told t join insights_item i on i.key = t.key join cuts c using (profile_id)
)
select profile_id, item_id, coalesce(sum(worth), 0)::float8, coalesce(sum(worth) filter (where early), 0)::float8,
    bool_or(consumes), bool_or(early), extract(epoch from min(at))::float8, extract(epoch from max(at))::float8
from weighed group by profile_id, item_id
order by profile_id, item_id
"""
_FRESH = """
with {told}
select i.id, case when t.counts then t.weight * 0.5 ^ (extract(epoch from {as_of} - t.at)::float8 / {half_life})
    else 0 end, t.consumes
from told t join insights_item i on i.key = t.key where t.come >= {since} or t.at >= {since}
order by t.at desc limit {most}
"""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Each pair of a person and an item, by person and then item.

    `early`: interest told by the first four fifths of the person's events. `seen`: touched within them. `consumed`:
    they have it. `first`, `last`: seconds since 1970.
    """

    profiles: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    early: npt.NDArray[np.float64]
    consumed: npt.NDArray[np.bool_]
    seen: npt.NDArray[np.bool_]
    first: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.profiles)


@dataclass(frozen=True, slots=True)
class Touch:
    """One item that a person touched since a model was made."""

    item_id: int
    weight: float
    consumes: bool


def told_relation(
    binder: Binder, *, orders: OrderSetting, signals: Sequence[Signal], as_of: datetime,
    profiles: Collection[int] | None = None, since: datetime | None = None,
) -> str:  # fmt: skip
    """`signal as (…), told as (…)`: (profile_id, at, come, key, item, weight, consumes, counts), a row for each item of
    each event that happened from `since` on. Orders that were cancelled or refunded as a whole tell nothing."""
    instant = binder.bind(as_of, "timestamptz")
    history = orders.history_sources
    loaded = f" or e.source_id = any({binder.bind(list(history), 'int[]')})" if history else ""
    known = f"e.occurred_at < {instant} and (e.received_at < {instant}{loaded})"
    known += f" and e.occurred_at >= {binder.bind(since, 'timestamptz')}" if since else ""
    only = f" and m.profile_id = any({binder.bind(sorted(profiles), 'bigint[]')})" if profiles is not None else ""
    product, listed = binder.bind(orders.product_id, "text"), binder.bind(orders.products, "text")
    order, cancel = binder.bind(orders.order_event, "text"), binder.bind(orders.cancel_event, "text")
    refund, number = binder.bind(orders.refund_event, "text"), binder.bind(orders.order_id, "text")
    amounts = binder.bind(list(orders.amount), "text[]")
    columns = zip(*((one.event, one.weight, one.consumes, one.property, one.at_least) for one in signals), strict=True)
    kinds = ("text[]", "float8[]", "bool[]", "text[]", "float8[]")
    given = ", ".join(binder.bind(list(one), kind) for one, kind in zip(columns, kinds, strict=True))
    log = "events_event e join identity_member m on m.identifier_id = e.identifier_id"
    return f"""
signal as (select * from unnest({given}) as s (name, weight, consumes, property, at_least)),
cancelled as materialized (
    select m.profile_id, e.properties ->> {number} as number from {log}
    where (e.name = {cancel} or e.name = {refund} and not e.properties ?| {amounts}) and {known}{only}
      and e.properties ->> {number} <> '' group by 1, 2
),
told as materialized (
    select m.profile_id, e.occurred_at as at, e.received_at as come, left(i.item ->> {product}, 200) as key, i.item,
        s.weight, s.consumes,
        s.property = '' or coalesce(segments_number(e.properties -> s.property) >= s.at_least, false) as counts
    from {log} join signal s on s.name = e.name
    left join cancelled c on e.name = {order} and c.profile_id = m.profile_id
        and c.number = e.properties ->> {number}
    cross join lateral (select item from jsonb_array_elements(
        case when jsonb_typeof(e.properties -> {listed}) = 'array' then e.properties -> {listed}
        else jsonb_build_array(e.properties) end) as l (item) where jsonb_typeof(item) = 'object') i
    where e.name = any({binder.bind([one.event for one in signals], "text[]")}) and {known}{only}
      and c.number is null and i.item ->> {product} <> ''
)"""


def pairs_of(*, orders: OrderSetting, setting: RecommendationSetting, as_of: datetime) -> Pairs:
    """Everybody's interactions at an instant. Items that are not in the catalogue are left out."""
    binder = Binder()
    told = told_relation(binder, orders=orders, signals=setting.signals, as_of=as_of)
    statement = Statement(
        _PAIRS.format(
            told=told, seen=binder.bind(SEEN, "float8"), as_of=binder.bind(as_of, "timestamptz"),
            half_life=binder.bind(setting.half_life_days * 86400.0, "float8"),
        ),
        binder.values,
    )  # fmt: skip
    kinds: tuple[Any, ...] = (
        np.int64, np.int64, np.float64, np.float64, np.bool_, np.bool_, np.float64, np.float64,
    )  # fmt: skip
    parts: list[list[Any]] = [[np.empty(0, dtype=kind)] for kind in kinds]
    for rows in _batches(statement):
        for column, values, kind in zip(parts, zip(*rows, strict=True), kinds, strict=True):
            column.append(np.array(values, dtype=kind))
    return _bounded(Pairs(*(np.concatenate(one) for one in parts)))


def fresh_of(
    profile_id: int, *, orders: OrderSetting, setting: RecommendationSetting, since: datetime | None, now: datetime
) -> list[Touch]:
    """What one person touched since a model was made, or ever; the latest 500 first."""
    binder = Binder()
    told = told_relation(
        binder, orders=orders, signals=setting.signals, as_of=now, profiles=[profile_id],
        since=since - _LATE if since else None,
    )  # fmt: skip
    text = _FRESH.format(
        told=told, since=binder.bind(since, "timestamptz") if since else "'-infinity'::timestamptz",
        as_of=binder.bind(now, "timestamptz"), half_life=binder.bind(setting.half_life_days * 86400.0, "float8"),
        most=binder.bind(500, "int"),
    )  # fmt: skip
    with psycopg.Cursor(pg.raw()) as cursor:
        return [Touch(*row) for row in cursor.execute(text, binder.values).fetchall()]


def _batches(statement: Statement) -> Iterator[list[tuple[Any, ...]]]:
    with psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute(statement.text, statement.params, binary=True)
        while rows := cursor.fetchmany(_AT_ONCE):
            yield rows


def _bounded(pairs: Pairs) -> Pairs:
    """The latest `MOST_OF_ONE` pairs of each person."""
    order = np.lexsort((-pairs.last, pairs.profiles))
    people = pairs.profiles[order]
    starts = np.searchsorted(people, people)
    kept = np.sort(order[np.arange(len(people)) - starts < MOST_OF_ONE])
    if len(kept) == len(pairs):
        return pairs
    return Pairs(*(getattr(pairs, name)[kept] for name in Pairs.__slots__))
