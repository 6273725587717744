"""Making and steering syncs, and the turns in which they work. Every change by a person is audited."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
from django.db import transaction
from django.db.models import F, Q

from common import audit, clock, pg
from common.outside import outside_settings
from connectors.destinations.contracts import InvalidSettings
from connectors.destinations.kit import default_mapping
from connectors.destinations.models import Destination
from connectors.destinations.registry import DESTINATIONS
from connectors.syncs import delivering, planning, sql
from connectors.syncs.checking import channel_kept, mapping_problems, purposes_kept
from connectors.syncs.contracts import NotPossible, SyncView, Worked
from connectors.syncs.drift import Drift, find_drift
from connectors.syncs.models import Delivery, Run, Sent, Sync
from connectors.syncs.selectors import due_sync_ids, sync, view
from connectors.syncs.turn import turn

_MAX_BATCHES = 200
KEEP_DELIVERED = timedelta(days=30)


@transaction.atomic
def create_sync(
    *,
    segment_id: int,
    destination_id: int,
    action: str = "",
    mapping: Mapping[str, Any] | None = None,
    identifier_kind: str = "",
    consent: str = "",
    consent_channel: str = "",
    name: str = "",
    by: str,
    via: str = "ui",
    now: datetime | None = None,
) -> SyncView:
    """Join a segment to a destination. Its first run sends all members.

    `consent`: the purposes, with commas between, for which people must have consented, to `consent_channel` if one is
    given; whoever withdraws is taken off.
    `identifier_kind`: "profile" sends one row a person, else one row for each identifier of the kind; left empty, what
    the action suggests.
    Raises InvalidSettings with everything that is wrong.
    """
    destination = Destination.objects.filter(pk=destination_id).first()
    if destination is None:
        raise InvalidSettings(["destination_id: There is no such destination."])
    actions = DESTINATIONS[destination.kind].actions
    slug = action or next(iter(actions))
    chosen = actions.get(slug)
    if chosen is None:
        raise InvalidSettings([f"action: there is no {slug!r}. Choose from: {', '.join(actions)}."])
    filled = dict(mapping) if mapping else default_mapping(chosen)
    _check_mapping(filled, chosen.fields)
    title = name.strip() or f"Segment {segment_id} to {destination.name}"
    if Sync.objects.filter(name=title).exists():
        raise InvalidSettings(["name: Another sync has this name."])
    row = Sync.objects.create(
        name=title,
        segment_id=segment_id,
        destination=destination,
        action=slug,
        mapping=filled,
        identifier_kind=identifier_kind or chosen.identifier_kind,
        consent=purposes_kept(consent),
        consent_channel=channel_kept(consent_channel),
        created_by=by,
        created_at=now or clock.now(),
    )
    _record(
        row, "created", f"Created the sync “{title}”", by=by, via=via, after={"segment_id": segment_id, "action": slug}
    )
    return view(row.pk)


def _check_mapping(filled: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    found = mapping_problems(filled, fields)
    if found:
        raise InvalidSettings(found)


def _check_constants(row: Sync, mapping: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Whoever was put on one list must be taken off that one, so a sync keeps its list."""
    changed = [name for name, spec in fields.items() if spec.constant and mapping.get(name) != row.mapping.get(name)]
    if changed and Sent.objects.filter(sync=row).exists():
        raise InvalidSettings(
            [f"mapping: {name} cannot change after something was sent; make another sync." for name in changed]
        )


@transaction.atomic
def change_mapping(*, sync_id: int, mapping: Mapping[str, Any], by: str, via: str = "ui") -> SyncView:
    """Map anew; the next run compares everybody and sends what differs."""
    row = Sync.objects.select_for_update().select_related("destination").get(pk=sync_id)
    before, fields = row.mapping, DESTINATIONS[row.destination.kind].actions[row.action].fields
    _check_mapping(mapping, fields)
    _check_constants(row, mapping, fields)
    row.mapping, row.resync_wanted = dict(mapping), True
    row.save(update_fields=["mapping", "resync_wanted"])
    _record(row, "changed", f"Changed the mapping of “{row.name}”", by=by, via=via, before=before, after=dict(mapping))
    return view(sync_id)


