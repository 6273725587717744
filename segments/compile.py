"""A rule as one SQL statement over the event log: the oracle, and what fills, refreshes and previews a segment.

All conditions about events are aggregates of a single pass over the log; the rule is a boolean expression over them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from segments.evaluate import Facts, holds, limit_minute
from segments.measures import EventLeaf, MeasureKey, keys_of
from segments.plan import distinct_leaves
from segments.rules import (
    Absent,
    All,
    AnyOf,
    EventCount,
    EventStat,
    EventSum,
    EventTime,
    InBucket,
    InSegment,
    Node,
    Not,
    OnList,
    Sequence,
    TraitIs,
    Where,
)
from segments.sequences import sequence_sql
from segments.sqlvalues import Params, compare, matches, percentile, value_hash
from segments.values import micros_of_amount, unzoned
from segments.windows import Window, minute_of, moment_of

# Of nobody's events any time says the same.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
MINUTE = "floor(extract(epoch from {}) / 60)"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with the values of its parameters."""

    text: str
    params: dict[str, Any]


def compile_rule(rule: Node, *, now: datetime, profiles: str = "") -> Statement:
    """`select profile_id` of every live profile that meets the rule now. It refers to no other segment any more.

    `profiles` may hold an SQL condition on `p.profile_id` that narrows the answer.
    """
    compiler = _Compiler(now, eventful=needs_events(rule))
    condition = compiler.node(rule)
    narrowed = f" and {profiles}" if profiles else ""
    return Statement(
        f"select p.profile_id from identity_trait p {compiler.counted()} where {condition}{narrowed}",
        compiler.params.values,
    )


# An estimate looks at one profile in so many.
SAMPLE = 64


def compile_preview(rule: Node, *, now: datetime, sampled: bool = False) -> Statement:
    """One row: how many meet the rule; an array of how many meet each of its top conditions alone; an array of the ids
    of some members (`%(sample)s` at most); an object of how many of them have an identifier of each kind.

    `sampled`: only of every `SAMPLE`-th profile. The rule refers to no other segment any more.
    """
    compiler = _Compiler(now, sampled=sampled)
    parts = [compiler.node(child) for child in top_conditions(rule)]
    whole = compiler.node(rule)
    flags = "".join(f", {part} as c{place}" for place, part in enumerate(parts))
    counts = ", ".join(f"count(*) filter (where c{place})" for place in range(len(parts)))
    narrowed = f" where {_sampled('p.profile_id')}" if sampled else ""
    return Statement(
        f"with checked as materialized (select p.profile_id, {whole} as whole{flags}"
        f" from identity_trait p {compiler.counted()}{narrowed}),"
        " reach as (select k.kind, count(distinct k.profile_id) as n from checked c"
        " join identity_contact k on k.profile_id = c.profile_id where c.whole group by k.kind)"
        f" select count(*) filter (where whole), array[{counts}]::bigint[],"
        " (select array_agg(profile_id) from (select profile_id from checked where whole"
        " order by hashint8(profile_id) limit %(sample)s) s),"
        " (select jsonb_object_agg(kind, n)::text from reach) from checked",
        compiler.params.values,
    )


def compile_difference(segment_id: int, rule: Node, *, now: datetime) -> Statement:
    """`select profile_id` wherever the stored bit of a segment is not what its rule says now.

    The rule refers to no other segment any more.
    """
    statement = compile_rule(rule, now=now)
    stored = (
        f"select profile_id from segments_membership where octet_length(bits) > {segment_id // 8}"
        f" and get_bit(bits, {segment_id}) = 1"
    )
    return Statement(
        f"with matched as ({statement.text}), stored as ({stored})"
        " select coalesce(m.profile_id, s.profile_id) from matched m full join stored s on s.profile_id = m.profile_id"
        " where m.profile_id is null or s.profile_id is null",
        statement.params,
    )


def needs_events(rule: Node) -> bool:
    """Whether nobody can meet the rule without any event that it asks for, whatever else is true of them."""
    return not _possible(rule)[0]


def _possible(node: Node) -> tuple[bool, bool]:
    """Whether a node may hold, and whether it must, of somebody of whom there is no event."""
    match node:
        case All(children):
            found = [_possible(child) for child in children]
            return all(may for may, _ in found), all(must for _, must in found)
        case AnyOf(children):
            found = [_possible(child) for child in children]
            return any(may for may, _ in found), any(must for _, must in found)
        case Not(child):
            may, must = _possible(child)
            return not must, not may
        case TraitIs() | OnList() | InBucket() | InSegment():
            return True, False
        case _:
            met = holds(node, Facts(), now=_ANY_TIME)
            return met, met


