"""Erasing a person: from every store at once, then from every channel, then a receipt.

1. `request_erasure` puts the identifiers on the suppression list, so that nothing of the person comes in any more.
2. Files that name the person go; then, in one transaction that has the turn, every row of every store. The exits from
   segments are in the ledger, so that channels are told.
3. When every channel has confirmed the removal (or one refuses it, and a person decides to close the request), what was
   kept to tell them goes too, and the receipt is signed.

A worker that is killed leaves the request as it was before its transaction; the next one goes on.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import transaction

import connectors.services as connectors
import events.services as events
import identity.services as identity
import insights.services as insights
import quality.services as quality
import segments.selectors as ledger
import segments.services as segments
from common import audit, clock, jobs, pg, turns
from connectors.contracts import ChannelStanding
from identity.contracts import Move, Person
from privacy.contracts import EraseStore, ErasureView, NotPossible
from privacy.models import ErasureRequest
from privacy.selectors import erasure_view
from privacy.services import receipts
from privacy.services.suppressing import add_suppressions, digest_of

log = logging.getLogger(__name__)

# "eras" in ASCII: one worker at a time works at one request.
_LOCK = 0x65726173
_HOLDER = "erasure"
# Article 12(3) of the GDPR: without undue delay, and in any event within one month.
_WITHIN = timedelta(days=30)

After = Callable[[psycopg.Connection[Any], Sequence[Move], Collection[int]], None]


@transaction.atomic
def request_erasure(*, profile_id: int, by: str, now: datetime, suppress: bool = True, via: str = "ui") -> ErasureView:
    """Have a person erased. Unless `suppress` is false, nothing of the identifiers is stored from now on.

    Raises NotPossible when there is no such person, or his erasure is under way.
    """
    conn = pg.raw()
    turns.borrow(conn)
    person = identity.person_of(conn, [profile_id])
    if not person.identifier_ids:
        raise NotPossible("There is no person with this id; he may have been erased already.")
    if ErasureRequest.objects.filter(
        state__in=[ErasureRequest.State.WAITING, ErasureRequest.State.CHANNELS],
        identifier_ids__overlap=list(person.identifier_ids),
    ).exists():
        raise NotPossible("The erasure of this person is under way.")
    if suppress:
        add_suppressions(conn, person.keys, reason="erased", by=by, now=now)
    row = ErasureRequest.objects.create(
        identifier_ids=list(person.identifier_ids), profile_ids=list(person.profile_ids),
        digests=[digest_of(key).hex() for key in person.keys], suppress=suppress, requested_by=by, via=via,
        requested_at=now, due_on=(now + _WITHIN).date(), job_id=jobs.start("erasure", "Erase a person", by=by),
    )  # fmt: skip
    audit.record(
        actor=by, via=via, action="erasure.requested", object_type="erasure", object_id=row.pk, at=now,
        summary=f"Asked to erase a person with {len(person.identifier_ids)} identifiers",
        after={"profiles": list(person.profile_ids), "suppress": suppress},
    )  # fmt: skip
    return erasure_view(row)


def run_erasures(*, now: datetime, after: After, others: Sequence[EraseStore] = ()) -> int:
    """Work at every open request; answers how many are done now. `after` lets segments and syncs follow who moved;
    `others` are the stores of whoever stands above this app."""
    done, ticker = 0, clock.Ticker(now)
    opened = ErasureRequest.objects.filter(
        state__in=[ErasureRequest.State.WAITING, ErasureRequest.State.CHANNELS]
    ).order_by("pk")
    for request_id in opened.values_list("pk", flat=True):
        with closing(pg.connect(autocommit=True)) as conn:
            if pg.try_lock(conn, _LOCK, request_id):
                done += _try(request_id, ticker, after, others)
    return done


def _try(request_id: int, ticker: clock.Ticker, after: After, others: Sequence[EraseStore]) -> bool:
    """One that fails stays open, says so, and keeps no other from being done."""
    try:
        done = _work(request_id, ticker, after, others)
    except Exception as failure:
        log.exception("erasure %s could not go on", request_id)
        told = f"It could not go on ({type(failure).__name__}) and is tried again; the log of the worker says more."
        ErasureRequest.objects.filter(pk=request_id).update(error=told)
        return False
    ErasureRequest.objects.filter(pk=request_id).exclude(error="").update(error="")
    return done


def _work(request_id: int, ticker: clock.Ticker, after: After, others: Sequence[EraseStore]) -> bool:
    row = ErasureRequest.objects.get(pk=request_id)
    if row.state == ErasureRequest.State.WAITING:
        _erase_files(row, now=ticker())
        if not _erase_rows(row, after, others, now=ticker()):
            return False
    return _close_when_clean(row, now=ticker())


def _erase_files(row: ErasureRequest, *, now: datetime) -> None:
    """Before the rows, and without the turn: files may be large, and their names are needed to know them."""
    person = identity.person_of(pg.raw(), row.identifier_ids)
    values = [key.value for key in person.keys]
    counts = connectors.erase_files(segment_ids=ledger.segments_ever(person.profile_ids), values=values, now=now)
    row.counts = _sum(row.counts, counts)
    row.save(update_fields=["counts"])


@transaction.atomic
def _erase_rows(row: ErasureRequest, after: After, others: Sequence[EraseStore], *, now: datetime) -> bool:
    """False while the past of a segment is being counted, which would count events of neighbours that go: the next turn
    tries again."""
    conn = pg.raw()
    usual, conn.cursor_factory = conn.cursor_factory, psycopg.Cursor
    try:
        turns.take(conn, _HOLDER)
        person = identity.person_of(conn, row.identifier_ids)
        if person.neighbours and not segments.nobody_counts(conn):
            return False
        row.counts = _sum(row.counts, _erase_everywhere(conn, person, after, others, now=now))
        row.counts = _sum(row.counts, {"events_inbox (requests that were applied)": events.forget_applied(conn)})
    finally:
        conn.cursor_factory = usual
    row.counts = _sum(row.counts, insights.erase_tables())
    row.identifier_ids = sorted({*row.identifier_ids, *person.identifier_ids})
    row.profile_ids = sorted({*row.profile_ids, *person.profile_ids})
    row.state, row.erased_at = ErasureRequest.State.CHANNELS, now
    row.save()
    jobs.progress(row.job_id, sum(row.counts.values()), stage="waiting for channels")
    return True


def _erase_everywhere(
    conn: psycopg.Connection[Any], person: Person, after: After, others: Sequence[EraseStore], *, now: datetime
) -> dict[str, int]:
    """Each app erases its own; identity comes last, because the others ask it who somebody is."""
    values = [key.value for key in person.keys]
    erased_events = events.erase(
        conn, identifier_ids=person.identifier_ids, neighbours=person.neighbours, values=values
    )  # fmt: skip
    counts = dict(erased_events.rows)
    # Values of fewer characters would be found in anything.
    counts = _sum(counts, quality.forget_samples(conn, texts=[one.lower() for one in values if len(one) >= 6]))
    counts = _sum(counts, connectors.forget_pulled(conn, keys=person.keys))
    counts = _sum(
        counts,
        insights.erase(
            conn, profile_ids=person.profile_ids, texts=[one.lower() for one in values if len(one) >= 6]
        ),
    )  # fmt: skip
    for erase_store in others:
        counts = _sum(counts, erase_store(conn, person))
    counts = _sum(
        counts,
        segments.erase(conn, identifier_ids=person.identifier_ids, profile_ids=person.profile_ids, now=now),
    )
    erased = identity.erase(conn, person, now=now)
    if erased.moved or erased.traits_changed:
        after(conn, erased.moved, erased.traits_changed)
    segments.recount(
        conn, identifier_ids=erased_events.identifier_ids, names=erased_events.names, now=now, reason="erasure"
    )  # fmt: skip
    # Of others, whose events named the person.
    insights.note_touched(conn, identifier_ids=sorted(erased_events.identifier_ids), now=now)
    return _sum(counts, erased.rows)


def _close_when_clean(row: ErasureRequest, *, now: datetime) -> bool:
    """Sign the receipt when nothing is left anywhere; else note how far the channels are."""
    conn = pg.raw()
    standings = connectors.channel_standings(conn, profile_ids=row.profile_ids)
    row.channels = _remembered(row.channels, standings)
    row.save(update_fields=["channels"])
    if any(one.there or one.waiting for one in standings):
        return False
    if events.waits(conn, until=row.erased_at) or connectors.imports_under_way():
        return False
    _finish(row, by="", now=now)
    return True


def close_erasure(*, request_id: int, by: str, now: datetime, via: str = "ui") -> ErasureView:
    """End a request though a channel has not confirmed: the receipt says so. Raises NotPossible."""
    with transaction.atomic():
        row = ErasureRequest.objects.select_for_update().filter(pk=request_id).first()
        if row is None or row.state != ErasureRequest.State.CHANNELS:
            raise NotPossible("Only a request that waits for channels can be closed.")
        row.channels = _remembered(
            row.channels, connectors.channel_standings(pg.raw(), profile_ids=row.profile_ids)
        )  # fmt: skip
        _finish(row, by=by, now=now)
        audit.record(
            actor=by, via=via, action="erasure.closed", object_type="erasure", object_id=row.pk, at=now,
            summary="Closed an erasure that not every channel confirmed", after={"channels": row.channels},
        )  # fmt: skip
    return erasure_view(row)


@transaction.atomic
def _finish(row: ErasureRequest, *, by: str, now: datetime) -> None:
    conn = pg.raw()
    counts = _sum(row.counts, connectors.forget_deliveries(conn, profile_ids=row.profile_ids))
    row.counts = _sum(counts, {"events_inbox (requests that were applied)": events.forget_applied(conn)})
    row.state, row.done_at = ErasureRequest.State.DONE, now
    row.receipt = receipts.sign(_document(row, by), now=now)
    row.save()
    jobs.finish(row.job_id, counts=row.counts)
    audit.record(
        actor=by or "system", via="task", action="erasure.done", object_type="erasure", object_id=row.pk, at=now,
        summary=f"Erased a person: {sum(row.counts.values())} rows", after={"counts": row.counts},
    )  # fmt: skip


def _document(row: ErasureRequest, closed_by: str) -> dict[str, Any]:
    """What the receipt says. Of the person it has keyed digests alone."""
    return {
        "erasure": row.pk,
        "requested_at": clock.iso(row.requested_at),
        "erased_at": clock.iso(row.erased_at),
        "done_at": clock.iso(row.done_at),
        "identifiers": row.digests,
        "stores": {name: count for name, count in sorted(row.counts.items()) if count},
        "channels": row.channels,
        "suppressed": row.suppress,
        "closed_by": closed_by,
    }


def _remembered(before: Sequence[Mapping[str, Any]], standings: Sequence[ChannelStanding]) -> list[dict[str, Any]]:
    """How each channel stands, also one whose rows are forgotten by now."""
    known = {one["sync_id"]: dict(one) for one in before}
    for standing in standings:
        confirmed = not standing.there and not standing.waiting
        known[standing.sync_id] = {**asdict(standing), "confirmed": confirmed}
    return [known[sync_id] for sync_id in sorted(known)]


def _sum(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}
