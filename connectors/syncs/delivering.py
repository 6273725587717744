"""Delivering: claim a batch, send it, write the verdicts.

No transaction is open while the channel is called. A worker that dies between sending and writing leaves rows on the
way; they are freed after the lease and sent again under the same key.
"""

import json
import logging
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from common import crypto, pg
from common.clock import Ticker, micros
from common.http import AllowList, Http
from common.outside import OutsideSettings
from connectors.destinations.errors import BrokenDestination, DeliveryError, InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kit import Account, Action, Outside, Payload, Verdict
from connectors.destinations.models import Destination
from connectors.destinations.registry import DESTINATIONS
from connectors.syncs import sql
from connectors.syncs.contracts import Worked
from connectors.syncs.models import Sync
from connectors.syncs.rate import budget
from connectors.syncs.verdicts import Settlement, settlement, standing

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)
_LONGEST_WAIT = 10.0
_COLUMN = {"add": "added", "update": "changed", "remove": "removed"}


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is ours to send."""

    id: int
    run_id: int
    payload: Payload
    attempts: int
    batch: str


def deliver(*, sync_id: int, outside: OutsideSettings, ticker: Ticker, max_batches: int) -> Worked:
    """Send batches that are due until there are none, the destination rests, or the turn is long enough."""
    sync = Sync.objects.select_related("destination").get(pk=sync_id)
    cutoff = ticker() - LEASE
    sql.run(sql.FREE_ABANDONED, {"sync": sync_id, "now": ticker(), "cutoff": cutoff})
    worked = Worked()
    with Http(allow=AllowList.of(outside.allow)) as http:
        for _ in range(max_batches):
            stopped = why_not(sync_id, now=ticker())
            if stopped:
                return _plus(worked, Worked(stopped=stopped))
            done = _deliver_batch(sync, http, outside, ticker)
            if done is None:
                return worked
            worked = _plus(worked, done)
    return worked


def why_not(sync_id: int, *, now: datetime) -> str:
    """Why nothing may be sent at present; empty when it may."""
    sync = Sync.objects.select_related("destination").filter(pk=sync_id).first()
    if sync is None:
        return "deleted"
    if sync.state != Sync.State.ACTIVE:
        return "the sync is paused"
    if sync.destination.state != Destination.State.ACTIVE:
        return "the destination is paused"
    if sync.destination.rest_until is not None and sync.destination.rest_until > now:
        return "the destination rests"
    return ""


def _deliver_batch(sync: Sync, http: Http, outside: OutsideSettings, ticker: Ticker) -> Worked | None:
    """One batch, claim to verdicts; None when nothing is due."""
    action = DESTINATIONS[sync.destination.kind].actions[sync.action]
    per_second = sync.destination.calls_per_second or action.calls_per_second
    token = uuid.uuid4()
    claimed = claim(sync_id=sync.pk, token=token, limit=_limit(action, per_second), now=ticker())
    if not claimed:
        return None
    calls = len(claimed) if action.one_call_per_row else 1
    wait = budget(outside.redis_url).reserve(sync.destination_id, calls=calls, per_second=per_second)
    if wait > _LONGEST_WAIT:
        return _give_back(sync.pk, token, claimed, wait=wait, now=ticker())
    time.sleep(wait)
    where = Outside(
        http=http,
        drop_folder=outside.drop_folder,
        now=ticker(),
        batch=claimed[0].batch,
        run_id=claimed[0].run_id,
        mapping=sync.mapping,
    )
    together, verdicts = perform(action, where, sync.destination, [row.payload for row in claimed])
    return settle(
        sync_id=sync.pk, token=token, claimed=claimed, verdicts=verdicts, together=together, now=ticker()
    )  # fmt: skip


def _limit(action: Action, per_second: float) -> int:
    """As many rows as a few seconds of the rate allow, so that a slow channel does not outlast the lease."""
    if not action.one_call_per_row:
        return action.batch_size
    return max(1, min(action.batch_size, int(per_second * _LONGEST_WAIT / 2)))


def claim(*, sync_id: int, token: uuid.UUID, limit: int, now: datetime) -> list[Claimed]:
    """Take one batch of due rows, in order. Committed before anything is sent."""
    with transaction.atomic():
        found = sql.rows(sql.CLAIM, {"sync": sync_id, "claim": token, "limit": limit, "now": now})
    return [
        Claimed(
            id=row[0],
            run_id=row[1],
            payload=Payload(id=row[4], operation=row[2], fields=pg.from_jsonb(row[3]), at=row[6]),
            attempts=row[5],
            batch=row[7].hex[:12],
        )
        for row in sorted(found)
    ]


def perform(
    action: Action, outside: Outside, destination: Destination, payloads: Sequence[Payload]
) -> tuple[bool, list[Verdict]]:
    """Send, and say whether the batch failed as a whole (then it is tried again as that very batch)."""
    try:
        account = account_of(destination)
        return False, _checked(action, outside, account, payloads)
    except InvalidPayload as error:
        return False, _bisect(action, outside, account, payloads, error)
    except DeliveryError as error:
        return True, [error] * len(payloads)
    except crypto.CannotDecrypt as error:
        return True, [Misconfigured(str(error), code="cannot_decrypt")] * len(payloads)
    except Exception as error:
        # Whatever a destination's code does, the queue goes on: the rows are tried again, and given up in the end.
        # The message of a foreign exception may quote a payload, so only its type and place are told.
        place = "".join(traceback.format_tb(error.__traceback__))
        logger.error(
            "The code of %s/%s failed with %s:\n%s", destination.kind, action.slug, type(error).__name__, place
        )
        message = (
            str(error)
            if isinstance(error, BrokenDestination)
            else f"The destination's code failed ({type(error).__name__})."
        )
        return True, [Temporary(message, code="broken_destination")] * len(payloads)


def _checked(action: Action, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
    verdicts = action.perform_batch(outside, account, payloads)
    if len(verdicts) != len(payloads):
        raise BrokenDestination(f"{action.slug} gave {len(verdicts)} verdicts for {len(payloads)} payloads.")
    return verdicts


def _bisect(
    action: Action, outside: Outside, account: Account, payloads: Sequence[Payload], error: DeliveryError
) -> list[Verdict]:
    """A channel that refuses a whole request for one bad row: halve until the row is found, and the others are in."""
    if len(payloads) == 1:
        return [error]
    middle = len(payloads) // 2
    verdicts: list[Verdict] = []
    for half in (payloads[:middle], payloads[middle:]):
        try:
            verdicts += _checked(action, outside, account, half)
        except InvalidPayload as again:
            verdicts += _bisect(action, outside, account, half, again)
        except DeliveryError as other:
            verdicts += [other] * len(half)
    return verdicts


def account_of(destination: Destination) -> Account:
    """The account with its secrets in clear, for the moment of a call."""
    hidden = json.loads(crypto.decrypt(destination.secrets)) if destination.secrets else {}
    return Account(id=destination.pk, settings=destination.settings, secrets=hidden)


@transaction.atomic
def settle(
    *,
    sync_id: int,
    token: uuid.UUID,
    claimed: Sequence[Claimed],
    verdicts: Sequence[Verdict],
    together: bool,
    now: datetime,
) -> Worked:
    """Write one verdict a row, what the channel now has, the run's counts and the destination's standing."""
    chance = random.random()
    settlements = [
        settlement(
            verdict, attempts=row.attempts, now=now, chance=chance if together else random.random()
        )
        for row, verdict in zip(claimed, verdicts, strict=True)
    ]  # fmt: skip
    written = write_verdicts(token, claimed, settlements, together=together, now=now)
    write_what_is_there(sync_id, written, now=now)
    write_counts(claimed[0].run_id, written, now=now)
    _write_standing(sync_id, verdicts, chance=chance, now=now)
    states = Counter(row[2] for row in written)
    if states["delivered"]:
        Sync.objects.filter(pk=sync_id).update(last_delivered_at=now)
    return Worked(
        delivered=states["delivered"], failed=states["failed"] + states["dead"], retried=states["pending"]
    )  # fmt: skip


def write_verdicts(
    token: uuid.UUID,
    claimed: Sequence[Claimed],
    settlements: Sequence[Settlement],
    *,
    together: bool,
    now: datetime,
) -> list[sql.Row]:
    """Write the settlements of rows that are still ours; answers a row for each (see SETTLE)."""
    return sql.rows(
        sql.SETTLE,
        {
            "claim": token,
            "now": now,
            "ids": pg.int8s([row.id for row in claimed]),
            "states": pg.texts(s.state for s in settlements),
            "codes": pg.texts(s.code[:64] for s in settlements),
            "messages": pg.texts(s.message[:1000] for s in settlements),
            "times": pg.timestamps([micros(s.next_attempt_at) for s in settlements]),
            "uncounted": pg.int4s([int(s.uncounted) for s in settlements]),
            "together": pg.bools([together and s.state == "pending" for s in settlements]),
        },
    )


def write_what_is_there(sync_id: int, written: Sequence[sql.Row], *, now: datetime) -> None:
    """Follow the verdicts in `connectors_sent`: (run, operation, state, target, hash, latest) a row."""
    groups: dict[str, list[sql.Row]] = {}
    for row in written:
        groups.setdefault(_effect(row[1], row[2], latest=row[5]), []).append(row)
    for effect, statements in _STATEMENTS.items():
        found = groups.get(effect)
        if not found:
            continue
        parameters: dict[str, Any] = {"sync": sync_id, "now": now}
        parameters["targets"] = pg.texts(row[3] for row in found)
        parameters["hashes"] = pg.texts(row[4] for row in found)
        for statement in statements:
            sql.run(statement, parameters)


_STATEMENTS = {
    "there": [sql.CONFIRM],
    "gone": [sql.FORGET_REMOVED, sql.UNCONFIRM],
    "refused": [sql.FORGET_REFUSED, sql.MARK_UNSURE],
    "unsure": [sql.MARK_UNSURE],
    "still_there": [sql.STILL_THERE],
}


def _effect(operation: str, state: str, *, latest: bool) -> str:
    if state == "delivered":
        return "gone" if operation == "remove" else "there"
    if state == "pending" or not latest:
        return ""
    if operation == "remove":
        return "still_there"
    return "refused" if state == "failed" else "unsure"


def write_counts(run_id: int, written: Sequence[sql.Row], *, now: datetime) -> None:
    """Add the verdicts to the run's counts, and finish it when nothing is left."""
    counts = Counter(
        f"{_COLUMN[row[1]]}_{'ok' if row[2] == 'delivered' else 'failed'}" for row in written if row[2] != "pending"
    )
    retried = sum(row[2] == "pending" and not row[6] for row in written)
    if not counts and not retried:
        return
    columns = [f"{column}_{end}" for column in _COLUMN.values() for end in ("ok", "failed")]
    sql.run(sql.COUNT_RUN, {"run": run_id, "retried": retried, **{column: counts[column] for column in columns}})
    sql.run(sql.FINISH_RUN, {"run": run_id, "now": now})


