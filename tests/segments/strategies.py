"""Random rules, values and histories. Few names and narrow times, so that rules and histories meet at their edges."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from segments.rules import NUMBER_OPS, STATS
from tests.segments.world import NOON

EVENTS = ("A", "B")
WINDOWS = ({"minutes": 1}, {"minutes": 30}, {"hours": 1}, {"hours": 47}, {"days": 2}, {"days": 30})
TEXTS = (
    "x",
    "xy",
    "yx",
    "true",
    "42",
    "12.50",
    "-0",
    "1e3",
    "2026-06-14",
    "2026-06-15T11:59:59.5Z",
    "2026-06-15T14:00",
    "2026-02-30",
    "É",
)
NUMBERS = (0, 1, 42, 42.0, 12.5, -3, 0.1, 0.0000005, -0.0000015, 1e10, 1e11, 1e300, 1e-310, 2**53 + 1, 10**25)

json_scalars = st.sampled_from(TEXTS) | st.sampled_from(NUMBERS) | st.booleans() | st.none()
json_values = json_scalars | st.lists(json_scalars, max_size=3) | st.just({"x": 1})
wanted_scalars = st.sampled_from(TEXTS) | st.sampled_from(NUMBERS[:-4]) | st.booleans()
windows = st.sampled_from(WINDOWS)
dates = st.sampled_from(("2026-06-14", "2026-06-15T12:00:00Z", "2026-06-15 14:00:30+02:00", "2026-05-16T12:00"))


# Ahead of UTC, behind it, by half an hour, with clocks that change around the histories' noon, and none.
ZONES = (None, "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
zones = st.sampled_from(ZONES)


def _comparison(subject: dict[str, Any], *, relative: bool) -> st.SearchStrategy[dict[str, Any]]:
    def made(op: str, value: Any, zone: str | None = None) -> dict[str, Any]:
        return {**subject, "is": op, **({} if value is None else {"value": value}), **({"zone": zone} if zone else {})}

    kinds = [
        st.builds(made, st.sampled_from(("exists", "missing")), st.none()),
        st.builds(made, st.sampled_from(("eq", "ne", "contains")), wanted_scalars),
        st.builds(made, st.sampled_from(("lt", "lte", "gt", "gte")), st.sampled_from(NUMBERS[:-4])),
        st.builds(made, st.just("in"), st.lists(wanted_scalars, min_size=1, max_size=3)),
        st.builds(made, st.just("starts_with"), st.sampled_from(TEXTS)),
        st.builds(made, st.sampled_from(("before", "after")), dates, zones),
    ]
    if relative:
        kinds.append(st.builds(made, st.sampled_from(("within_last", "more_than_ago", "within_next")), windows, zones))
    return st.one_of(kinds)


traits = st.sampled_from(("p", "q")).flatmap(lambda name: _comparison({"trait": name}, relative=True))
filters = st.sampled_from(("r", "s")).flatmap(lambda name: _comparison({"property": name}, relative=False))
scopes = st.fixed_dictionaries({}, optional={"within": windows, "where": st.lists(filters, min_size=1, max_size=2)})
wheres = st.fixed_dictionaries({}, optional={"where": st.lists(filters, min_size=1, max_size=2)})
ops = st.sampled_from(NUMBER_OPS)


def _steps(names: Sequence[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    step = st.sampled_from(names).flatmap(lambda name: st.fixed_dictionaries({"event": st.just(name)}, optional=_WHERE))
    return st.lists(step, min_size=2, max_size=3)


_WHERE = {"where": st.lists(filters, min_size=1, max_size=2)}
sequences = st.one_of(
    st.fixed_dictionaries({"sequence": _steps(EVENTS), "within": windows}, optional={"span": windows}),
    st.fixed_dictionaries(
        {
            "sequence": _steps(("A",)),
            "within": windows,
            "without": st.lists(
                st.fixed_dictionaries({"event": st.just("B")}, optional=_WHERE), min_size=1, max_size=2
            ),
        },
        optional={"span": windows},
    ),
)


@st.composite
def event_conditions(draw: st.DrawFn) -> dict[str, Any]:
    event = draw(st.sampled_from(EVENTS))
    kind = draw(st.sampled_from(("count", "sum", "stat", "time", "absent", "sequence")))
    if kind == "count":
        return {"event": event, "count": {"is": draw(ops), "value": draw(st.integers(0, 3))}, **draw(scopes)}
    if kind == "sum":
        value = draw(st.sampled_from((0, 0.1, 12.5, 25, -3, 42)))
        return {"event": event, "sum": {"property": "r", "is": draw(ops), "value": value}, **draw(scopes)}
    if kind == "stat":
        stat = draw(st.sampled_from(STATS))
        value = draw(st.integers(0, 3) if stat == "distinct" else st.sampled_from((0, 0.1, 12.5, 21, -3, 42)))
        return {"event": event, stat: {"property": "r", "is": draw(ops), "value": value}, **draw(scopes)}
    if kind == "sequence":
        return draw(sequences)
    if kind == "time":
        relative = draw(st.booleans())
        op = draw(st.sampled_from(("within_last", "more_than_ago") if relative else ("before", "after")))
        detail = {"is": op, "value": draw(windows if relative else dates)}
        zone = None if relative else draw(zones)
        detail |= {"zone": zone} if zone else {}
        return {"event": event, draw(st.sampled_from(("first", "last"))): detail, **draw(wheres)}
    return {"absent": event, "after": draw(st.sampled_from(EVENTS)), "for": draw(windows)}


buckets = st.tuples(st.sampled_from(("s", "t")), st.integers(0, 99), st.integers(1, 100)).map(
    lambda drawn: {"random": drawn[0], "from": min(drawn[1], drawn[2] - 1), "to": drawn[2]}
)
LISTS = ("guests", "press")
lists = st.sampled_from(LISTS).map(lambda slug: {"list": slug})
references = st.just({"segment": "parent"})
conditions_without_references = traits | event_conditions() | buckets | lists
conditions = traits | event_conditions() | event_conditions() | buckets | lists | references
rules = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)

# Steps and ages sit on and around the edges of the windows.
_EDGES = [timedelta(0), *(timedelta(**{unit: n}) for window in WINDOWS for unit, n in window.items())]


@st.composite
def ages(draw: st.DrawFn) -> timedelta:
    edge = draw(st.sampled_from(_EDGES))
    off = draw(st.sampled_from((0, 29, 31, 59, 60, 61, 1800, 3599, 3600, 3661)))
    return max(timedelta(0), edge + draw(st.sampled_from((-1, 1))) * timedelta(seconds=off))


moments: st.SearchStrategy[datetime] = ages().map(lambda age: NOON - age)
properties = st.fixed_dictionaries({}, optional={"r": json_values, "s": json_values})
trait_sets = st.fixed_dictionaries({}, optional={"p": json_values, "q": json_values})
