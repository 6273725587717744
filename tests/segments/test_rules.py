"""Reading, writing, describing and evaluating rules, without a database."""

from datetime import timedelta
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segments.contracts import RuleError
from segments.entries import Entries, compact, merge, pack, unpack
from segments.evaluate import Counted, Facts, holds
from segments.measures import needs
from segments.parsing import parse_rule
from segments.plan import LiveSegment, Measure, make_plan
from segments.rules import EventStat, to_text
from segments.schema import rule_schema
from segments.vector import Evaluation
from segments.windows import NEVER, minute_of, moment_of
from segments.wording import describe
from tests.segments import strategies as some
from tests.segments.world import NOON

QUICK = settings(deadline=None, max_examples=100, phases=(Phase.explicit, Phase.reuse, Phase.generate))
SCHEMA = jsonschema.Draft202012Validator(rule_schema())  # made once: checking the schema itself takes longer
BUYER = {"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": {"days": 30}}


@QUICK
@given(rule=some.rules)
def test_a_rule_written_and_read_again_is_the_same_rule(rule: Any) -> None:
    node = parse_rule(rule)
    assert parse_rule(node.to_json()) == node
    assert describe(node)
    assert rule == {"all": []} or to_text(node)


@settings(QUICK, max_examples=40)
@given(rule=some.rules)
def test_the_published_schema_takes_every_rule_that_can_be_read(rule: Any) -> None:
    assert SCHEMA.is_valid(rule)
    assert SCHEMA.is_valid(parse_rule(rule).to_json())


@pytest.mark.parametrize(
    ("rule", "pointer", "advice"),
    [
        ([], "", "Give an object"),
        ({}, "", "exactly one of"),
        ({"trait": "a", "event": "b"}, "", "exactly one of"),
        ({"all": {}}, "/all", "Give a list"),
        ({"any": []}, "/any", "Add at least one"),
        ({"all": [BUYER, {"trait": "plan", "is": "like", "value": "x"}]}, "/all/1/is", "Choose one of"),
        ({"trait": "", "is": "exists"}, "/trait", "Give a text"),
        ({"trait": "a\x00", "is": "exists"}, "/trait", "Remove the characters"),
        ({"trait": "plan", "is": "exists", "value": 1}, "/value", "Remove the value"),
        ({"trait": "plan", "is": "gt", "value": "many"}, "/value", "Give a number"),
        ({"trait": "plan", "is": "gt", "value": float("nan")}, "/value", "Give a number"),
        ({"trait": "plan", "is": "eq", "value": None}, "/value", "Give a text"),
        ({"trait": "plan", "is": "eq", "value": "x", "o/r": 1}, "/o~1r", "Remove this"),
        ({"trait": "born", "is": "before", "value": "soon"}, "/value", "Give a date"),
        ({"trait": "born", "is": "within_last", "value": {"weeks": 1}}, "/value", "with one unit"),
        ({"event": "A"}, "", "exactly one of count"),
        ({"event": "A", "count": {"is": "gte", "value": 1.5}}, "/count/value", "whole number"),
        ({"event": "A", "count": 3}, "/count", "Give an object"),
        ({**BUYER, "within": {"minutes": 2881}}, "/within/minutes", "whole hours"),
        ({**BUYER, "within": {"days": 0}}, "/within/days", "from 1 on"),
        ({**BUYER, "within": {"days": 10**9}}, "/within/days", "Ten years"),
        ({**BUYER, "where": [{"property": "x", "is": "within_last", "value": {"days": 1}}]}, "/where/0/is", "Choose"),
        ({"absent": "A", "after": "B"}, "/for", "Give a length of time"),
        ({"not": {"not": {"not": {"not": {"not": BUYER}}}}}, "/not/not/not/not/not", "Flatten"),
        ({"all": [{"any": [BUYER] * 30}, {"any": [BUYER] * 30}]}, "", "at most 50"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_do(rule: Any, pointer: str, advice: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule(rule)
    assert caught.value.problems[0].pointer == pointer
    assert advice in caught.value.problems[0].message


def test_all_mistakes_of_a_group_are_told_at_once() -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule({"all": [{"trait": 1, "is": "exists"}, BUYER, {"any": [7]}]})
    assert [one.pointer for one in caught.value.problems] == ["/all/0/trait", "/all/2/any/0"]


def test_rules_of_any_depth_are_refused_without_harm() -> None:
    deep: Any = BUYER
    for _ in range(900):
        deep = {"not": deep}
    with pytest.raises(RuleError):
        parse_rule(deep)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"all": []}, "everyone"),
        (BUYER, "did Order Completed at least 1 time in the last 30 days"),
        (
            {
                "all": [
                    BUYER,
                    {"any": [{"trait": "plan", "is": "eq", "value": "pro"}, {"trait": "vip", "is": "exists"}]},
                ]
            },
            'did Order Completed at least 1 time in the last 30 days and (plan is "pro" or vip is set)',
        ),
        (
            {"absent": "Order Completed", "after": "Cart Abandoned", "for": {"minutes": 30}},
            "no Order Completed since Cart Abandoned, for more than 30 minutes",
        ),
        (
            {
                "event": "Order Completed",
                "sum": {"property": "revenue", "is": "gt", "value": 100},
                "where": [{"property": "category", "is": "in", "value": ["shoes", "hats"]}],
            },
            'revenue of Order Completed where category is one of "shoes", "hats" adds up to more than 100',
        ),
    ],
)
def test_a_rule_is_told_in_words(rule: Any, words: str) -> None:
    assert describe(parse_rule(rule)) == words


