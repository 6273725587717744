"""What each channel acknowledged, against the members of its segment at the version that its sync has come to."""

import numpy as np
from django.db import connection, transaction

from connectors.syncs import people, sql
from connectors.syncs.contracts import SyncCounts
from connectors.syncs.models import Delivery, Run, Sync
from connectors.syncs.numbers import without_row


def sync_counts() -> list[SyncCounts]:
    """Every sync by name. Lag is told apart from a difference: rows on the way are no disagreement yet."""
    return [_in_one_look(sync_id) for sync_id in Sync.objects.order_by("name", "id").values_list("pk", flat=True)]


def _in_one_look(sync_id: int) -> SyncCounts:
    """Everything of one sync as it was at one instant: rows that arrive while it is counted make no difference."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        return _of(Sync.objects.select_related("destination").get(pk=sync_id))


def _of(sync: Sync) -> SyncCounts:
    wanted = people.members(segment_id=sync.segment_id, at_seq=sync.cursor_seq)
    there = np.sort(sql.int8s(sql.CONFIRMED_PROFILES, {"sync": sync.pk}))
    unfinished = Delivery.objects.filter(sync=sync, state__in=[Delivery.State.PENDING, Delivery.State.IN_FLIGHT])
    failed = Delivery.objects.filter(sync=sync, state__in=[Delivery.State.FAILED, Delivery.State.DEAD])
    refused = np.array(sorted(set(failed.values_list("profile_id", flat=True))), dtype=np.int64)
    missing, extra = np.setdiff1d(wanted, there), np.setdiff1d(there, wanted)
    lacking = np.setdiff1d(missing, refused)
    skipped = without_row(sync, lacking.tolist())
    return SyncCounts(
        id=sync.pk,
        name=sync.name,
        version=sync.cursor_seq,
        members=len(wanted),
        acknowledged=len(there),
        refused=len(np.intersect1d(missing, refused)),
        skipped=skipped,
        missing=len(lacking) - skipped,
        extra=len(np.setdiff1d(extra, refused)),
        waiting=unfinished.count(),
        settled=not unfinished.exists() and not _planning(sync),
    )


def _planning(sync: Sync) -> bool:
    return Run.objects.filter(sync=sync, state__in=[Run.State.PLANNING, Run.State.NEEDS_APPROVAL]).exists()