def top_conditions(rule: Node) -> tuple[Node, ...]:
    """The conditions that the outermost group of a rule joins; the rule itself when that is no group."""
    return rule.children if isinstance(rule, All | AnyOf) else (rule,)


def _sampled(profile: str) -> str:
    return f"hashint8({profile}) & {SAMPLE - 1} = 0"


def event_filter(name: str, where: Where, params: Params, *, now: datetime) -> str:
    """The events `e` of a name that pass every filter."""
    parts = [f"e.name = {params.bind(name, 'text')}"]
    for one in where:
        value = f"(e.properties -> {params.bind(one.property, 'text')})"
        parts.append(f"coalesce({matches(one.op, one.value, value, params, now=now)}, false)")
    return " and ".join(parts)


def amount_of(name: str | None, params: Params) -> str:
    """The millionths of a property of an event `e`; nothing where it has none."""
    if name is None:
        return "0::bigint"
    return f"coalesce(segments_micros(e.properties -> {params.bind(name, 'text')}), 0)"


def kept_of(key: MeasureKey, params: Params) -> str:
    """What a counter keeps of an event `e` beside its minute: an amount, or the hash of a value."""
    if key.kind == "distinct":
        return value_hash(f"(e.properties -> {params.bind(key.sum_property, 'text')})")
    return amount_of(key.sum_property, params)


class _Compiler:
    """Collects the aggregates that the conditions of one rule need."""

    def __init__(self, now: datetime, *, sampled: bool = False, eventful: bool = False) -> None:
        """`eventful`: nobody without any event of the rule meets it, so people without are not looked at."""
        self.params = Params()
        self._eventful = eventful
        self._only = f" and {_sampled('m.profile_id')}" if sampled else ""
        self._now = now
        self._aggregates: list[str] = []
        self._columns: dict[object, str] = {}
        self._names: set[str] = set()
        self._since_all: list[int | None] = []
        self._sequences: dict[Sequence, str] = {}

    def counted(self) -> str:
        """The passes over the log, joined to the profiles; nothing when no condition asks for an event."""
        joined = [
            f" left join ({text}) s{place} on s{place}.profile_id = p.profile_id"
            for place, text in enumerate(self._sequences.values())
        ]
        return self._aggregated() + "".join(joined)

    def _aggregated(self) -> str:
        if not self._aggregates:
            return ""
        names = self.params.bind(sorted(self._names), "text[]")
        bounds = [minute for minute in self._since_all if minute is not None]
        recent = len(bounds) == len(self._since_all)
        bound = f" and e.occurred_at >= {self.params.bind(moment_of(min(bounds)), 'timestamptz')}" if recent else ""
        joined = "join" if self._eventful and not self._sequences else "left join"
        return (
            f"{joined} (select m.profile_id, {', '.join(self._aggregates)}"
            " from events_event e join identity_member m on m.identifier_id = e.identifier_id"
            f" where e.name = any({names}){bound}{self._only} group by m.profile_id) c on c.profile_id = p.profile_id"
        )

    def node(self, node: Node) -> str:
        match node:
            case All(children):
                return f"({' and '.join(self.node(child) for child in children) or 'true'})"
            case AnyOf(children):
                return f"({' or '.join(self.node(child) for child in children) or 'false'})"
            case Not(child):
                return f"(not {self.node(child)})"
            case TraitIs(trait, op, value):
                found = f"(p.traits -> {self.params.bind(trait, 'text')})"
                return f"coalesce({matches(op, value, found, self.params, now=self._now)}, false)"
            case InSegment() | OnList() | InBucket():
                return self._standing(node)
            case _:
                return f"coalesce({self._event(node)}, false)"

    def _standing(self, leaf: InSegment | OnList | InBucket) -> str:
        match leaf:
            case OnList(name):
                return (
                    "exists (select 1 from identity_member l join segments_listentry e on e.identifier_id ="
                    " l.identifier_id join segments_staticlist t on t.id = e.list_id"
                    f" where l.profile_id = p.profile_id and t.slug = {self.params.bind(name, 'text')})"
                )
            case InBucket(seed, start, end):
                drawn = percentile(seed, "p.profile_id", self.params)
                bounds = (self.params.bind(one, "bigint") for one in (start, end))
                return "({0} >= {1} and {0} < {2})".format(drawn, *bounds)
            case InSegment():
                raise TypeError("a rule is compiled with the rules it refers to in their places")
            case _:
                assert_never(leaf)

    def _event(self, leaf: EventLeaf) -> str:
        match leaf:
            case EventCount():
                total = self._column(leaf, keys_of(leaf)[0], "count(*)", leaf.within)
                return compare(leaf.op, f"coalesce({total}, 0)", leaf.value, self.params)
            case EventSum():
                added = f"sum({amount_of(leaf.property, self.params)})"
                total = self._column(leaf, keys_of(leaf)[0], added, leaf.within)
                return compare(leaf.op, f"coalesce({total}, 0)", micros_of_amount(leaf.value), self.params)
            case EventStat():
                return self._stat(leaf)
            case EventTime():
                return self._time(leaf)
            case Sequence():
                return self._sequence(leaf)
            case Absent():
                absent, after = (self._column((leaf, key), key, "max(e.occurred_at)", None) for key in keys_of(leaf))
                past = f"{after} < {self._since(leaf.lasting)}"
                answered = f"{MINUTE.format(absent)} >= {MINUTE.format(after)}"
                return f"({past} and ({absent} is null or not {answered}))"
            case _:
                assert_never(leaf)

    def _stat(self, leaf: EventStat) -> str:
        key = keys_of(leaf)[0]
        kept = kept_of(key, self.params)
        if leaf.stat == "distinct":
            total = self._column(leaf, key, f"count(distinct {kept})", leaf.within)
            return compare(leaf.op, f"coalesce({total}, 0)", int(leaf.value), self.params)
        wanted = micros_of_amount(leaf.value)
        if leaf.stat == "avg":
            total = self._column((leaf, "sum"), key, f"sum({kept})", leaf.within)
            count = self._column((leaf, "count"), key, "count(*)", leaf.within)
            # In numeric: sums and counts are compared without rounding.
            return compare(leaf.op, total, wanted, self.params, times=f"nullif({count}, 0)::numeric")
        return compare(leaf.op, self._column(leaf, key, f"{leaf.stat}({kept})", leaf.within), wanted, self.params)

    def _sequence(self, leaf: Sequence) -> str:
        if leaf not in self._sequences:
            keys = keys_of(leaf)
            self._sequences[leaf] = sequence_sql(
                leaf,
                [event_filter(key.event, key.where, self.params, now=self._now) for key in keys],
                names=self.params.bind(sorted({key.event for key in keys}), "text[]"),
                since=self._since(leaf.within),
                minute=MINUTE,
                only=self._only,
            )
        return f"s{list(self._sequences).index(leaf)}.profile_id is not null"

    def _time(self, leaf: EventTime) -> str:
        which = "min(e.occurred_at)" if leaf.which == "first" else "max(e.occurred_at)"
        found = self._column(leaf, keys_of(leaf)[0], which, None)
        if isinstance(leaf.value, Window):
            return f"({found} {'<' if leaf.op == 'more_than_ago' else '>='} {self._since(leaf.value)})"
        limit = self.params.bind(moment_of(limit_minute(leaf.value)), "timestamptz")
        return f"({found} {'<' if leaf.op == 'before' else '>='} {limit})"

    def _since(self, window: Window) -> str:
        return self.params.bind(moment_of(window.since(minute_of(self._now))), "timestamptz")

    def _column(self, asked: object, key: MeasureKey, aggregate: str, within: Window | None) -> str:
        if asked not in self._columns:
            column = f"a{len(self._columns)}"
            condition = event_filter(key.event, key.where, self.params, now=self._now)
            if within:
                condition += f" and e.occurred_at >= {self._since(within)}"
            self._aggregates.append(f"{aggregate} filter (where {condition}) as {column}")
            self._columns[asked] = f"c.{column}"
            self._names.add(key.event)
            self._since_all.append(within.since(minute_of(self._now)) if within else None)
        return self._columns[asked]


