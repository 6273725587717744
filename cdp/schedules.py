"""What the clock starts, and when: shipped here, kept in the tables of django-celery-beat, changed on a page.

The code says what there is and within which bounds; a person may choose another interval or pause what is not vital.
Rows are written by statements of our own, never by `save()`: a model's save would write back columns that beat or
somebody else has changed meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from common import audit

_OURS = "cdp.tasks."
# What the description of a row says while nobody has changed it: only then does it follow the code.
AS_SHIPPED = "as shipped"


@dataclass(frozen=True, slots=True)
class Planned:
    """One task of the clock. A vital one cannot be paused; its interval stays within `most` seconds."""

    task: str
    queue: str
    seconds: int
    title: str
    what: str
    vital: bool = False
    least: int = 5
    most: int = 7 * 86_400


PLANNED: dict[str, Planned] = {
    "apply-inbox": Planned(
        "apply_inbox", "pipeline", 5, "Sweep the inbox", "Applies what a lost nudge has left waiting.",
        vital=True, least=1, most=60,
    ),
    "run-due-timers": Planned(
        "run_due_timers", "default", 1, "Timers", "Changes memberships whose time has come.",
        vital=True, least=1, most=60,
    ),
    "deliver-syncs": Planned(
        "deliver_syncs", "deliveries", 10, "Syncs", "Plans what segments changed, and sends and retries what is due.",
        vital=True, least=1, most=300,
    ),
    "read-streams": Planned(
        "read_streams", "default", 5, "Streams", "Reads what waits in the topics of stream sources.", least=1, most=300,
    ),
    "read-pulls": Planned(
        "read_pulls", "default", 10, "Pulls", "Asks databases and CRMs for rows, those whose time has come.", least=5,
        most=300,
    ),
    "look-at-places": Planned(
        "look_at_places", "default", 15, "Watched places", "Looks for files in folders, buckets and servers.",
        least=5, most=3600,
    ),
    "run-imports": Planned(
        "run_imports", "default", 10, "Imports", "Checks and takes in the files that somebody uploaded.", vital=True,
        most=300,
    ),
    "run-undos": Planned(
        "run_undos", "default", 10, "Undo of imports", "Takes back the imports that somebody wants undone.", vital=True,
        most=300,
    ),
    "run-erasures": Planned(
        "run_erasures", "default", 10, "Erasures", "Erases people who asked for it, and sees channels confirm it.",
        vital=True, most=300,
    ),
    "run-publications": Planned(
        "run_publications", "default", 10, "Publications", "Publishes rules whose past takes a while to count.",
        vital=True, most=300,
    ),
    "run-replays": Planned(
        "run_replays", "default", 10, "Replays", "Replays quarantined items and events that somebody chose.",
        vital=True, most=300,
    ),
    "send-messages": Planned(
        "send_messages", "messages", 5, "Messages", "Hands over the messages whose time has come.",
        vital=True, least=1, most=60,
    ),
    "analyse-experiments": Planned(
        "analyse_experiments", "default", 3600, "Experiments", "Measures every experiment that runs.", least=60,
        most=86_400,
    ),
    "run-campaigns": Planned(
        "run_campaigns", "default", 1, "Campaigns", "Lets people into campaigns, and moves on whose time has come.",
        vital=True, least=1, most=60,
    ),
    "make-campaign-calls": Planned(
        "make_campaign_calls", "deliveries", 2, "Calls of campaigns", "Makes the signed calls that campaigns ask for.",
        vital=True, least=1, most=300,
    ),
    "learn-bandits": Planned(
        "learn_bandits", "default", 60, "Bandits", "Counts what followed after arms were shown, and learns from it.",
        least=10, most=86_400,
    ),
    "apply-retention": Planned(
        "apply_retention", "default", 600, "Retention",
        "Takes out events whose time is over, once a day; goes on with a run that was cut off.", least=60, most=86_400,
    ),
    "write-exports": Planned(
        "write_exports", "default", 10, "Exports", "Writes the files that somebody asked for.", vital=True, most=300,
    ),
    "refresh-segments": Planned(
        "refresh_segments", "default", 3600, "Check segments",
        "Holds every segment against its rule in SQL and corrects what differs.", least=60,
    ),
    "audit-consistency": Planned(
        "audit_consistency", "default", 6 * 3600, "Audit consistency",
        "Counts every segment as each reader and each channel does.", least=600,
    ),
    "link-profiles": Planned(
        "link_profiles", "linkage", 30, "Link changed profiles",
        "Looks for the same people among profiles that changed.",
    ),
    "run-linkage": Planned(
        "run_linkage", "default", 10, "Linkage runs", "Does a run over the whole base that somebody asked for.",
    ),
    "plan-linkage-training": Planned(
        "plan_linkage_training", "default", 3600, "Plan training",
        "Asks for a new linkage model when the live one is old or the base has changed.", least=60,
    ),
    "run-insights": Planned(
        "run_insights", "insights", 15, "Insights", "Does the computations over the whole base that wait.",
    ),
    "keep-features": Planned(
        "keep_features", "insights", 2, "Kept features",
        "Computes the kept features of people of whom something came, and once a day those of everybody.",
        least=1, most=3600,
    ),
    "plan-insights": Planned(
        "plan_insights", "default", 3600, "Plan insights",
        "Asks for what is computed daily, and for each grouping and prediction when it is due.", least=60,
    ),
    "refresh-kpis": Planned(
        "refresh_kpis", "default", 600, "KPIs",
        "Counts the days anew that are open, of which events came late, or whose people were put together or parted.",
        least=60, most=86_400,
    ),
    "remind-of-reviews": Planned(
        "remind_of_reviews", "default", 3600, "Reminders", "Mails owners of segments whose review is due.", least=600,
    ),
    "check-quality": Planned(
        "check_quality", "default", 900, "Check quality",
        "Holds the figures of what comes against what is usual, and raises alerts.", least=60,
    ),
    "check-freshness": Planned(
        "check_freshness", "default", 60, "Check freshness",
        "Looks whether events came within the limits that people set.", least=15, most=3600,
    ),
    "tell-of-alerts": Planned(
        "tell_of_alerts", "default", 60, "Mail and calls of alerts",
        "Mails digests of alerts and reports, or calls addresses with them; tries again what was not taken.", least=15,
        most=3600,
    ),
    "write-plan-reports": Planned(
        "write_plan_reports", "default", 6 * 3600, "Monthly reports",
        "Writes what became of the planned events once a month is over, for their owners.", least=600,
    ),
    "keep-house": Planned(
        "keep_house", "default", 300, "Housekeeping", "Makes partitions to come and trims what is past its time.",
        vital=True, most=1800,
    ),
    "beat-heartbeat": Planned(
        "beat_heartbeat", "default", 15, "Heartbeat", "Tells that the clock and a worker are alive.",
        vital=True, most=30,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """One task as it stands. `last_run_at` is when the clock last started it; None before its first time."""

    name: str
    title: str
    what: str
    vital: bool
    seconds: int
    shipped_seconds: int
    least: int
    most: int
    enabled: bool
    last_run_at: datetime | None
    next_run_at: datetime | None
    runs: int
    changed_by: str


class NotAllowed(ValueError):
    """The change is outside of what the task takes; the message says why."""


@transaction.atomic
def install() -> None:
    """See that the tables hold exactly the tasks of this code. What a person chose stays; repeating it changes nothing.

    Intervals that nobody has changed follow the code. Whatever paused a vital task by hand is undone.
    """
    rows = {row.name: row for row in PeriodicTask.objects.select_related("interval").filter(task__startswith=_OURS)}
    touched = PeriodicTask.objects.filter(pk__in=[row.pk for name, row in rows.items() if name not in PLANNED])
    changed = bool(touched.delete()[0])
    for name, planned in PLANNED.items():
        wanted = _wanted(planned, rows.get(name))
        row = rows.get(name)
        if row is None:
            PeriodicTask.objects.bulk_create([PeriodicTask(name=name, **wanted)], ignore_conflicts=True)
            changed = True
        elif any(getattr(row, column) != value for column, value in wanted.items()):
            PeriodicTask.objects.filter(pk=row.pk).update(**wanted)
            changed = True
    if changed:
        PeriodicTasks.update_changed()


def _wanted(planned: Planned, row: PeriodicTask | None) -> dict[str, object]:
    own = row is not None and row.description != AS_SHIPPED and row.interval is not None
    seconds = row.interval.every if own and row is not None and row.interval is not None else planned.seconds
    seconds = min(max(seconds, planned.least), planned.most)
    wanted: dict[str, object] = {
        "task": f"{_OURS}{planned.task}",
        "queue": planned.queue,
        "interval": _interval(seconds),
        "crontab": None,
        "solar": None,
        "clocked": None,
        "expire_seconds": _expiry(seconds),
        "description": row.description if own and row is not None else AS_SHIPPED,
    }
    return {**wanted, "enabled": True} if planned.vital or row is None else wanted


def _interval(seconds: int) -> IntervalSchedule:
    return IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)[0]


def _expiry(seconds: int) -> int:
    """A run that could not start within its own period is dropped: the next one does the same work."""
    return max(seconds, 5)


def schedules() -> list[ScheduleView]:
    """Every task in the order of the code."""
    rows = {row.name: row for row in PeriodicTask.objects.select_related("interval").filter(name__in=PLANNED)}
    return [_view(name, planned, rows.get(name)) for name, planned in PLANNED.items()]


def schedule(name: str) -> ScheduleView | None:
    """One task, or None."""
    return next((one for one in schedules() if one.name == name), None)


def _view(name: str, planned: Planned, row: PeriodicTask | None) -> ScheduleView:
    seconds = row.interval.every if row is not None and row.interval is not None else planned.seconds
    last = row.last_run_at if row is not None else None
    enabled = row.enabled if row is not None else True
    return ScheduleView(
        name=name, title=planned.title, what=planned.what, vital=planned.vital, seconds=seconds,
        shipped_seconds=planned.seconds, least=planned.least, most=planned.most, enabled=enabled, last_run_at=last,
        next_run_at=last + timedelta(seconds=seconds) if last is not None and enabled else None,
        runs=row.total_run_count if row is not None else 0,
        changed_by=row.description if row is not None and row.description != AS_SHIPPED else "",
    )  # fmt: skip


@transaction.atomic
def change(*, name: str, seconds: int | None = None, enabled: bool | None = None, by: str) -> ScheduleView:
    """Another interval, or pause and resume; the clock follows within seconds. Raises NotAllowed."""
    planned = PLANNED.get(name)
    if planned is None:
        raise NotAllowed("There is no such task.")
    if seconds is not None and not planned.least <= seconds <= planned.most:
        raise NotAllowed(f"Choose between {planned.least} and {planned.most} seconds.")
    if enabled is False and planned.vital:
        raise NotAllowed("Nothing works without this task, so it cannot be paused.")
    install()
    row = PeriodicTask.objects.select_for_update(of=("self",)).select_related("interval").get(name=name)
    before = _view(name, planned, row)
    wanted = before.seconds if seconds is None else seconds
    on = before.enabled if enabled is None else enabled
    if (wanted, on) == (before.seconds, before.enabled):
        return before
    PeriodicTask.objects.filter(pk=row.pk).update(
        interval=_interval(wanted), expire_seconds=_expiry(wanted), enabled=on, description=f"changed by {by}"
    )
    PeriodicTasks.update_changed()
    audit.record(
        actor=by, action="schedule.changed", object_type="schedule", object_id=name,
        summary=f"Changed the schedule of “{planned.title}”", before=_told(before.seconds, before.enabled),
        after=_told(wanted, on),
    )  # fmt: skip
    return _view(name, planned, PeriodicTask.objects.select_related("interval").get(pk=row.pk))


def _told(seconds: int, enabled: bool) -> dict[str, object]:
    return {"every_seconds": seconds, "enabled": enabled}
