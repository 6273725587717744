"""Reading the catalogue, the plan and what did not fit."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max, Sum

from quality.plan.contracts import EnforcementView, PlannedView, PropertyView, ViolationView
from quality.plan.linting import hints
from quality.plan.models import Enforcement, Observed, PlannedEvent, PlanVersion, Violation
from quality.plan.observing import MORE
from quality.plan.schemas import learned

_LATELY = timedelta(days=7)


def planned(*, now: datetime) -> list[PlannedView]:
    """Every event that was seen or decided about, by name; violations are those of the last week."""
    decided = {row.name: row for row in PlannedEvent.objects.all()}
    seen: dict[str, dict[str, Any]] = defaultdict(lambda: {"looked": 0, "last": None, "sources": []})
    for row in Observed.objects.filter(path="", type="object").order_by("source_id"):
        one = seen[row.name]
        one["looked"] += row.seen
        one["sources"].append(row.source_id)
        one["last"] = max(filter(None, (one["last"], row.last_at)))
    counted = _violation_counts(since=(now - _LATELY).date())
    told = hints([*decided, *seen])
    return [
        _view(name, decided.get(name), seen.get(name), counted[name], told.get(name, ()))
        for name in sorted({*decided, *seen}, key=str.lower)
    ]


def _view(
    name: str, row: PlannedEvent | None, seen: Mapping[str, Any] | None, violations: int, told: Any
) -> PlannedView:  # fmt: skip
    found = seen or {"looked": 0, "last": None, "sources": []}
    return PlannedView(
        name=name, status=row.status if row else "new", description=row.description if row else "",
        owner=row.owner if row else "", schema=row.schema if row else {}, version=row.version if row else 0,
        changed_by=row.changed_by if row else "", changed_at=row.changed_at if row else None,
        looked_at=found["looked"], last_at=found["last"], source_ids=tuple(found["sources"]), violations=violations,
        hints=tuple(told),
    )  # fmt: skip


def planned_event(name: str, *, now: datetime) -> PlannedView | None:
    """One event of the catalogue, or None when it was neither seen nor decided about."""
    return next((one for one in planned(now=now) if one.name == name), None)


def _violation_counts(*, since: date) -> Counter[str]:
    rows = Violation.objects.filter(day__gte=since).values_list("name").annotate(total=Sum("count"))
    return Counter({name: int(total) for name, total in rows})


def properties_of(name: str) -> list[PropertyView]:
    """The properties of an event as they were seen, by path. `drifts`: the type it comes with now is not that of
    before."""
    rows = list(Observed.objects.filter(name=name).exclude(path=""))
    looked_at = _looked_at(name)
    by_path: dict[str, list[Observed]] = defaultdict(list)
    for row in rows:
        by_path[row.path].append(row)
    return [_property(path, found, looked_at) for path, found in sorted(by_path.items())]


def _property(path: str, found: list[Observed], looked_at: int) -> PropertyView:
    types: Counter[str] = Counter()
    for row in found:
        types[row.type] += row.seen
    newest = max(found, key=lambda row: row.last_at)
    kinds = {one for one in types if one not in ("null", MORE, "integer" if "number" in types else "")}
    often = types.total() - types[MORE]
    return PropertyView(
        path=path, types=dict(types.most_common()), share=min(1.0, often / looked_at) if looked_at else 0.0,
        example=newest.example, pii=next((row.pii for row in found if row.pii), ""), drifts=len(kinds) > 1,
    )  # fmt: skip


def _looked_at(name: str) -> int:
    found = Observed.objects.filter(name=name, path="", type="object").aggregate(total=Sum("seen"), last=Max("last_at"))
    return int(found["total"] or 0)


def learned_schema(name: str) -> dict[str, Any]:
    """The schema that everything fits which was seen of this event."""
    seen: dict[str, Mapping[str, int]] = {one.path: one.types for one in properties_of(name)}
    if Observed.objects.filter(name=name, path="", type=MORE).exists():
        seen[""] = {MORE: 1}
    return learned(seen, _looked_at(name))


def plan_versions(name: str) -> list[tuple[int, str, Mapping[str, Any], str, datetime]]:
    """(version, status, schema, by, at) of an event, the newest first."""
    rows = PlanVersion.objects.filter(name=name).order_by("-id")[:50]
    return [(row.version, row.status, row.schema, row.by, row.at) for row in rows]


def violations(*, since: date, name: str = "", source_id: int | None = None, limit: int = 200) -> list[ViolationView]:
    """What did not fit since a day, the newest and most frequent first."""
    rows = Violation.objects.filter(day__gte=since)
    rows = rows.filter(name=name) if name else rows
    rows = rows.filter(source_id=source_id) if source_id is not None else rows
    return [
        ViolationView(one.source_id, one.name, one.kind, one.pointer, one.day, one.count, one.last_at, one.sample)
        for one in rows.order_by("-day", "-count", "pointer")[:limit]
    ]


def enforcement(source_id: int) -> EnforcementView:
    """What becomes of items of a source that do not fit."""
    row = Enforcement.objects.filter(source_id=source_id).first()
    return EnforcementView(row.unplanned, row.invalid) if row else EnforcementView()
