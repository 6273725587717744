"""Counting days: one statement for a run of days, for everybody and by source, channel and segment.

People are looked at a day at a time: `keyed` has a row for each person, day and value of a breakdown, and every figure
is a count or a sum over it. How many were active within the last 7 or 30 days is not counted day by day: each day of a
person covers the days after it, the union of what they cover is a multirange, and its ends are steps up and down.
"""

import zoneinfo
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from insights.contracts import OrderSetting
from insights.features.compile import order_parts
from insights.features.dialect import Statement
from insights.kpis.catalogue import CSAT_EVENT, NPS_EVENT, PASSIVE, SUMS
from insights.kpis.channels import DIRECT, channel_sql

# A day looks back at the thirty before it, for those who were active within them.
_BACK = timedelta(days=29)
_SPANS = (("people_7d", "within_7"), ("people_30d", "within_30"), ("people_before", "before"), ("people_kept", "kept"))


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a day begins by the clocks of the zone."""
    return datetime.combine(day, time(), zoneinfo.ZoneInfo(zone)).astimezone(UTC)


def day_of(moment: datetime, zone: str) -> date:
    """The day of an instant by the clocks of the zone."""
    return moment.astimezone(zoneinfo.ZoneInfo(zone)).date()


def compile_days(
    *, first: date, last: date, orders: OrderSetting, now: datetime, visited: Sequence[int], segments: Sequence[int],
    buyers: Collection[int], gap: timedelta,
) -> Statement:  # fmt: skip
    """`select day, by, key, <SUMS>` for the days from `first` to `last`; only what is not all zeros.

    `visited`: sources whose events are visits; a pause above `gap` ends one. `segments`: those that are broken down by,
    with who is in them now.
    `buyers`: the people with events of orders in these days; see `compile_buyers`.
    """
    parts, binder = order_parts(orders=orders, as_of=now, profiles=buyers)
    zone = binder.bind(orders.zone, "text")
    first_day, last_day = binder.bind(first, "date"), binder.bind(last, "date")
    start = binder.bind(midnight(first - _BACK, orders.zone), "timestamptz")
    end = binder.bind(min(midnight(last + timedelta(days=1), orders.zone), now), "timestamptz")
    sources = binder.bind(list(visited), "int[]")
    surveys = [binder.bind(one, "text") for one in (NPS_EVENT, CSAT_EVENT)]
    passive = binder.bind(list(PASSIVE), "text[]")
    pause = binder.bind(gap, "interval")
    order_names = binder.bind([one for one in _names(orders)], "text[]")
    person = "by, key, profile_id"
    spans = ", ".join((
        "range_agg(daterange(day, day + 7)) as within_7", "range_agg(daterange(day, day + 30)) as within_30",
        "range_agg(daterange(day + 7, day + 14)) as before",
        "range_agg(daterange(day + 7, day + 14)) * range_agg(daterange(day, day + 7)) as kept",
    ))  # fmt: skip
    steps = " union all ".join(
        f"select '{column}' as kind, by, key, lower(r) as day, 1 as n from spans, unnest({span}) r union all"
        f" select '{column}', by, key, upper(r), -1 from spans, unnest({span}) r"
        for column, span in _SPANS
    )
    sums = ("events", "visits", "visit_seconds", "orders", "repeat_orders", "micros", "nps_answers", "nps_balance",
            "csat_answers", "csat_satisfied")  # fmt: skip
    added = ", ".join(f"sum({one}) as {one}" for one in sums)
    levels = ", ".join(f"(sum(n) filter (where kind = '{column}'))::bigint as {column}" for column, _ in _SPANS)
    text = f"""
