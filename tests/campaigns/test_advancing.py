"""The pure part of campaigns: whoever is moved at any times whatever takes one path, and always comes to an end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.journeys.advancing import Decision, Facts, Happened, Standing, advance, next_open
from campaigns.journeys.checking import faults, read_spec
from campaigns.journeys.contracts import MadeUp
from campaigns.journeys.entering import Before, may_enter
from campaigns.journeys.examples import EXAMPLES
from campaigns.journeys.recurring import latest, local_instant, times
from campaigns.journeys.simulating import simulate
from campaigns.journeys.spec import Broadcast, Spec, WaitWindow, in_order

START = datetime(2026, 11, 2, 8, tzinfo=UTC)
EVENTS = ("Viewed", "Bought", "Left")


MINUTES = st.integers(1, 300)
WHEN = st.sampled_from([{"segment": "vip"}, {"event": "Viewed"}, {"trait": "n", "is": "gt", "value": 3}])
FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "wait": {"minutes": MINUTES},
    "wait_event": {"minutes": MINUTES, "event": st.sampled_from(EVENTS)},
    "wait_window": {
        "start": st.just("09:00"), "end": st.sampled_from(["17:00", "02:00"]),
        "days": st.lists(st.integers(1, 7), min_size=1, max_size=3, unique=True),
    },
    "trait": {"traits": st.fixed_dictionaries({"n": st.integers(0, 9)})},
    "list": {"list": st.just("some")},
    "goal": {},
}  # fmt: skip


@st.composite
def steps_to(draw: st.DrawFn, place: int, later: st.SearchStrategy[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(["branch", "split", *FIELDS]))
    step: dict[str, Any] = {"kind": kind, "id": f"s{place}"}
    if kind == "branch":
        return step | {"cases": [{"when": draw(WHEN), "next": draw(later)}], "otherwise": draw(later)}
    if kind == "split":
        return step | {"parts": [{"weight": 1, "next": draw(later)}, {"weight": 3, "next": draw(later)}]}
    step |= {name: draw(values) for name, values in FIELDS[kind].items()} | {"next": draw(later)}
    return step | {"otherwise": draw(later)} if kind == "wait_event" else step


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Graphs that lead forward only."""
    count = draw(st.integers(1, 7))
    steps = [
        draw(steps_to(place, st.sampled_from(["", *(f"s{n}" for n in range(place + 1, count))])))
        for place in range(count)
    ]  # fmt: skip
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["goal"] = {"event": "Bought", "minutes": draw(st.integers(1, 2000)), "ends": draw(st.booleans())}
    if draw(st.booleans()):
        more["leaving"] = {"event": "Left"}
    return read_spec({"entry": {"kind": "event", "event": "Signed Up"}, "steps": steps, **more})


happenings = st.lists(st.tuples(st.integers(1, 3000), st.sampled_from(EVENTS), st.just({})), max_size=5)


def known(events: list[tuple[int, str, dict[str, Any]]], now: datetime) -> Facts:
    found: dict[str, list[Happened]] = {}
    for minutes, name, told in events:
        at = START + timedelta(minutes=minutes)
        if at <= now:
            found.setdefault(name, []).append(Happened(at, told))
    return Facts({"n": 2}, frozenset(["vip"]), found)


@settings(max_examples=60, deadline=None)
@given(specs(), happenings, st.text(max_size=5))
def test_everybody_comes_to_an_end_and_no_step_is_passed_twice(
    spec: Spec, events: list[tuple[int, str, dict[str, Any]]], seed: str
) -> None:
    person = MadeUp({"n": 2}, frozenset(["vip"]), tuple(events))
    found = simulate(spec, person, seed=seed, unit="profile:1", start=START)
    names = [one.step for one in found.passed]
    assert found.ended in ("finished", "goal", "left")
    assert len(names) == len(set(names))
    order = [step.id for step in in_order(spec.steps)]
    assert names == sorted(names, key=order.index)
    assert all(one.arrived_at <= one.left_at for one in found.passed)


@settings(max_examples=40, deadline=None)
@given(specs(), happenings, st.lists(st.integers(0, 4000), max_size=6), st.text(max_size=5))
def test_looking_more_often_changes_nothing(
    spec: Spec, events: list[tuple[int, str, dict[str, Any]]], looks: list[int], seed: str
) -> None:
    """A worker that wakes somebody for nothing, twice or with another worker, leaves the same path."""
    extra = tuple((minutes, "Nothing", {}) for minutes in looks)
    plain, often = (
        simulate(spec, MadeUp({"n": 2}, frozenset(["vip"]), tuple(events) + more), seed=seed, unit="u", start=START)
        for more in ((), extra)
    )
    assert plain == often