def time_marks(rule: Node, *, now: datetime) -> Statement | None:
    """`select profile_id` of everybody whose membership time alone may change: the timer must look at them.

    None when the rule does not look at the clock.
    """
    params = Params()
    names = sorted({name for leaf in distinct_leaves([rule]) for name in _timed_events(leaf)})
    traits = sorted(
        {leaf.trait for leaf in distinct_leaves([rule]) if isinstance(leaf, TraitIs) and _timed(leaf.value)}
    )
    parts = []
    if names:
        parts.append(
            "select m.profile_id from events_event e join identity_member m on m.identifier_id = e.identifier_id"
            f" where e.name = any({params.bind(names, 'text[]')})"
        )
    if traits:
        parts.append(f"select profile_id from identity_trait where traits ?| {params.bind(traits, 'text[]')}")
    return Statement(" union ".join(parts), params.values) if parts else None


def _timed(value: object) -> bool:
    return isinstance(unzoned(value)[0], Window)


def _timed_events(leaf: Node) -> list[str]:
    match leaf:
        case EventCount() | EventSum() | EventStat() if leaf.within:
            return [leaf.event]
        case Sequence():
            return [leaf.steps[0].event]
        case EventTime() if _timed(leaf.value):
            return [leaf.event]
        case Absent():
            return [leaf.after]
        case _:
            return []
