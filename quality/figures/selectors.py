"""Reading figures and alerts."""

from collections import defaultdict
from datetime import date
from statistics import mean

from django.db.models import F

from quality.figures.contracts import AlertView, FigureView, FillView
from quality.figures.models import DayFigure, DayFill, QualityAlert

_COLUMNS = (
    "day", "source_id", "volume", "duplicates", "lookalikes", "judged", "faulty", "set_aside", "delay_ms",
    "last_at",
)  # fmt: skip


def figures(
    *, since: date, source_id: int | None = None, name: str = "", until: date | None = None
) -> list[FigureView]:  # fmt: skip
    """The figures of each day, source and event since a day, the newest first, the largest first; `fill` is the mean
    over the properties of the outermost level that came since then."""
    rows = DayFigure.objects.filter(day__gte=since)
    rows = rows if until is None else rows.filter(day__lte=until)
    rows = rows if source_id is None else rows.filter(source_id=source_id)
    rows = rows.filter(name=name) if name else rows
    shares: dict[tuple[date, int, str], list[float]] = defaultdict(list)
    for one in fills(since=since, name=name, source_id=source_id):
        if one.path.count("/") == 1:
            shares[one.day, one.source_id, one.event].append(one.share)
    return [
        FigureView(**told, fill=_mean(shares.get((told["day"], told["source_id"], told["event"]))))
        for told in rows.order_by("-day", "-volume", "name").values(*_COLUMNS, event=F("name"))
    ]


def fills(
    *, since: date, name: str = "", source_id: int | None = None, until: date | None = None
) -> list[FillView]:  # fmt: skip
    """How full each property was on each day on which its event was looked at, by property, the newest first. A
    property that stays away on a day is empty on it."""
    rows = DayFill.objects.filter(day__gte=since)
    rows = rows if until is None else rows.filter(day__lte=until)
    rows = rows if source_id is None else rows.filter(source_id=source_id)
    rows = rows.filter(name=name) if name else rows
    counts: dict[tuple[int, str], dict[str, dict[date, int]]] = defaultdict(lambda: defaultdict(dict))
    for day, source, event, path, count in rows.values_list("day", "source_id", "name", "path", "count"):
        counts[source, event][path][day] = count
    found = [
        FillView(day, source, event, path, looked_at, counted.get(day, 0))
        for (source, event), paths in counts.items() for path, counted in paths.items() if path
        for day, looked_at in paths.get("", {}).items()
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.event, one.path, -one.day.toordinal(), one.source_id))


def fill_by_property(
    *, since: date, split: date, name: str, source_id: int | None = None, until: date | None = None
) -> list[tuple[str, float | None, float | None]]:
    """(path, share from `split` on, share before) of an event's properties; None where nothing was looked at."""
    late: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    early: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in fills(since=since, name=name, source_id=source_id, until=until):
        told = (late if one.day >= split else early)[one.path]
        told[0] += one.filled
        told[1] += one.looked_at
    return [(path, _share(late[path]), _share(early[path])) for path in sorted({*late, *early})]


def _mean(found: list[float] | None) -> float | None:
    return mean(found) if found else None


def _share(told: list[int]) -> float | None:
    return min(1.0, told[0] / told[1]) if told[1] else None


def alerts(*, state: str = "open", before_id: int | None = None, limit: int = 100) -> list[AlertView]:
    """Alerts in a state, the newest first."""
    rows = QualityAlert.objects.filter(state=state)
    rows = rows if before_id is None else rows.filter(pk__lt=before_id)
    return [_view(row) for row in rows.order_by("-id")[:limit]]


def alert(alert_id: int) -> AlertView | None:
    """One alert, or None."""
    row = QualityAlert.objects.filter(pk=alert_id).first()
    return _view(row) if row else None


def open_alerts() -> int:
    """How many wait for somebody."""
    return QualityAlert.objects.filter(state=QualityAlert.State.OPEN).count()


def _view(row: QualityAlert) -> AlertView:
    return AlertView(row.pk, row.kind, row.source_id, row.name, row.day, row.told, row.state, row.opened_at,
                     row.settled_at, row.settled_by, row.path)  # fmt: skip