@transaction.atomic
def change_consent(*, sync_id: int, consent: str, channel: str = "", by: str, via: str = "ui") -> SyncView:
    """Ask for other consents, or none; the next run compares everybody. Raises InvalidSettings."""
    row = Sync.objects.select_for_update().get(pk=sync_id)
    before = {"consent": row.consent, "channel": row.consent_channel}
    row.consent, row.consent_channel = purposes_kept(consent), channel_kept(channel)
    row.resync_wanted = True
    row.save(update_fields=["consent", "consent_channel", "resync_wanted"])
    _record(
        row, "consent_changed", f"Changed the consent that “{row.name}” asks for", by=by, via=via,
        before=before, after={"consent": row.consent, "channel": row.consent_channel},
    )  # fmt: skip
    return view(sync_id)


def pause_sync(*, sync_id: int, by: str, reason: str = "", via: str = "ui") -> SyncView:
    """Plan and send nothing more until it is resumed. The ledger keeps what happens meanwhile."""
    return _set_state(sync_id, Sync.State.PAUSED, reason or f"Paused by {by}.", "paused", by=by, via=via)


def resume_sync(*, sync_id: int, by: str, via: str = "ui") -> SyncView:
    """Go on from the cursor."""
    return _set_state(sync_id, Sync.State.ACTIVE, "", "resumed", by=by, via=via)


@transaction.atomic
def _set_state(sync_id: int, state: str, reason: str, verb: str, *, by: str, via: str) -> SyncView:
    row = Sync.objects.select_for_update().get(pk=sync_id)
    row.state, row.state_reason = state, reason
    row.save(update_fields=["state", "state_reason"])
    _record(row, verb, f"{verb.capitalize()} the sync “{row.name}”", by=by, via=via)
    return view(sync_id)


@transaction.atomic
def run_now(*, sync_id: int, by: str, via: str = "ui") -> SyncView:
    """Ask for a full comparison of the segment with all that was sent; the next turn makes it."""
    row = Sync.objects.select_for_update().get(pk=sync_id)
    row.resync_wanted = True
    row.save(update_fields=["resync_wanted"])
    _record(row, "run_asked", f"Asked for a full run of “{row.name}”", by=by, via=via)
    return view(sync_id)


@transaction.atomic
def approve_run(*, run_id: int, by: str, via: str = "ui") -> SyncView:
    """Let a run go on that the guard had stopped. Raises NotPossible when it does not wait."""
    run = _waiting(run_id)
    run.state, run.approved_by = Run.State.PLANNING, by
    run.save(update_fields=["state", "approved_by"])
    _record(run.sync, "run_approved", f"Approved run {run_id} of “{run.sync.name}”: {_words(run)}", by=by, via=via)
    return view(run.sync_id)


@transaction.atomic
def decline_run(*, run_id: int, by: str, via: str = "ui", now: datetime | None = None) -> SyncView:
    """Do not let it go on. The sync is paused, as the same changes would come up again."""
    run = _waiting(run_id)
    run.state, run.finished_at = Run.State.DECLINED, now or clock.now()
    run.save(update_fields=["state", "finished_at"])
    _record(run.sync, "run_declined", f"Declined run {run_id} of “{run.sync.name}”: {_words(run)}", by=by, via=via)
    return pause_sync(sync_id=run.sync_id, by=by, reason=f"{by} declined a run: {_words(run)}.", via=via)


def _waiting(run_id: int) -> Run:
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None or run.state != Run.State.NEEDS_APPROVAL:
        raise NotPossible("This run does not wait for approval.")
    return run


def _words(run: Run) -> str:
    return f"{run.expected_adds} to add and {run.expected_removes} to remove, {run.sent_before} there before"


@transaction.atomic
def retry_failed(
    *, sync_id: int, by: str, delivery_ids: Sequence[int] | None = None, via: str = "ui", now: datetime | None = None
) -> int:
    """Send failed and dead rows again, all or those named; answers how many.

    Rows with something newer for the same target are left: the newer one is what the channel should have.
    """
    moment = now or clock.now()
    row = Sync.objects.select_for_update().select_related("destination").get(pk=sync_id)
    ids = pg.int8s(list(delivery_ids)) if delivery_ids is not None else None
    again = sql.rows(sql.REPLAY, {"sync": sync_id, "ids": ids, "now": moment})
    keys = [name for name, spec in DESTINATIONS[row.destination.kind].actions[row.action].fields.items() if spec.key]
    _wish_again(sync_id, [r for r in again if r[1] != "remove"], keys, now=moment)
    removing = [r[2] for r in again if r[1] == "remove"]
    sql.run(sql.MARK_REMOVING, {"sync": sync_id, "targets": pg.texts(removing), "now": moment})
    for run_id, operation, *_ in again:
        column = {"add": "added_failed", "update": "changed_failed", "remove": "removed_failed"}[operation]
        Run.objects.filter(pk=run_id).update(
            **{column: F(column) - 1}, retried=F("retried") + 1, state=Run.State.SENDING, finished_at=None
        )
    if again:
        _record(row, "failed_retried", f"Sent {len(again)} failed rows of “{row.name}” again", by=by, via=via)
    return len(again)


