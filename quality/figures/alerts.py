"""Looking at the figures for what is not as it used to be, and settling what was found."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from common import audit
from quality.alerting.models import AlertNotice
from quality.alerting.notices import note_alerts
from quality.figures.contracts import FillView, NoSuchAlert
from quality.figures.judging import longest_silence, too_empty, too_faulty, usual_volume
from quality.figures.models import DayFigure, DayFill, QualityAlert
from quality.figures.selectors import fills
from quality.freshness.models import FreshnessLimit

_WEEKS = 8
_DAYS = 14
_KEEP = timedelta(days=400)
# What nobody acknowledged and nothing cleared is old news by then.
_OLD = timedelta(days=7)
_SHOWN = 5
# What passes by itself when it is found no more; the others are about a day that is over.
_LASTING = frozenset({
    QualityAlert.Kind.LATE, QualityAlert.Kind.SILENT, QualityAlert.Kind.FAULTY, QualityAlert.Kind.EMPTY,
    QualityAlert.Kind.LIMIT,
})  # fmt: skip
_CHECKED = (_LASTING - {QualityAlert.Kind.LIMIT}) | {QualityAlert.Kind.DROP, QualityAlert.Kind.RISE}
_Key = tuple[int, str]
_Days = Mapping[date, DayFigure]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as usual."""

    kind: str
    source_id: int
    name: str
    day: date
    told: str


def check_quality(*, now: datetime) -> int:
    """Raise, refresh and close alerts; answers how many were raised. Safe to repeat."""
    today = now.date()
    days: dict[_Key, dict[date, DayFigure]] = defaultdict(dict)
    for row in DayFigure.objects.filter(day__gte=today - timedelta(weeks=_WEEKS, days=1)):
        days[row.source_id, row.name][row.day] = row
    found = [one for key, told in days.items() for one in _look(key, told, now)]
    # What a person said of an event takes the place of what was learned.
    said = set(FreshnessLimit.objects.values_list("source_id", "name"))
    found = [
        one for one in _by_source(found, days)
        if one.kind not in (QualityAlert.Kind.LATE, QualityAlert.Kind.SILENT) or (one.source_id, one.name) not in said
    ] + list(_fill(now))  # fmt: skip
    raised = keep_findings(found, kinds=_CHECKED, now=now)
    DayFigure.objects.filter(day__lt=today - _KEEP).delete()
    DayFill.objects.filter(day__lt=today - _KEEP).delete()
    return raised


def _look(key: _Key, days: _Days, now: datetime) -> Iterator[Finding]:
    yesterday = now.date() - timedelta(days=1)
    yield from _volume(key, days, yesterday)
    yield from _silence(key, days, now)
    for day in (yesterday, now.date()):
        yield from _faults(key, days, day)


def _volume(key: _Key, days: _Days, day: date) -> Iterator[Finding]:
    first = min(days)
    before = [
        days[past].volume if past in days else 0
        for past in (day - timedelta(weeks=weeks) for weeks in range(1, _WEEKS + 1)) if past >= first
    ]  # fmt: skip
    usual, seen = usual_volume(before), days[day].volume if day in days else 0
    if usual is None or usual[0] <= seen <= usual[1]:
        return
    kind = QualityAlert.Kind.DROP if seen < usual[0] else QualityAlert.Kind.RISE
    told = f"{seen:,} events on {day:%A, %-d %B}; the same weekday usually has {usual[0]:,.0f} to {usual[1]:,.0f}."
    yield Finding(kind, *key, day, told)


def _silence(key: _Key, days: _Days, now: datetime) -> Iterator[Finding]:
    last = max(row.last_at for row in days.values())
    # The days before the silence tell what is usual.
    end = min(last.date(), now.date() - timedelta(days=1))
    volumes = [days[day].volume if (day := end - timedelta(days=n)) in days else 0 for n in range(_DAYS)]
    allowed = longest_silence(volumes, 24.0 * _DAYS)
    if allowed is not None and now - last > allowed:
        hours = (now - last).total_seconds() / 3600
        told = f"No event for {hours:.0f} hours; the longest pause allowed is {allowed.total_seconds() / 3600:.0f}."
        yield Finding(QualityAlert.Kind.LATE, *key, last.date(), told)


def _by_source(found: list[Finding], days: Mapping[_Key, _Days]) -> list[Finding]:
    """A source of which nothing comes any more is one alert, not one an event: when all of its events that come on most
    days, two at least, are late."""
    late: dict[int, list[Finding]] = defaultdict(list)
    for one in found:
        if one.kind == QualityAlert.Kind.LATE:
            late[one.source_id].append(one)
    silent = []
    for source, ones in late.items():
        last = max(max(row.last_at for row in told.values()) for key, told in days.items() if key[0] == source)
        # An event that came since the newest of them fell silent shows that the source speaks.
        if len(ones) > 1 and last.date() <= max(one.day for one in ones):
            told = f"None of its {len(ones)} regular events came any more. The last came on {last:%-d %B, %H:%M} UTC."
            silent.append(Finding(QualityAlert.Kind.SILENT, source, "", last.date(), told))
    quiet = {one.source_id for one in silent}
    return [one for one in found if one.kind != QualityAlert.Kind.LATE or one.source_id not in quiet] + silent