@settings(max_examples=60, deadline=None)
@given(specs(), happenings, st.integers(0, 3000))
def test_who_has_to_wait_is_told_a_later_instant_and_the_same_one_again(
    spec: Spec, events: list[tuple[int, str, dict[str, Any]]], minutes: int
) -> None:
    now = START + timedelta(minutes=minutes)
    facts = known(events, now)
    first = advance(spec, Standing("u", START, spec.first, START), facts, seed="s", now=now)
    if first.ended:
        assert first.due_at is None
        return
    assert first.due_at is not None
    assert first.due_at > now or first.lane
    again = advance(spec, Standing("u", START, first.step, first.arrived_at), facts, seed="s", now=now)
    assert (again.step, again.arrived_at, again.due_at, again.lane) == (
        first.step, first.arrived_at, first.due_at, first.lane,
    )  # fmt: skip
    assert (again.passed, again.acts) == ((), ())


@given(
    st.lists(st.integers(0, 500), max_size=12), st.sampled_from(["never", "after_exit", "always"]), st.integers(0, 90)
)
def test_no_order_of_triggers_lets_somebody_in_twice_for_one(at: list[int], again: Any, rest: int) -> None:
    spec = read_spec({"entry": {"kind": "event", "event": "E"}, "again": again, "again_minutes": rest})
    before, entered = Before(), list[datetime]()
    # Each trigger comes twice, as from two workers of which one was killed after its commit.
    for minutes in [one for one in at for _ in range(2)]:
        moment = START + timedelta(minutes=minutes)
        if may_enter(spec, before, moment):
            entered.append(moment)
            before = Before(moment, True, before.round + 1)
    assert len(entered) == len(set(entered))
    assert len(entered) == (min(len(at), 1) if again != "always" else len(entered))
    assert all(b - a >= timedelta(minutes=rest) for a, b in zip(entered, entered[1:], strict=False))


@given(
    st.integers(0, 366 * 24 * 60),
    st.sampled_from(["Europe/Berlin", "UTC", "Asia/Tokyo"]),
    st.sampled_from([("09:00", "17:00"), ("22:00", "06:00")]),
    st.sets(st.integers(1, 7), min_size=1),
)
def test_a_window_opens_within_a_week_and_inside_itself(
    minutes: int, zone: str, span: tuple[str, str], days: set[int]
) -> None:
    now, step = START + timedelta(minutes=minutes), WaitWindow(id="w", start=span[0], end=span[1], days=tuple(days))
    opens = next_open(step, ZoneInfo(zone), now)
    assert now <= opens <= now + timedelta(days=8)
    assert next_open(step, ZoneInfo(zone), opens) == opens
    local = f"{opens.astimezone(ZoneInfo(zone)):%H:%M}"
    inside = span[0] <= local < span[1] if span[0] < span[1] else local >= span[0] or local < span[1]
    assert inside


def test_times_of_day_that_clocks_skip_or_show_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = WaitWindow(id="w", start="02:30", end="02:45")
    skipped = next_open(night, berlin, datetime(2026, 3, 29, 0, 0, tzinfo=UTC))
    assert f"{skipped.astimezone(berlin):%H:%M}" == "03:30"
    twice = next_open(night, berlin, datetime(2026, 10, 24, 23, 0, tzinfo=UTC))
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_broadcast_keeps_its_time_of_day_and_a_short_month_has_its_last_day() -> None:
    daily = Broadcast(segment="s", at=datetime(2026, 10, 24, 7, tzinfo=UTC), every="day")
    found = times(daily, zone="Europe/Berlin", after=daily.at, most=2)  # type: ignore[arg-type]
    assert [f"{one:%d %H:%M}" for one in found] == ["25 08:00", "26 08:00"]
    monthly = Broadcast(segment="s", at=datetime(2026, 1, 31, 9, tzinfo=UTC), every="month")
    after = datetime(2026, 2, 1, tzinfo=UTC)
    assert [one.day for one in times(monthly, zone="UTC", after=after, most=3)] == [28, 31, 30]
    late = latest(daily, zone="Europe/Berlin", started_at=START, now=datetime(2031, 5, 1, 6, tzinfo=UTC))
    assert late == datetime(2031, 4, 30, 7, tzinfo=UTC)
    assert local_instant(START, "UTC", ZoneInfo("Asia/Tokyo")) == datetime(2026, 11, 1, 23, tzinfo=UTC)


def test_the_examples_can_run_and_say_what_they_do() -> None:
    for example in EXAMPLES:
        spec = read_spec(example.spec)
        assert dict(faults(spec)) == {}, example.slug
        assert read_spec(msgspec.to_builtins(spec)) == spec


def test_a_decision_is_a_value() -> None:
    spec = read_spec(EXAMPLES[1].spec)
    standing = Standing("u", START, spec.first, START)
    found: list[Decision] = [advance(spec, standing, Facts(), seed="s", now=START) for _ in range(2)]
    assert found[0] == found[1]
