"""Why a profile is in a segment or is not: every condition with what was found and what was asked."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_never

import psycopg

from common import pg
from segments.compile import event_filter, kept_of
from segments.contracts import ConditionView, Explanation
from segments.evaluate import Counted, Facts, actual, holds, leaf_holds
from segments.hierarchy import expanded
from segments.measures import EventLeaf, MeasureKey, keys_of
from segments.models import Membership, Segment
from segments.parsing import parse_rule
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
    Leaf,
    Node,
    Not,
    OnList,
    Sequence,
    TraitIs,
)
from segments.sqlvalues import Params
from segments.values import read_json
from segments.windows import moment_of
from segments.wording import describe, describe_leaf, needed_of

_COUNTED = """
select minute, count(*), {kept}::bigint from (
    select greatest(floor(extract(epoch from e.occurred_at) / 60), 0)::bigint as minute, {amount} as micros
    from events_event e join identity_member m on m.identifier_id = e.identifier_id
    where m.profile_id = %(profile)s and {condition}
) one group by {groups} order by minute
"""
_KEPT = {"sum": "sum(micros)", "min": "min(micros)", "max": "max(micros)", "distinct": "micros"}
_LISTS = """
select distinct t.slug from segments_staticlist t join segments_listentry e on e.list_id = t.id
join identity_member m on m.identifier_id = e.identifier_id where m.profile_id = %s
"""


def explain(segment_id: int, profile_id: int, now: datetime) -> Explanation | None:
    """Each condition of the segment's rule for this profile, from the log; None when the segment does not exist."""
    segment = Segment.objects.filter(pk=segment_id).first()
    if segment is None:
        return None
    rule = parse_rule(segment.rule)
    # Of archived ones too: an archived segment may refer to one that was archived after it.
    rules = {row.slug: parse_rule(row.rule) for row in Segment.objects.only("slug", "rule")}
    whole = expanded(rule, rules)
    facts = read_facts(whole, profile_id, now=now)
    stored = segment.archived_at is None and _stored(segment_id, profile_id)
    seen = view(rule, facts, rules, now=now)
    return Explanation(segment_id, profile_id, holds(whole, facts, now=now), stored, seen)


def view(node: Node, facts: Facts, rules: Mapping[str, Node], *, now: datetime) -> ConditionView:
    """A node as it stands for these facts, with its children: a reference to a segment has the rule of that one."""
    match node:
        case All(children) | AnyOf(children):
            inner = tuple(view(child, facts, rules, now=now) for child in children)
            kind = "all" if isinstance(node, All) else "any"
            met = (all if isinstance(node, All) else any)(child.holds for child in inner)
            return ConditionView(describe(node), met, kind=kind, children=inner)
        case Not(child):
            inner = (view(child, facts, rules, now=now),)
            return ConditionView(describe(node), not inner[0].holds, kind="not", children=inner)
        case InSegment(slug):
            inner = (view(rules[slug], facts, rules, now=now),)
            return ConditionView(describe(node), inner[0].holds, kind="segment", children=inner)
        case _:
            found = actual(node, facts, now=now)
            met = leaf_holds(node, found, now=now)
            return ConditionView(describe_leaf(node), met, _words(node, found), needed_of(node))


def read_facts(rule: Node, profile_id: int, *, now: datetime) -> Facts:
    """What the rule asks about one profile, read from the log and its traits."""
    conditions = distinct_leaves([rule])
    keys = {key for leaf in conditions for key in keys_of(leaf)}
    with psycopg.Cursor(pg.raw()) as cursor:
        query = "select traits::text from identity_trait where profile_id = %s"
        row = cursor.execute(query, [profile_id]).fetchone()
        counted = {key: _counted(cursor, key, profile_id, now) for key in keys}
        lists = {slug for (slug,) in cursor.execute(_LISTS, [profile_id]).fetchall()}
    return Facts(profile_id, lists, read_json(row[0]) if row else {}, counted)


def _counted(cursor: psycopg.Cursor[tuple[Any, ...]], key: MeasureKey, profile_id: int, now: datetime) -> list[Counted]:
    params = Params()
    condition = event_filter(key.event, key.where, params, now=now)
    groups = "minute, micros" if key.kind == "distinct" else "minute"
    kept = _KEPT[key.kind]
    text = _COUNTED.format(amount=kept_of(key, params), condition=condition, kept=kept, groups=groups)
    return [Counted(*row) for row in cursor.execute(text, {**params.values, "profile": profile_id})]


def _stored(segment_id: int, profile_id: int) -> bool:
    bits = Membership.objects.filter(pk=profile_id).values_list("bits", flat=True).first() or b""
    return len(bits) > segment_id // 8 and bool(bits[segment_id // 8] >> segment_id % 8 & 1)


def _words(leaf: Leaf, found: Any) -> str:
    match leaf:
        case TraitIs():
            return "not set" if found is None else json.dumps(found, ensure_ascii=False)
        case OnList():
            return "on it" if found else "not on it"
        case InBucket():
            return f"percentile {found}"
        case InSegment():
            return ""
        case _:
            return _event_words(leaf, found)


def _event_words(leaf: EventLeaf, found: Any) -> str:
    match leaf:
        case EventCount():
            return f"{found:,} {'time' if found == 1 else 'times'}"
        case EventSum():
            return f"{found / 1e6:,.2f}"
        case EventStat():
            return _stat_words(leaf, found)
        case EventTime():
            return _when(found)
        case Absent():
            return f"{leaf.after}: {_when(found[1])}; {leaf.absent}: {_when(found[0])}"
        case Sequence():
            return f"{len(found):,} times, last {_when(found[-1])}" if found else "not in this order"
        case _:
            assert_never(leaf)


def _stat_words(leaf: EventStat, found: Any) -> str:
    if leaf.stat == "distinct":
        return f"{found:,} different"
    if found is None:
        return "nothing to look at"
    return f"{(found[0] / found[1] if leaf.stat == 'avg' else found) / 1e6:,.2f}"


def _when(minute: int | None) -> str:
    return "never" if minute is None else f"{moment_of(minute):%Y-%m-%d %H:%M} UTC"