def _fill(now: datetime) -> Iterator[Finding]:
    """Properties that are empty more often than in the two weeks before; one alert an event and day."""
    today = now.date()
    by_event: dict[tuple[_Key, str], dict[date, FillView]] = defaultdict(dict)
    for one in fills(since=today - timedelta(days=_DAYS + 1)):
        by_event[(one.source_id, one.event), one.path][one.day] = one
    emptied: dict[tuple[_Key, date], list[str]] = defaultdict(list)
    for (key, path), days in by_event.items():
        for day in (today - timedelta(days=1), today):
            before = [days[past] for n in range(1, _DAYS + 1) if (past := day - timedelta(days=n)) in days]
            filled, looked_at = sum(one.filled for one in before), sum(one.looked_at for one in before)
            seen = days.get(day)
            if seen and too_empty(seen.filled, seen.looked_at, before_filled=filled, before_looked_at=looked_at):
                emptied[key, day].append(f"{path} {seen.share:.0%} instead of {filled / looked_at:.0%}")
    for (key, day), told in emptied.items():
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        words = f"Filled on {day:%A, %-d %B}: {'; '.join(told[:_SHOWN])}{more}. Of a sample, against two weeks."
        yield Finding(QualityAlert.Kind.EMPTY, *key, day, words)


def _faults(key: _Key, days: _Days, day: date) -> Iterator[Finding]:
    row = days.get(day)
    before = [days[past] for n in range(1, _DAYS + 1) if (past := day - timedelta(days=n)) in days]
    faulty, judged = sum(one.faulty for one in before), sum(one.judged for one in before)
    if row is not None and too_faulty(row.faulty, row.judged, before_faulty=faulty, before_judged=judged):
        told = (
            f"{row.faulty / row.judged:.1%} of {row.judged:,} events do not hold on {day:%A, %-d %B}; in the two weeks"
            f" before it was {faulty / judged:.1%}."
        )
        yield Finding(QualityAlert.Kind.FAULTY, *key, day, told)


@transaction.atomic
def keep_findings(found: Sequence[Finding], *, kinds: Collection[str], now: datetime) -> int:
    """Raise what is new of these kinds, and close what is found no more; answers how many were raised."""
    held = {(one.kind, one.source_id, one.name, one.day): one for one in found}
    raised = []
    for key, one in held.items():
        row, made = QualityAlert.objects.get_or_create(
            kind=key[0], source_id=key[1], name=key[2], day=key[3], defaults={"told": one.told, "opened_at": now}
        )
        again = not made and _again(row)
        if made or again:
            raised.append(row)
        if not made and (row.told != one.told or again):
            row.told, row.state = one.told, QualityAlert.State.OPEN if again else row.state
            row.passed_at, row.settled_by = None, "" if again else row.settled_by
            row.save(update_fields=["told", "state", "passed_at", "settled_by"])
    note_alerts(raised, AlertNotice.What.RAISED, now=now)
    _pass(held, kinds=kinds, now=now)
    return len(raised)


def _again(row: QualityAlert) -> bool:
    """It had passed, and is there again."""
    return row.state == QualityAlert.State.CLOSED or row.passed_at is not None


def _pass(held: Collection[tuple[str, int, str, date]], *, kinds: Collection[str], now: datetime) -> None:
    """Close what is found no more, and what is old. What was acknowledged stays so; that it passed is told, too."""
    passed = []
    rows = QualityAlert.objects.select_for_update().filter(kind__in=kinds)
    for row in rows.filter(state=QualityAlert.State.OPEN):
        gone = row.kind in _LASTING and (row.kind, row.source_id, row.name, row.day) not in held
        if gone or (now - row.opened_at > _OLD and row.kind != QualityAlert.Kind.LIMIT):
            row.state, row.settled_at = QualityAlert.State.CLOSED, now
            row.save(update_fields=["state", "settled_at"])
            if gone:
                passed.append(row)
    for row in rows.filter(state=QualityAlert.State.ACKNOWLEDGED, kind__in=_LASTING, passed_at=None):
        if (row.kind, row.source_id, row.name, row.day) not in held:
            row.passed_at = now
            row.save(update_fields=["passed_at"])
            passed.append(row)
    note_alerts(passed, AlertNotice.What.RESOLVED, now=now)


@transaction.atomic
def acknowledge_alert(*, alert_id: int, by: str, now: datetime, via: str = "ui") -> None:
    """Somebody has seen it. Raises NoSuchAlert."""
    row = QualityAlert.objects.select_for_update().filter(pk=alert_id).first()
    if row is None or row.state != QualityAlert.State.OPEN:
        raise NoSuchAlert("There is no open alert of this id: it may have been acknowledged, or have passed.")
    row.state, row.settled_by, row.settled_at = QualityAlert.State.ACKNOWLEDGED, by, now
    row.save()
    audit.record(
        actor=by, via=via, action="alert.acknowledged", object_type="quality_alert", object_id=row.pk, at=now,
        summary=f"Acknowledged: {row.get_kind_display()} ({row.name[:100]})", after={"told": row.told},
    )  # fmt: skip