def _wish_again(sync_id: int, rows: Sequence[sql.Row], keys: Iterable[str], *, now: datetime) -> None:
    """What the channel refused was forgotten; with the replay it is on its way again."""
    payloads = [json.loads(row[5]) for row in rows]
    removals = [orjson.dumps({key: payload[key] for key in keys if key in payload}) for payload in payloads]
    sql.run(
        sql.UPSERT_SENT,
        {
            "sync": sync_id,
            "now": now,
            "targets": pg.texts(row[2] for row in rows),
            "profiles": pg.int8s([row[4] for row in rows]),
            "hashes": pg.texts(row[3] for row in rows),
            "removals": pg.jsonbs(removals),
            "labels": pg.texts(row[6] for row in rows),
        },
    )


def deliver_due(*, sync_id: int, now: datetime, max_batches: int = _MAX_BATCHES) -> Worked:
    """Plan what the ledger has for one sync and send what is due. One worker at a time; a second one leaves at once."""
    if sync(sync_id) is None:
        return Worked(stopped="deleted")
    with turn(sync_id) as mine:
        if not mine:
            return Worked(stopped="somebody has the turn")
        ticker = clock.Ticker(now)
        Sync.objects.filter(pk=sync_id).update(last_worked_at=now)
        _wish_resync_when_old(sync_id, now=now)
        drift = _find_drift(sync_id, now=now)
        planned = planning.plan(sync_id=sync_id, now=now, drift=drift)
        done = delivering.deliver(sync_id=sync_id, outside=outside_settings(), ticker=ticker, max_batches=max_batches)
        return Worked(planned, done.delivered, done.failed, done.retried, done.stopped)


def _find_drift(sync_id: int, *, now: datetime) -> Drift | None:
    """Before a full comparison begins the channel is asked who is there."""
    row = Sync.objects.get(pk=sync_id)
    begun = Run.objects.filter(sync_id=sync_id, state__in=[Run.State.PLANNING, Run.State.NEEDS_APPROVAL]).exists()
    if not row.resync_wanted or row.state != Sync.State.ACTIVE or begun or row.last_resync_at is None:
        return None
    return find_drift(sync_id=sync_id, outside=outside_settings(), now=now)


def _wish_resync_when_old(sync_id: int, *, now: datetime) -> None:
    row = Sync.objects.get(pk=sync_id)
    hours, last = row.resync_every_hours, row.last_resync_at
    if hours and last is not None and last + timedelta(hours=hours) <= now:
        Sync.objects.filter(pk=sync_id).update(resync_wanted=True)


def deliver_all_due(*, now: datetime, dispatch: Callable[[int], object] | None = None) -> int:
    """Let every sync with something to do have a turn, the longest waiting first. Answers how many there were.

    With `dispatch` (the task's `delay`) each goes to a worker of its own, so that a slow channel delays no other.
    """
    ids = due_sync_ids(now=now)
    for sync_id in ids:
        if dispatch is not None:
            dispatch(sync_id)
        else:
            deliver_due(sync_id=sync_id, now=now)
    return len(ids)


def note_changed(conn: psycopg.Connection[Any], *, profile_ids: Sequence[int], now: datetime) -> None:
    """In the caller's transaction, note whose identifiers or traits changed: they are compared with what was sent."""
    if profile_ids:
        sql.run(sql.NOTE_TOUCHED, {"profiles": pg.int8s(list(profile_ids)), "now": now}, conn)


def keep_house(*, now: datetime, keep: timedelta = KEEP_DELIVERED) -> int:
    """Forget rows delivered long ago, and answer how many; runs keep their counts. Failed rows stay for replay."""
    old = Delivery.objects.filter(Q(state=Delivery.State.DELIVERED), settled_at__lt=now - keep)
    deleted, _ = old.delete()
    return deleted


def _record(row: Sync, verb: str, summary: str, *, by: str, via: str, before: Any = None, after: Any = None) -> None:
    audit.record(
        actor=by,
        action=f"sync.{verb}",
        object_type="sync",
        object_id=row.pk,
        summary=summary,
        via=via,
        before=before,
        after=after,
    )
