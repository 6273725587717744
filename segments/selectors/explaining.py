"""Why a profile is in a segment or is not: every condition with what was found and what was asked."""

import json
from datetime import datetime
from typing import Any, assert_never

import psycopg

from common import pg
from segments.compile import amount_of, event_filter
from segments.contracts import ConditionView, Explanation
from segments.evaluate import Counted, Facts, actual, holds, leaf_holds
from segments.measures import MeasureKey, keys_of
from segments.models import Membership, Segment
from segments.parsing import parse_rule
from segments.plan import distinct_leaves
from segments.rules import Absent, All, AnyOf, EventCount, EventSum, EventTime, Leaf, Node, Not, TraitIs
from segments.sqlvalues import Params
from segments.values import read_json
from segments.windows import moment_of
from segments.wording import describe, describe_leaf, needed_of

_COUNTED = """
select minute, count(*), sum(micros)::bigint from (
    select greatest(floor(extract(epoch from e.occurred_at) / 60), 0)::bigint as minute, {amount} as micros
    from events_event e join identity_member m on m.identifier_id = e.identifier_id
    where m.profile_id = %(profile)s and {condition}
) one group by minute order by minute
"""


def explain(segment_id: int, profile_id: int, now: datetime) -> Explanation | None:
    """Each condition of the segment's rule for this profile, from the log; None when the segment does not exist."""
    segment = Segment.objects.filter(pk=segment_id).first()
    if segment is None:
        return None
    rule = parse_rule(segment.rule)
    facts = read_facts(rule, profile_id, now=now)
    stored = segment.archived_at is None and _stored(segment_id, profile_id)
    return Explanation(segment_id, profile_id, holds(rule, facts, now=now), stored, view(rule, facts, now=now))


def view(node: Node, facts: Facts, *, now: datetime) -> ConditionView:
    """A node as it stands for these facts, with its children."""
    match node:
        case All(children) | AnyOf(children):
            inner = tuple(view(child, facts, now=now) for child in children)
            kind = "all" if isinstance(node, All) else "any"
            return ConditionView(describe(node), holds(node, facts, now=now), kind=kind, children=inner)
        case Not(child):
            inner = (view(child, facts, now=now),)
            return ConditionView(describe(node), not inner[0].holds, kind="not", children=inner)
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
    return Facts(traits=read_json(row[0]) if row else {}, counted=counted)


def _counted(cursor: psycopg.Cursor[tuple[Any, ...]], key: MeasureKey, profile_id: int, now: datetime) -> list[Counted]:
    params = Params()
    condition = event_filter(key.event, key.where, params, now=now)
    text = _COUNTED.format(amount=amount_of(key.sum_property, params), condition=condition)
    return [Counted(*row) for row in cursor.execute(text, {**params.values, "profile": profile_id})]


def _stored(segment_id: int, profile_id: int) -> bool:
    bits = Membership.objects.filter(pk=profile_id).values_list("bits", flat=True).first() or b""
    return len(bits) > segment_id // 8 and bool(bits[segment_id // 8] >> segment_id % 8 & 1)


def _words(leaf: Leaf, found: Any) -> str:
    match leaf:
        case TraitIs():
            return "not set" if found is None else json.dumps(found, ensure_ascii=False)
        case EventCount():
            return f"{found:,} {'time' if found == 1 else 'times'}"
        case EventSum():
            return f"{found / 1e6:,.2f}"
        case EventTime():
            return _when(found)
        case Absent():
            return f"{leaf.after}: {_when(found[1])}; {leaf.absent}: {_when(found[0])}"
        case _:
            assert_never(leaf)


def _when(minute: int | None) -> str:
    return "never" if minute is None else f"{moment_of(minute):%Y-%m-%d %H:%M} UTC"
