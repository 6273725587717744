"""Trying a sync with one person: what would be sent, and, when asked, sending it once and telling the answer.

A test is a run of its own with one row, and leaves the sync as any delivery would. What was sent is remembered, so that
later runs send only what differs. For somebody who is no member a removal is planned in the very transaction in which
the row is made: whatever becomes of this process, the channel is asked to forget them. A test changes nothing of how
the destination stands: it neither pauses it nor counts as a failure of the whole.
"""

import time
import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from common import audit, crypto
from common.http import AllowList
from common.outside import OutsideSettings, outside_settings
from connectors.destinations.errors import InvalidCredentials, InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kit import Delivered, Operation, Outside, Payload, Skipped, Verdict
from connectors.destinations.models import Destination
from connectors.destinations.recording import RecordingHttp
from connectors.destinations.registry import DESTINATIONS
from connectors.syncs import delivering, people, planning
from connectors.syncs.contracts import NotPossible, Tried
from connectors.syncs.delivering import Claimed, account_of
from connectors.syncs.diff import Change, SentRow, Target
from connectors.syncs.models import Delivery, Run, Sync
from connectors.syncs.rate import budget
from connectors.syncs.rendering import Person, Rendered, render_people
from connectors.syncs.turn import turn
from connectors.syncs.verdicts import Settlement

_TURN_PATIENCE = 2.0
_LONGEST_WAIT = 5.0
_ONCE = "It is not tried again, as this was a test."


def try_sync(*, sync_id: int, profile_id: int, send: bool, by: str, via: str = "ui", now: datetime) -> Tried:
    """Show what one person gives, and with `send` make the call once, also while the sync is paused.

    Raises NotPossible when there is no such person, or when nothing may be sent at present.
    """
    sync = Sync.objects.select_related("destination").filter(pk=sync_id).first()
    if sync is None:
        raise NotPossible("There is no such sync.")
    person = people.read_people([profile_id]).get(profile_id)
    if person is None:
        raise NotPossible("Nobody has this id.")
    recipe = planning.recipe_of(sync)
    rendered = render_people([person], recipe)
    is_member = bool(people.members_among(segment=recipe.segment, profile_ids=[person.id]))
    shown = _shown(sync, person, rendered, is_member=is_member)
    if not send or not rendered.targets:
        return shown
    return _send(sync, rendered.targets[0], shown, by=by, via=via, now=now)


def _shown(sync: Sync, person: Person, rendered: Rendered, *, is_member: bool) -> Tried:
    first = rendered.targets[0] if rendered.targets else None
    return Tried(
        sync_id=sync.pk,
        profile_id=person.id,
        is_member=is_member,
        operation=_operation(first, planning.sent_of(sync.pk, {person.id}, [first])) if first else "",
        rows=len(rendered.targets),
        skipped=tuple(rendered.skipped),
        fields=dict(first.fields) if first else {},
        personal=people.personal_of(person),
    )


def _operation(target: Target, sent: list[SentRow]) -> str:
    """An update only where the channel is known to have the row."""
    row = next((one for one in sent if one.identifier_hash == target.identifier_hash), None)
    return "update" if row is not None and row.present and row.confirmed else "add"


def _send(sync: Sync, target: Target, shown: Tried, *, by: str, via: str, now: datetime) -> Tried:
    outside = outside_settings()
    with turn(sync.pk, patience=_TURN_PATIENCE) as mine:
        if not mine:
            raise NotPossible("The sync is at work just now. Try again in a moment.")
        _refuse_when_resting(sync.destination, now=now)
        token = uuid.uuid4()
        row = _begin(sync, target, shown, token=token, by=by, via=via, now=now)
        verdict, http = _perform(sync, row, outside, now=now)
        _settle(sync.pk, token, row, verdict, now=now)
    outcome, told = _words(verdict)
    return Tried(
        **{name: getattr(shown, name) for name in shown.__slots__[: shown.__slots__.index("sent")]},
        sent=True,
        outcome=outcome,
        code=verdict.code,
        told=told,
        run_id=row.run_id,
        removal_planned=not shown.is_member,
        exchanges=tuple(http.exchanges),
    )


def _refuse_when_resting(destination: Destination, *, now: datetime) -> None:
    if destination.state != Destination.State.ACTIVE:
        raise NotPossible("The destination is paused, so nothing is sent to it. Resume it first.")
    if destination.rest_until is not None and destination.rest_until > now:
        raise NotPossible("The channel rests until it may be called again. Try again in a few minutes.")


