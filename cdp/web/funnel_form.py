"""What is asked of funnels, paths and cohorts in the address of a page. Pure but for the choices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from insights.contracts import BadFunnel, CohortSpec, FunnelSpec, PathSpec

SHOWN_STEPS = 6
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400}


@dataclass(frozen=True, slots=True)
class StepRow:
    """The fields of one step."""

    number: int
    event: str
    property: str
    op: str
    value: str


def rows_of(query: Mapping[str, str]) -> list[StepRow]:
    """Rows of steps: those that are filled, at least three, and one more."""
    rows = [
        StepRow(n, query.get(f"e{n}", "").strip(), query.get(f"p{n}", "").strip(), query.get(f"o{n}", "eq"),
                query.get(f"v{n}", ""))
        for n in range(1, SHOWN_STEPS + 1)
    ]  # fmt: skip
    last = max((row.number for row in rows if row.event), default=0)
    return rows[: max(3, min(last + 1, SHOWN_STEPS))]


def funnel_of(query: Mapping[str, str]) -> FunnelSpec | None:
    """The funnel that an address asks for; None while it names no event. Raises BadFunnel."""
    rows = [row for row in rows_of(query) if row.event]
    if not rows:
        return None
    steps = [
        {"event": row.event, "where": [{"property": row.property, "op": row.op, "value": row.value}] if row.property
         else []}
        for row in rows
    ]  # fmt: skip
    return FunnelSpec.from_json({
        "steps": steps, "within_seconds": _span(query, "7", "days"), "order": query.get("order", "") or "loose",
        "by": query.get("by", ""), "property": query.get("property", "").strip(),
        "segment": _number(query, "segment", "0"),
    })  # fmt: skip


def path_of(query: Mapping[str, str]) -> PathSpec | None:
    """The path that an address asks for; None while it names no event. Raises BadFunnel."""
    event = query.get("event", "").strip()
    if not event:
        return None
    found = PathSpec(
        event, query.get("direction", "") or "after", _number(query, "levels", "3"), _number(query, "top", "5"),
        _span(query, "30", "minutes"), _number(query, "segment", "0"),
    )  # fmt: skip
    found.check()
    return found


def cohorts_of(query: Mapping[str, str]) -> CohortSpec | None:
    """The first behaviour that an address asks for; None while it names no event. Raises BadCohorts."""
    event, name = query.get("event", "").strip(), query.get("property", "").strip()
    if not event:
        return None
    where = [{"property": name, "op": query.get("op", "eq"), "value": query.get("value", "")}] if name else []
    return CohortSpec.from_json({"event": event, "where": where, "back": query.get("back", "")})


def told(wrong: ValueError) -> str:
    """What is wrong, without the field's name."""
    text = str(wrong).partition(": ")[2] or str(wrong)
    return text[:1].upper() + text[1:]


def query_of(spec: FunnelSpec) -> str:
    """The address of a funnel, for its link."""
    return urlencode(list(_fields(spec)))


def _fields(spec: FunnelSpec) -> Iterator[tuple[str, Any]]:
    for n, step in enumerate(spec.steps[:SHOWN_STEPS], 1):
        yield f"e{n}", step.event
        for one in step.where[:1]:
            yield from ((f"p{n}", one.property), (f"o{n}", one.op), (f"v{n}", one.value))
    unit = next(name for name in reversed(UNITS) if spec.within_seconds % UNITS[name] == 0 or name == "minutes")
    yield from (("within", max(spec.within_seconds // UNITS[unit], 1)), ("unit", unit), ("order", spec.order))
    if spec.by:
        yield "by", spec.by
    if spec.property:
        yield "property", spec.property
    if spec.segment:
        yield "segment", spec.segment


def _span(query: Mapping[str, str], usual: str, unit: str) -> int:
    return _number(query, "within", usual) * UNITS.get(query.get("unit", "") or unit, UNITS[unit])


def _number(query: Mapping[str, str], name: str, usual: str) -> int:
    told = query.get(name, "") or usual
    if not (told.isdecimal() and len(told) < 9):
        raise BadFunnel(f"{name}: give a number.")
    return int(told)


def lasted(seconds: float | None) -> str:
    """A time as people read it."""
    if seconds is None:
        return "–"
    span = timedelta(seconds=round(seconds))
    if span.days:
        return f"{span.days} d {span.seconds // 3600} h"
    hours, minutes = span.seconds // 3600, span.seconds % 3600 // 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {span.seconds % 60} s"