def test_true_and_one_are_different_values_although_python_calls_them_equal() -> None:
    one, true = (parse_rule({"trait": "vip", "is": "eq", "value": value}) for value in (1, True))
    assert one != true
    assert parse_rule({"trait": "vip", "is": "eq", "value": 1.0}) == one
    plan = make_plan([LiveSegment(1, 1, one), LiveSegment(2, 1, true)], [])
    facts = Evaluation(
        profiles=np.array([1, 2]), entries=_nothing(), measure_ids={}, traits={"vip": ["1", "true"]}, lists={}, now=NOON
    )
    assert [facts.answer(segment.rule).holds.tolist() for segment in plan.segments] == [[True, False], [False, True]]


def _nothing() -> Entries:
    return Entries(*(np.empty(0, dtype=np.int64) for _ in range(5)))


histories = st.lists(
    st.tuples(st.integers(0, 2), some.moments, st.integers(1, 3), st.sampled_from((0, 100_000, -3_000_000))),
    max_size=30,
)
event_rules = some.event_conditions()


@settings(QUICK, max_examples=300)
@given(rule=event_rules, history=histories, later=some.ages(), compacted=st.booleans())
def test_arrays_packed_and_compacted_say_what_plain_evaluation_says_and_when_it_changes(
    rule: Any, history: list[Any], later: timedelta, compacted: bool
) -> None:
    node = parse_rule(rule)
    measures = [Measure(number, key, horizon) for number, (key, horizon) in enumerate(needs(node).items(), start=7)]
    plan = make_plan([LiveSegment(1, 1, node)], measures)
    # Every measure counts the same history: this is about time and amounts, not about filters.
    rows = [(owner, one.id, minute_of(at), n, micros) for one in measures for owner, at, n, micros in history]
    entries = Entries(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))) if rows else _nothing()
    if compacted:
        entries = compact(entries, plan.horizons, plan.kinds, now_minute=minute_of(NOON))
    entries = merge(entries, plan.kinds)
    owners, packed = pack(entries)
    entries = unpack(b"".join(packed), np.array([len(one) // 20 for one in packed], dtype=np.int64))
    entries = Entries(owners[entries.owner], entries.measure, entries.minute, entries.n, entries.micros)
    now = NOON + later
    profiles = np.arange(3, dtype=np.int64)
    found = Evaluation(
        profiles=profiles, entries=entries, measure_ids=plan.measure_ids, traits={}, lists={}, now=now
    ).answer(node)
    for owner in range(3):
        counted = [Counted(minute_of(at), n, micros) for who, at, n, micros in history if who == owner]
        facts = Facts(counted={one.key: counted for one in measures})
        assert found.holds[owner] == holds(node, facts, now=now)
        due = NEVER if found.due is None else int(found.due[owner])
        assert due > minute_of(now)
        if due < NEVER:
            # Nothing changes before. A single condition tells its date exactly, but for a statistic, which is looked at
            # whenever anything leaves its window.
            assert holds(node, facts, now=moment_of(due - 1)) == found.holds[owner]
            if not isinstance(node, EventStat):
                assert holds(node, facts, now=moment_of(due)) != found.holds[owner]
        else:
            assert holds(node, facts, now=moment_of(minute_of(now) + 100 * 1440)) == found.holds[owner]
