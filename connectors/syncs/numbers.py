"""One sync in numbers that add up: every member of the segment is in exactly one group."""

from collections.abc import Callable, Sequence

import numpy as np

from connectors.syncs import people, planning, sql
from connectors.syncs.contracts import SyncNumbers
from connectors.syncs.models import Delivery, Sent, Sync
from connectors.syncs.people import Int64s
from connectors.syncs.rendering import render_people

_SLICE = 5_000
# Whether somebody gives a row is known only after reading them; of more than this many, some are read.
MOST_READ = 20_000


def sync_numbers(sync_id: int, *, most_read: int = MOST_READ) -> SyncNumbers | None:
    """The members at the version that the sync has come to, by what became of them; None when there is no such sync."""
    sync = Sync.objects.select_related("destination").filter(pk=sync_id).first()
    if sync is None:
        return None
    members = people.members(segment_id=sync.segment_id, at_seq=sync.cursor_seq)
    confirmed = np.sort(sql.int8s(sql.CONFIRMED_PROFILES, {"sync": sync.pk}))
    on_the_way = _profiles(sync, Delivery.State.PENDING, Delivery.State.IN_FLIGHT)
    failed = _profiles(sync, Delivery.State.FAILED, Delivery.State.DEAD)
    there, rest = np.intersect1d(members, confirmed), np.setdiff1d(members, confirmed)
    waiting, rest = np.intersect1d(rest, on_the_way), np.setdiff1d(rest, on_the_way)
    rejected, rest = np.intersect1d(rest, failed), np.setdiff1d(rest, failed)
    extra = np.setdiff1d(confirmed, members)
    skipped = _share(rest, lambda ids: without_row(sync, ids), most_read)
    rows = Sent.objects.filter(sync=sync)
    return SyncNumbers(
        version=sync.cursor_seq,
        members=len(members),
        there=len(there),
        waiting=len(waiting),
        rejected=len(rejected),
        skipped=skipped,
        missing=len(rest) - skipped,
        leaving=len(np.intersect1d(extra, on_the_way)),
        extra=len(np.setdiff1d(extra, on_the_way)),
        rows_there=rows.exclude(confirmed_hash="").count(),
        rows_on_the_way=Delivery.objects.filter(sync=sync, state__in=["pending", "in_flight"]).count(),
        estimated=len(rest) > most_read,
    )


def _profiles(sync: Sync, *states: str) -> Int64s:
    found = Delivery.objects.filter(sync=sync, state__in=states).values_list("profile_id", flat=True)
    return np.unique(np.fromiter(found.iterator(), dtype=np.int64))


def _share(ids: Int64s, count: Callable[[Sequence[int]], int], most: int) -> int:
    """Count among all, or among evenly spread ones of very many and take it for the share of all."""
    if len(ids) <= most:
        return count(ids.tolist())
    picked = ids[np.linspace(0, len(ids) - 1, most).astype(np.int64)]
    return round(count(picked.tolist()) * len(ids) / most)


def without_row(sync: Sync, profile_ids: Sequence[int]) -> int:
    """How many the channel cannot be told of: they lack the identifier or a required field."""
    recipe, without = planning.recipe_of(sync), 0
    for start in range(0, len(profile_ids), _SLICE):
        known = people.read_people(profile_ids[start : start + _SLICE])
        rendered = render_people(known.values(), recipe)
        without += len(known) - len({target.profile_id for target in rendered.targets})
    return without
