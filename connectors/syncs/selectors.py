"""Reading syncs, runs and rows."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q

from connectors.destinations.models import Destination
from connectors.syncs import people
from connectors.syncs.contracts import Counts, DeliveryView, RunView, SyncView
from connectors.syncs.models import Delivery, Run, Sent, Sync, Touched

_UNFINISHED = (Delivery.State.PENDING, Delivery.State.IN_FLIGHT)
_FAILED = (Delivery.State.FAILED, Delivery.State.DEAD)
_OPEN = (Run.State.PLANNING, Run.State.NEEDS_APPROVAL)


def syncs(*, segment_id: int | None = None, destination_id: int | None = None) -> list[SyncView]:
    """All syncs by name, or those of one segment or destination."""
    rows = Sync.objects.select_related("destination").order_by("name", "id")
    if segment_id is not None:
        rows = rows.filter(segment_id=segment_id)
    if destination_id is not None:
        rows = rows.filter(destination_id=destination_id)
    return _views(list(rows))


def sync(sync_id: int) -> SyncView | None:
    """One sync, or None."""
    found = _views(list(Sync.objects.select_related("destination").filter(pk=sync_id)))
    return found[0] if found else None


def view(sync_id: int) -> SyncView:
    """One sync that is known to be there."""
    found = sync(sync_id)
    if found is None:
        raise Sync.DoesNotExist(f"There is no sync {sync_id}.")
    return found


def _views(rows: Sequence[Sync]) -> list[SyncView]:
    ids = [row.pk for row in rows]
    counted = Delivery.objects.filter(sync_id__in=ids, state__in=[*_UNFINISHED, *_FAILED]).values("sync_id")
    counts: dict[int, dict[str, int]] = {
        row["sync_id"]: {"pending": row["pending"], "failed": row["failed"]}
        for row in counted.annotate(
            pending=Count("id", filter=Q(state__in=_UNFINISHED)), failed=Count("id", filter=Q(state__in=_FAILED))
        )
    }
    there = Sent.objects.filter(sync_id__in=ids, present=True).values("sync_id").annotate(n=Count("id"))
    sent = {row["sync_id"]: row["n"] for row in there}
    waiting = dict(Run.objects.filter(sync_id__in=ids, state=Run.State.NEEDS_APPROVAL).values_list("sync_id", "id"))
    head = people.head_seq() if rows else 0
    return [
        SyncView(
            id=row.pk,
            name=row.name,
            segment_id=row.segment_id,
            destination_id=row.destination_id,
            destination_name=row.destination.name,
            destination_kind=row.destination.kind,
            action=row.action,
            mapping=row.mapping,
            consent=row.consent,
            consent_channel=row.consent_channel,
            identifier_kind=row.identifier_kind,
            state=row.state,
            state_reason=row.state_reason,
            cursor_seq=row.cursor_seq,
            lag=max(0, head - row.cursor_seq),
            sent=sent.get(row.pk, 0),
            pending=counts.get(row.pk, {}).get("pending", 0),
            failed=counts.get(row.pk, {}).get("failed", 0),
            guard_percent=row.guard_percent,
            guard_rows=row.guard_rows,
            resync_every_hours=row.resync_every_hours,
            last_resync_at=row.last_resync_at,
            last_delivered_at=row.last_delivered_at,
            created_by=row.created_by,
            created_at=row.created_at,
            waiting_run_id=waiting.get(row.pk),
        )
        for row in rows
    ]


def runs(*, sync_id: int, before_id: int | None = None, limit: int = 50) -> list[RunView]:
    """The runs of a sync, newest first; the page before `before_id`."""
    rows = Run.objects.filter(sync_id=sync_id).order_by("-id")
    return [_run(row) for row in (rows.filter(id__lt=before_id) if before_id else rows)[:limit]]


def run(run_id: int) -> RunView | None:
    """One run, or None."""
    row = Run.objects.filter(pk=run_id).first()
    return _run(row) if row else None


def _run(row: Run) -> RunView:
    return RunView(
        id=row.pk,
        sync_id=row.sync_id,
        kind=row.kind,
        state=row.state,
        from_seq=row.from_seq,
        until_seq=row.until_seq,
        expected_adds=row.expected_adds,
        expected_removes=row.expected_removes,
        sent_before=row.sent_before,
        planned=Counts(row.added, row.changed, row.removed),
        delivered=Counts(row.added_ok, row.changed_ok, row.removed_ok),
        failed=Counts(row.added_failed, row.changed_failed, row.removed_failed),
        retried=row.retried,
        skipped=row.skipped,
        skip_reasons=row.skip_reasons,
        approved_by=row.approved_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        forgotten=row.forgotten,
        foreign=row.foreign,
        read_back_problem=row.read_back_problem,
    )


def run_rows(*, run_id: int, state: str = "", after_id: int = 0, limit: int = 100) -> list[DeliveryView]:
    """The rows of a run in order, with masked labels; by state, a page after `after_id`."""
    rows = Delivery.objects.filter(run_id=run_id, id__gt=after_id).order_by("id")
    return [_delivery(row) for row in (rows.filter(state=state) if state else rows)[:limit]]


def failed_deliveries(*, sync_id: int, before_id: int | None = None, limit: int = 100) -> list[DeliveryView]:
    """Rows that were refused or given up, newest first."""
    rows = Delivery.objects.filter(sync_id=sync_id, state__in=_FAILED).order_by("-id")
    return [_delivery(row) for row in (rows.filter(id__lt=before_id) if before_id else rows)[:limit]]


def _delivery(row: Delivery) -> DeliveryView:
    return DeliveryView(
        id=row.pk,
        sync_id=row.sync_id,
        run_id=row.run_id,
        profile_id=row.profile_id,
        operation=row.operation,
        label=row.label,
        state=row.state,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at if row.state == Delivery.State.PENDING else None,
        code=row.code,
        message=row.message,
        key=row.key,
        planned_at=row.planned_at,
        settled_at=row.settled_at,
    )


def sent_syncs(profile_id: int) -> list[int]:
    """The syncs whose channels have something of this profile."""
    found = Sent.objects.filter(profile_id=profile_id, present=True).values_list("sync_id", flat=True)
    return sorted(set(found))


def _working() -> "list[Sync]":
    """Active syncs of active destinations."""
    return list(
        Sync.objects.select_related("destination")
        .filter(state=Sync.State.ACTIVE, destination__state=Destination.State.ACTIVE)
        .annotate(
            waits=Exists(Run.objects.filter(sync=OuterRef("pk"), state=Run.State.NEEDS_APPROVAL)),
            planning=Exists(Run.objects.filter(sync=OuterRef("pk"), state=Run.State.PLANNING)),
            touched=Exists(Touched.objects.filter(sync=OuterRef("pk"))),
        )
    )


def _has_unplanned(row: Sync, *, head: int) -> bool:
    """Whether the ledger or a wish has something for the sync that is not planned yet, and may be."""
    if getattr(row, "waits", False):
        return False
    if row.resync_wanted or getattr(row, "planning", False) or getattr(row, "touched", False):
        return True
    return row.cursor_seq < head and people.has_changes(segment_id=row.segment_id, after_seq=row.cursor_seq)


def pending_deliveries() -> int:
    """How much is not with its channel yet, of active syncs: rows not finished, and one for each sync not planned."""
    rows = Delivery.objects.filter(
        state__in=_UNFINISHED, sync__state=Sync.State.ACTIVE, sync__destination__state=Destination.State.ACTIVE
    ).count()
    head = people.head_seq()
    return rows + sum(_has_unplanned(row, head=head) for row in _working())


def due_sync_ids(*, now: datetime) -> list[int]:
    """Syncs with something to plan, to free or to send now, the longest waiting first."""
    head = people.head_seq()
    unfinished = Delivery.objects.filter(state__in=_UNFINISHED)
    due = set(
        unfinished.filter(Q(state=Delivery.State.IN_FLIGHT) | Q(next_attempt_at__lte=now))
        .values_list("sync_id", flat=True)
        .distinct()
    )
    found = [
        row
        for row in _working()
        if _has_unplanned(row, head=head)
        or (row.pk in due and (row.destination.rest_until is None or row.destination.rest_until <= now))
        or _resync_is_due(row, now=now)
    ]
    found.sort(key=lambda row: (row.last_worked_at is not None, row.last_worked_at or now, row.pk))
    return [row.pk for row in found]


def _resync_is_due(row: Sync, *, now: datetime) -> bool:
    if not row.resync_every_hours or row.last_resync_at is None:
        return False
    return (now - row.last_resync_at).total_seconds() >= row.resync_every_hours * 3600
