"""Funnels and paths: what a brute force over all choices finds, on the log and in arrays."""

from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights import selectors, services
from insights.contracts import BadFunnel, FunnelResult, FunnelSpec, PathSpec, Period
from insights.funnels.walking import END, OTHER, grouped, medians, reached, walk
from tests.insights.world import Shop

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
JUNE = Period(date(2026, 6, 1), date(2026, 6, 14))
STEPS, WITHIN = 3, 5
# (person, time, bits) of events; equal times are told apart by their place.
_EVENTS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12), st.integers(0, 7)), max_size=14)


def _furthest(events: list[tuple[int, int]], *, strict: bool) -> tuple[int, int]:
    """(level, place of the first step) of the best attempt, of every choice. `events`: (time, bits) in order."""
    tried = [
        (level, -chosen[0])
        for level in range(1, STEPS + 1)
        for chosen in combinations(range(len(events)), level)
        if all(events[place][1] >> step & 1 for step, place in enumerate(chosen))
        and events[chosen[-1]][0] - events[chosen[0]][0] <= WITHIN
        and not (strict and chosen[-1] - chosen[0] >= level)
    ]
    level, place = max(tried, default=(0, 0))
    return level, -place


@given(events=_EVENTS, strict=st.booleans())
def test_every_person_comes_as_far_as_any_choice_of_events_would(
    events: list[tuple[int, int, int]], strict: bool
) -> None:
    events = sorted(events, key=lambda one: (one[0], one[1]))
    persons = sorted({one[0] for one in events})
    by_person = {one: [(at, bits) for person, at, bits in events if person == one] for one in persons}
    places = [place for one in persons for place in range(len(by_person[one]))]
    # Events that are no step reach the walk only as gaps between places.
    kept = [n for n, one in enumerate(events) if one[2]]
    table = np.array([(*events[n][:2], places[n], events[n][2]) for n in kept], dtype=np.int64).reshape(-1, 4)
    person, at, place, bits = table.T
    found = walk(
        person=person, at=at, place=place, bits=bits, steps=STEPS, within=WITHIN, strict=strict,
        starts=np.ones(len(table), dtype=np.bool_),
    )  # fmt: skip
    told = {
        int(one): (int(level), int(place[row]))
        for one, level, row in zip(found.persons, found.levels, found.rows[0], strict=True)
    }
    expected = {one: _furthest(by_person[one], strict=strict) for one in persons}
    assert told == {one: best for one, best in expected.items() if best[0]}
    counts = reached(found.levels, STEPS)
    assert all(a >= b for a, b in pairwise(counts))
    everybody = np.ones(len(found.persons), dtype=np.bool_)
    assert [one is not None for one in medians(found, at, everybody)] == [count > 0 for count in counts[1:]]


def at(day: int, hour: float = 12) -> datetime:
    return datetime(2026, 6, day, tzinfo=UTC) + timedelta(hours=hour)


def spec(*events: str, **more: Any) -> FunnelSpec:
    steps = [{"event": one} if isinstance(one, str) else one for one in events]
    return FunnelSpec.from_json({"steps": steps, **more})


def people(found: FunnelResult) -> list[int]:
    return [one.people for one in found.steps]


def counted(one: FunnelSpec, period: Period = JUNE) -> FunnelResult:
    return selectors.funnel(one, period=period, now=NOW)


def test_a_funnel_is_of_those_who_begin_in_the_period_and_ends_within_its_window(shop: Shop) -> None:
    for person in (1, 2, 3, 4):
        shop.person(person)
        shop.tells(person, "View", at(2))
    shop.tells(1, "Buy", at(2, 13))
    shop.tells(2, "Buy", at(8, 11))
    shop.tells(3, "Buy", at(9, 13))
    shop.tells(4, "Buy", at(2, 11))
    found = counted(spec("View", "Buy"))
    assert people(found) == [4, 2]
    assert found.steps[1].median_seconds == (3600 + (6 * 24 - 1) * 3600) / 2 == found.median_seconds
    assert (found.steps[1].of_first, found.steps[1].of_previous) == (0.5, 0.5)
    assert people(counted(spec("View", "Buy"), Period(date(2026, 6, 2), date(2026, 6, 2)))) == [4, 2]
    assert people(counted(spec("View", "Buy"), Period(date(2026, 6, 3), date(2026, 6, 14)))) == [0, 0]
    assert people(counted(spec("View", "Buy", within_seconds=60))) == [4, 0]


def test_strict_lets_nothing_stand_between_but_who_somebody_is(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    for person, between in ((1, "Help"), (2, "$identify")):
        shop.tells(person, "View", at(2, 1))
        shop.tells(person, between, at(2, 2))
        shop.tells(person, "Buy", at(2, 3))
    assert people(counted(spec("View", "Buy"))) == [2, 2]
    assert people(counted(spec("View", "Buy", order="strict"))) == [2, 1]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"property": "plan", "op": "eq", "value": "pro"}, 1), ({"property": "plan", "op": "ne", "value": "pro"}, 2),
        ({"property": "plan", "op": "contains", "value": "RO"}, 1),
        ({"property": "price", "op": "gt", "value": "9"}, 1),
        ({"property": "price", "op": "lt", "value": "9"}, 1), ({"property": "plan", "op": "set"}, 2),
    ],
)  # fmt: skip
def test_a_step_may_ask_for_a_property(shop: Shop, where: dict[str, str], expected: int) -> None:
    for person, told in ((1, {"plan": "pro", "price": 10}), (2, {"plan": "free", "price": "5"}), (3, {})):
        shop.person(person)
        shop.tells(person, "View", at(2), **told)
    assert people(counted(spec({"event": "View", "where": [where]}, "Buy")))[0] == expected  # type: ignore[arg-type]