def _write_standing(sync_id: int, verdicts: Sequence[Verdict], *, chance: float, now: datetime) -> None:
    destination = Destination.objects.select_for_update().get(
        pk=Sync.objects.values_list("destination_id", flat=True).get(pk=sync_id)
    )
    stands = standing(verdicts, failures_before=destination.failures_in_a_row, chance=chance)
    destination.failures_in_a_row = stands.failures_in_a_row
    destination.rest_until = now + stands.rest if stands.rest is not None else None
    if stands.pause_reason:
        destination.state, destination.state_reason = Destination.State.PAUSED, stands.pause_reason
    destination.save(update_fields=["failures_in_a_row", "rest_until", "state", "state_reason"])


@transaction.atomic
def _give_back(sync_id: int, token: uuid.UUID, claimed: Sequence[Claimed], *, wait: float, now: datetime) -> Worked:
    """The budget is spent for longer than a worker should wait: the rows come again when it is their time."""
    later = now + timedelta(seconds=wait)
    back = [Settlement("pending", "rate_limit", "Waiting for the rate limit.", later, uncounted=True) for _ in claimed]
    write_verdicts(token, claimed, back, together=True, now=now)
    Destination.objects.filter(pk=Sync.objects.values("destination_id").filter(pk=sync_id)[:1]).update(rest_until=later)
    return Worked(retried=len(claimed))


def _plus(a: Worked, b: Worked) -> Worked:
    return Worked(
        planned=a.planned + b.planned,
        delivered=a.delivered + b.delivered,
        failed=a.failed + b.failed,
        retried=a.retried + b.retried,
        stopped=b.stopped,
    )
