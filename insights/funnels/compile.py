"""The events of funnels and paths as SQL. Every word of a funnel travels as a parameter."""

from datetime import datetime, timedelta

from insights.features.dialect import Binder, Statement
from insights.funnels.contracts import Condition, FunnelSpec, PathSpec, Step

# What people do; identify calls and the like tell who they are.
_DONE = "e.type in ('track', 'page', 'screen')"
_LOG = "events_event e join identity_member m on m.identifier_id = e.identifier_id"


def compile_funnel(spec: FunnelSpec, *, start: datetime, end: datetime, now: datetime) -> Statement:
    """`select` packed arrays: profile, microseconds, place among the person's events, steps as bits, and whether the
    event lies in the period; then the value of the breakdown. Ordered by profile and place.

    Later steps may lie beyond the period, as far as the window of the funnel goes."""
    binder = Binder()
    until = min(end + timedelta(seconds=spec.within_seconds, microseconds=1), now)
    bits = " | ".join(
        f"case when {fits(step, binder)} then {1 << place} else 0 end" for place, step in enumerate(spec.steps)
    )
    names = binder.bind(sorted({one.event for one in spec.steps}), "text[]")
    only = "" if spec.order == "strict" else f" and e.name = any({names})"
    key = _key(spec, binder)
    text = f"""
with told as (
    select m.profile_id, e.occurred_at as at, {bits} as bits, {key} as key,
           row_number() over (partition by m.profile_id order by e.occurred_at, e.message_id) as place
    from {_LOG}
    where e.occurred_at >= {binder.bind(start, "timestamptz")} and e.occurred_at < {binder.bind(until, "timestamptz")}
      and {_DONE}{only}{_members(spec.segment, binder)}
),
steps as (
    select *, (extract(epoch from at) * 1000000)::bigint as us, (at < {binder.bind(end, "timestamptz")})::int as starts
    from told where bits <> 0
)
select array_send(array_agg(profile_id order by profile_id, place)),
       array_send(array_agg(us order by profile_id, place)), array_send(array_agg(place order by profile_id, place)),
       array_send(array_agg(bits::bigint order by profile_id, place)),
       array_send(array_agg(starts::bigint order by profile_id, place)),
       array_agg(key order by profile_id, place)
from steps
"""
    return Statement(text, binder.values)


def compile_paths(spec: PathSpec, *, start: datetime, end: datetime, now: datetime) -> Statement:
    """`select` the names of the next (or the last) events, null where there is none within the window; how often."""
    binder = Binder()
    span = timedelta(seconds=spec.within_seconds)
    early = start if spec.direction == "after" else start - span
    late = min(end + span, now) if spec.direction == "after" else end
    way = "asc" if spec.direction == "after" else "desc"
    event = binder.bind(spec.event, "text")
    within = binder.bind(span, "interval")
    levels = range(1, spec.levels + 1)
    looked = ", ".join(f"lead(name, {n}) over w as n{n}, lead(at, {n}) over w as a{n}" for n in levels)
    near = ", ".join(f"case when greatest(a{n} - at, at - a{n}) <= {within} then n{n} end as n{n}" for n in levels)
    names = ", ".join(f"n{n}" for n in levels)
    text = f"""
with told as (
    select m.profile_id, e.occurred_at as at, e.name, e.message_id
    from {_LOG}
    where e.occurred_at >= {binder.bind(early, "timestamptz")} and e.occurred_at < {binder.bind(late, "timestamptz")}
      and {_DONE}{_members(spec.segment, binder)}
),
ways as (
    select name, at, {looked} from told
    window w as (partition by profile_id order by at {way}, message_id {way})
),
near as (
    select {near} from ways
    where name = {event} and at >= {binder.bind(start, "timestamptz")} and at < {binder.bind(end, "timestamptz")}
)
select {names}, count(*) from near group by {names}
"""
    return Statement(text, binder.values)


def compile_members(profiles: list[int], segments: list[int]) -> Statement:
    """`select profile_id, segment_id`: who of these is in which of these segments now."""
    return Statement(
        "select b.profile_id, s.id from segments_membership b cross join unnest(%(segments)s::int[]) as s (id)"
        " where b.profile_id = any(%(profiles)s::bigint[])"
        " and octet_length(b.bits) > s.id / 8 and get_bit(b.bits, s.id) = 1",
        {"profiles": profiles, "segments": segments},
    )


def fits(step: Step, binder: Binder) -> str:
    """Whether an event is that of a step."""
    parts = [f"e.name = {binder.bind(step.event, 'text')}", *(_holds(one, binder) for one in step.where)]
    return " and ".join(parts)


def _holds(one: Condition, binder: Binder) -> str:
    value = f"e.properties -> {binder.bind(one.property, 'text')}"
    text = f"({value}) #>> '{{}}'"
    match one.op:
        case "set":
            return f"nullif({text}, '') is not null"
        case "gt" | "lt":
            bound = binder.bind(float(one.value), "float8")
            return f"coalesce(segments_number({value}) {'>' if one.op == 'gt' else '<'} {bound}, false)"
        case "contains":
            return f"coalesce(strpos(lower({text}), lower({binder.bind(one.value, 'text')})) > 0, false)"
        case "ne":
            return f"{text} is distinct from {binder.bind(one.value, 'text')}"
        case _:
            return f"coalesce({text} = {binder.bind(one.value, 'text')}, false)"


def _key(spec: FunnelSpec, binder: Binder) -> str:
    match spec.by:
        case "source":
            return "e.source_id::text"
        case "property":
            return f"left((e.properties -> {binder.bind(spec.property, 'text')}) #>> '{{}}', 200)"
        case _:
            return "null::text"


def _members(segment: int, binder: Binder) -> str:
    if not segment:
        return ""
    bit = binder.bind(segment, "int")
    return (
        " and exists (select from segments_membership b where b.profile_id = m.profile_id"
        f" and octet_length(b.bits) > {bit} / 8 and get_bit(b.bits, {bit}) = 1)"
    )