with {", ".join(parts)},
log as materialized (
    select m.profile_id, e.occurred_at as at, (e.occurred_at at time zone {zone})::date as day, e.source_id, e.name,
           e.message_id, e.source_id = any({sources}) as visiting,
           case when e.source_id = any({sources})
                     and (strpos(e.envelope, '"campaign"') > 0 or strpos(e.envelope, '"referrer"') > 0)
                then e.envelope::jsonb -> 'context' end as context,
           case when e.name in ({", ".join(surveys)}) then segments_number(e.properties -> 'score') end as score
    from events_event e join identity_member m on m.identifier_id = e.identifier_id
    where e.occurred_at >= {start} and e.occurred_at < {end} and e.name <> all({passive})
      and (strpos(e.envelope, '"robot"') = 0 or e.envelope::jsonb #> '{{context,robot}}' is null)
),
timed as (
    select *, at - lag(at) over (partition by profile_id, visiting order by at, message_id) as gap from log
),
came as (
    select distinct on (profile_id, day) profile_id, day, channel
    from (select profile_id, day, at, message_id, {channel_sql("context")} as channel from log
          where context is not null) told
    where channel is not null order by profile_id, day, at, message_id
),
did as (
    select profile_id, day, source_id, count(*) as events, bool_or(visiting) as visited,
           count(*) filter (where visiting and (gap is null or gap > {pause})) as visits,
           coalesce(sum(extract(epoch from gap)) filter (where visiting and gap <= {pause}), 0) as visit_seconds,
           count(*) filter (where name = {surveys[0]} and score between 0 and 10) as nps_answers,
           count(*) filter (where name = {surveys[0]} and score between 9 and 10)
             - count(*) filter (where name = {surveys[0]} and score >= 0 and score < 7) as nps_balance,
           count(*) filter (where name = {surveys[1]} and score between 1 and 5) as csat_answers,
           count(*) filter (where name = {surveys[1]} and score between 4 and 5) as csat_satisfied
    from timed group by profile_id, day, source_id
),
ordered as (
    select profile_id, moment as at, micros, counts,
           counts and count(*) filter (where counts) over (
               partition by profile_id order by moment, order_id rows between unbounded preceding and 1 preceding) > 0
             as again
    from orders
),
through as (
    select profile_id, at, min(source_id) as source_id from log where name = any({order_names}) group by profile_id, at
),
sold as (
    select o.profile_id, (o.at at time zone {zone})::date as day, coalesce(t.source_id, 0) as source_id,
           count(*) filter (where counts) as orders, count(*) filter (where again) as repeat_orders,
           sum(micros) as micros
    from ordered o left join through t on t.profile_id = o.profile_id and t.at = o.at
    where (o.at at time zone {zone})::date between {first_day} and {last_day} group by 1, 2, 3
),
facts as materialized (
    select profile_id, day, source_id, coalesce(events, 0) as events, coalesce(visited, false) as visited,
           coalesce(visits, 0) as visits, coalesce(visit_seconds, 0) as visit_seconds, coalesce(orders, 0) as orders,
           coalesce(repeat_orders, 0) as repeat_orders, coalesce(micros, 0) as micros,
           coalesce(nps_answers, 0) as nps_answers, coalesce(nps_balance, 0) as nps_balance,
           coalesce(csat_answers, 0) as csat_answers, coalesce(csat_satisfied, 0) as csat_satisfied
    from did full join sold using (profile_id, day, source_id)
),
members as materialized (
    select b.profile_id, s.id::text as key
    from segments_membership b cross join unnest({binder.bind(list(segments), "int[]")}) as s (id)
    where octet_length(b.bits) > s.id / 8 and get_bit(b.bits, s.id) = 1
),
keyed as (
    select '' as by, '' as key, f.* from facts f
    union all select 'source', source_id::text, f.* from facts f
    union all select 'channel', coalesce(c.channel, '{DIRECT}'), f.*
              from facts f left join came c using (profile_id, day)
    union all select 'segment', m.key, f.* from facts f join members m using (profile_id)
),
persons as materialized (
    select {person}, day, sum(events) > 0 as active, bool_or(visited) as visited, {added}
    from keyed group by {person}, day
),
counted as (
    select day, by, key, count(*) filter (where active) as people, count(*) filter (where visited) as visitors,
           count(*) filter (where visited and orders > 0) as converted, {added}
    from persons where day >= {first_day} group by day, by, key
),
spans as materialized (select {person}, {spans} from persons where active group by {person}),
steps as (
    select kind, by, key, greatest(day, {first_day}) as day, sum(n) as n from ({steps}) s
    where day <= {last_day} group by 1, 2, 3, 4
    union all
    select k.kind, p.by, p.key, d::date, 0
    from (select distinct by, key from persons) p
    cross join generate_series({first_day}, {last_day}, interval '1 day') d
    cross join (values {", ".join(f"('{column}')" for column, _ in _SPANS)}) as k (kind)
),
running as (
    select kind, by, key, day, sum(sum(n)) over (partition by kind, by, key order by day) as n
    from steps group by kind, by, key, day
),
levels as (select day, by, key, {levels} from running group by day, by, key)
select day, by, key, {", ".join(f"coalesce({one}, 0)::{'numeric' if one == 'micros' else 'bigint'}" for one in SUMS)}
from levels full join counted using (day, by, key)
where coalesce(people_30d, 0) <> 0 or coalesce(micros, 0) <> 0 or coalesce(orders, 0) <> 0
"""
    return Statement(text, binder.values)


def compile_buyers(*, first: date, last: date, orders: OrderSetting) -> Statement:
    """`select` the profiles of whom an event of an order, a cancellation or a refund happened in these days."""
    return Statement(
        "select distinct m.profile_id from events_event e join identity_member m on m.identifier_id = e.identifier_id"
        " where e.occurred_at >= %(start)s and e.occurred_at < %(end)s and e.name = any(%(names)s::text[])",
        {
            "start": midnight(first, orders.zone), "end": midnight(last + timedelta(days=1), orders.zone),
            "names": _names(orders),
        },
    )  # fmt: skip


# Days that must be counted anew because of what came, or because people were put together or parted, since an instant.
# What lies a pause before an event decides whether that begins a visit, and what was done on a day counts for the
# thirty after it; an order that comes late makes those after it repeated ones, and one that is told again moves.
_STALE = """
with came as (
    select m.profile_id, e.occurred_at as at, e.name, nullif(e.properties ->> %(order_id)s, '') as order_id
    from events_event e join identity_member m on m.identifier_id = e.identifier_id
    where e.received_at >= %(since)s
),
changed as (
    select distinct m.profile_id from identity_link l join identity_member m on m.identifier_id in (l.a, l.b)
    where l.first_at >= %(since)s or l.retracted_at >= %(since)s
),
whole as (
    select e.occurred_at as at from events_event e join identity_member m on m.identifier_id = e.identifier_id
    where m.profile_id in (select profile_id from changed)
),
again as (
    select e.occurred_at as at from events_event e join identity_member m on m.identifier_id = e.identifier_id
    join (select * from came where name = any(%(names)s::text[])) c on c.profile_id = m.profile_id
    where e.name = any(%(names)s::text[])
      and (e.occurred_at > c.at or e.properties ->> %(order_id)s = c.order_id)
),
touched as (
    select at, 30 as days from came union all select at + %(gap)s::interval, 30 from came
    union all select at, 30 from whole union all select at + %(gap)s::interval, 30 from whole
    union all select at, 1 from again
)
select distinct t.day + n as day
from (select distinct (at at time zone %(zone)s)::date as day, days from touched) t
cross join lateral generate_series(0, days - 1) as n
"""


def compile_stale(*, since: datetime, orders: OrderSetting, gap: timedelta) -> Statement:
    """`select` the days whose figures may have changed since an instant of receipt."""
    return Statement(
        _STALE,
        {"since": since, "order_id": orders.order_id, "names": _names(orders), "zone": orders.zone, "gap": gap},
    )


def _names(orders: OrderSetting) -> list[str]:
    return [one for one in (orders.order_event, orders.cancel_event, orders.refund_event) if one]


def runs_of_days(days: Collection[date], *, most: int) -> list[tuple[date, date]]:
    """Days as runs of neighbours, each of at most so many."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] == timedelta(days=1) and (day - found[-1][0]).days < most:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def between(first: date, last: date) -> list[date]:
    """Every day from one to another, both of them in it."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