def test_a_funnel_is_broken_down_and_restricted_to_a_segment(shop: Shop) -> None:
    for person, plan in ((1, "pro"), (2, "free"), (3, "ann@example.org")):
        shop.person(person, traits={"plan": plan})
        shop.tells(person, "View", at(2), plan=plan, source=person)
    shop.tells(1, "Buy", at(3))
    shop.apply(NOW)
    pro = shop.segment({"trait": "plan", "is": "eq", "value": "pro"}, slug="pro", now=NOW)
    assert people(counted(spec("View", "Buy", segment=pro.id))) == [1, 1]
    by = {one.name: [step.people for step in one.steps] for one in counted(spec("View", "Buy", by="segment")).groups}
    assert by == {"pro": [1, 1]}
    told = counted(spec("View", "Buy", by="property", property="plan")).groups
    names = [one.name for one in told]
    assert {"pro", "free"} < set(names)
    assert not any("ann@" in one for one in names)
    assert len(counted(spec("View", "Buy", by="source")).groups) == 3


def test_merged_people_walk_together(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    shop.tells(1, "View", at(2))
    shop.tells(2, "Buy", at(3))
    assert people(counted(spec("View", "Buy"))) == [1, 0]
    shop.moves([2], 1, now=NOW)
    assert people(counted(spec("View", "Buy"))) == [1, 1]


def test_paths_tell_what_came_after_and_before_with_the_rest_together(shop: Shop) -> None:
    for person, after in ((1, "Buy"), (2, "Buy"), (3, "Help"), (4, "Leave"), (5, None)):
        shop.person(person)
        shop.tells(person, "Come", at(2, 11.9))
        shop.tells(person, "View", at(2))
        if after:
            shop.tells(person, after, at(2, 12.1))
        shop.tells(person, "Late", at(3))
    found = selectors.paths(PathSpec("View", levels=2, top=1), period=JUNE, now=NOW)
    told = {(one.level, one.here, one.there): one.count for one in found.links}
    assert found.total == 5
    assert told == {
        (1, "View", "Buy"): 2, (1, "View", OTHER): 2, (1, "View", END): 1, (2, "Buy", END): 2, (2, OTHER, END): 2,
    }  # fmt: skip
    before = selectors.paths(PathSpec("View", "before", levels=1), period=JUNE, now=NOW)
    assert [(one.there, one.count) for one in before.links] == [("Come", 5)]


_WAYS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcdef"), max_size=3).map(lambda one: [*one, None, None, None][:3]),
              st.integers(1, 5)), max_size=12,
)  # fmt: skip


@given(ways=_WAYS, top=st.integers(1, 3))
def test_what_leads_to_a_place_leads_on_from_it(ways: list[tuple[list[str | None], int]], top: int) -> None:
    links = grouped(ways, event="start", top=top)
    for level in (1, 2):
        into: dict[str, int] = {}
        onward: dict[str, int] = {}
        for at_level, here, there, count in links:
            if at_level == level and there != END:
                into[there] = into.get(there, 0) + count
            if at_level == level + 1:
                onward[here] = onward.get(here, 0) + count
        assert into == onward
    assert sum(count for level, _, _, count in links if level == 1) == sum(count for _, count in ways)
    assert all(len({there for one, _, there, _ in links if one == level} - {END, OTHER}) <= top for level in (1, 2, 3))


def test_a_funnel_is_kept_and_removed(db: None) -> None:
    one = services.keep_funnel(name=" Buying ", spec=spec("View", "Buy"), by="ann", now=NOW)
    assert [(kept.name, kept.spec) for kept in selectors.funnels()] == [("Buying", spec("View", "Buy"))]
    services.remove_funnel(funnel_id=one.id, by="ann", now=NOW)
    with pytest.raises(BadFunnel, match="no such funnel"):
        services.remove_funnel(funnel_id=one.id, by="ann", now=NOW)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"steps": [{"event": "a"}]}, "steps"), ({"steps": [{"event": "a"}, {"event": ""}]}, "steps"),
        ({"order": "any"}, "order"), ({"by": "mood"}, "by"), ({"by": "property"}, "property"),
        ({"within_seconds": 0}, "within_seconds"), ({"wish": 1}, "wish"),
        ({"steps": [{"event": "a"}, {"event": "b", "where": [{"property": "p", "op": "gt", "value": "x"}]}]}, "steps"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_funnel_is_refused_with_its_field(told: dict[str, Any], field: str) -> None:
    with pytest.raises(BadFunnel, match=f"^{field}: "):
        FunnelSpec.from_json({"steps": [{"event": "a"}, {"event": "b"}], **told})