@transaction.atomic
def _begin(
    sync: Sync, target: Target, shown: Tried, *, token: uuid.UUID, by: str, via: str, now: datetime
) -> Claimed:  # fmt: skip
    """Make the row, remember it as on its way, and claim it; plan its removal when the person is no member."""
    Sync.objects.select_for_update().get(pk=sync.pk)
    unfinished = Delivery.objects.filter(
        Q(profile_id=target.profile_id) | Q(identifier_hash=target.identifier_hash),
        sync=sync, state__in=[Delivery.State.PENDING, Delivery.State.IN_FLIGHT],
    )  # fmt: skip
    if unfinished.exists():
        raise NotPossible("Something of this person is on its way already. Try again when it is through.")
    operation: Operation = "update" if shown.operation == "update" else "add"
    change = Change(
        operation, target.profile_id, target.identifier_hash, target.fields, target.payload_hash, target.removal,
        target.label,
    )  # fmt: skip
    run = Run.objects.create(
        sync=sync, kind=Run.Kind.TEST, state=Run.State.SENDING, from_seq=sync.cursor_seq, until_seq=sync.cursor_seq,
        added=int(operation == "add"), changed=int(operation == "update"), started_at=now,
    )  # fmt: skip
    planning.write_deliveries(sync.pk, run.pk, [change], now=now)
    planning.write_sent(sync.pk, [change], [], now=now)
    row = Delivery.objects.get(run=run)
    if not shown.is_member:
        planning.plan_slice(sync_id=sync.pk, run_id=run.pk, wanted={target.profile_id: False}, cursor=None, now=now)
    Delivery.objects.filter(pk=row.pk).update(
        state=Delivery.State.IN_FLIGHT, claim=token, batch=token, in_flight_since=now, attempts=1
    )
    audit.record(
        actor=by, action="sync.tested", object_type="sync", object_id=sync.pk, via=via,
        summary=f"Sent profile {target.profile_id} through “{sync.name}” as a test",
        after={"run_id": run.pk, "profile_id": target.profile_id, "operation": operation, "member": shown.is_member},
    )  # fmt: skip
    payload = Payload(id=row.key, operation=operation, fields=target.fields, at=now)
    return Claimed(id=row.pk, run_id=run.pk, payload=payload, attempts=1, batch=token.hex[:12])


def _perform(sync: Sync, row: Claimed, outside: OutsideSettings, *, now: datetime) -> tuple[Verdict, RecordingHttp]:
    action = DESTINATIONS[sync.destination.kind].actions[sync.action]
    with RecordingHttp(allow=AllowList.of(outside.allow), secrets=_secrets(sync.destination)) as http:
        per_second = sync.destination.calls_per_second or action.calls_per_second
        wait = budget(outside.redis_url).reserve(sync.destination_id, calls=1, per_second=per_second)
        if wait > _LONGEST_WAIT:
            return Temporary("The rate limit is spent for now.", code="rate_limit"), http
        time.sleep(wait)
        where = Outside(
            http=http, drop_folder=outside.drop_folder, now=now, batch=row.batch, run_id=row.run_id,
            mapping=sync.mapping,
        )  # fmt: skip
        _, verdicts = delivering.perform(action, where, sync.destination, [row.payload])
        return verdicts[0], http


def _secrets(destination: Destination) -> list[str]:
    try:
        return list(account_of(destination).secrets.values())
    except crypto.CannotDecrypt:
        return []  # `perform` says so


@transaction.atomic
def _settle(sync_id: int, token: uuid.UUID, row: Claimed, verdict: Verdict, *, now: datetime) -> None:
    if isinstance(verdict, Delivered | Skipped):
        written = Settlement("delivered", verdict.code, verdict.message, now)
        Sync.objects.filter(pk=sync_id).update(last_delivered_at=now)
    elif isinstance(verdict, InvalidPayload):
        written = Settlement("failed", verdict.code, verdict.message, now)
    else:
        written = Settlement("dead", verdict.code, f"{verdict.message} {_ONCE}", now)
    rows = delivering.write_verdicts(token, [row], [written], together=False, now=now)
    delivering.write_what_is_there(sync_id, rows, now=now)
    delivering.write_counts(row.run_id, rows, now=now)


def _words(verdict: Verdict) -> tuple[str, str]:
    """What the verdict is called, and what it means for the person who set the sync up."""
    if isinstance(verdict, Delivered):
        return "delivered", f"The channel took it. {verdict.message}".strip()
    if isinstance(verdict, Skipped):
        return "skipped", f"The channel had nothing to do: {verdict.message}"
    if isinstance(verdict, InvalidPayload):
        return "refused", f"The channel refused this row: {verdict.message}"
    if isinstance(verdict, InvalidCredentials | Misconfigured):
        return "unusable", f"The account cannot work as it is set up: {verdict.message}"
    return "unknown", f"There was no usable answer, so it is not known what the channel did: {verdict.message}"
