"""Quarantined items once more through the door: judged as on their way in, and stored in the inbox if they pass now."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import zstandard
from django.db import transaction

from common import audit, pg
from connectors.sources import wire
from connectors.sources.identity import usable
from events import services as events
from events.contracts import Refusal


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many items went back to the inbox, and why others did not: they stay in the quarantine as they were."""

    accepted: int
    refused: tuple[tuple[int, str], ...]


class Settled(ValueError):
    """The item waits no more: somebody replayed or discarded it."""


def judge_item(raw: bytes) -> bytes | Refusal:
    """What the door says of an item: what would be stored, or why it is refused."""
    found = wire.judge(raw, usable=usable)
    return found if isinstance(found, Refusal) else found[1]


@transaction.atomic
def replay_quarantined(ids: Sequence[int], *, by: str, now: datetime, via: str = "ui") -> Replayed:
    """Accept these open items as if they had just been sent, in one transaction; others are passed over.

    The caller wakes the applier after commit. An item that was applied before is told apart by its message id.
    """
    done = accept_again(ids, by=by, now=now)
    if done.accepted:
        audit.record(
            actor=by, via=via, action="quarantine.replayed", object_type="quarantine", object_id=min(ids), at=now,
            summary=f"Replayed {done.accepted} quarantined items; {len(done.refused)} would be refused again",
        )  # fmt: skip
    return done


def accept_again(ids: Sequence[int], *, by: str, now: datetime) -> Replayed:
    """The same in the caller's transaction, for whoever keeps the record himself."""
    waiting = [item for item in events.open_items(ids) if item.source_id is not None]
    judged = {item.id: judge_item(item.item.encode()) for item in waiting}
    good = {item_id: verdict for item_id, verdict in judged.items() if isinstance(verdict, bytes)}
    documents: dict[int, list[bytes]] = defaultdict(list)
    for item in waiting:
        if item.id in good and item.source_id is not None:
            documents[item.source_id].append(good[item.id])
    for source_id, items in documents.items():
        _store(source_id, items, now=now)
    events.mark_replayed(list(good), by=by, now=now)
    refused = tuple((item_id, verdict.detail) for item_id, verdict in judged.items() if isinstance(verdict, Refusal))
    return Replayed(len(good), refused)


@transaction.atomic
def replay_edited(*, item_id: int, text: str, by: str, now: datetime, via: str = "ui") -> Refusal | None:
    """Accept an open item in another wording; answers why not when the door refuses that, too.

    The item stays in the record as it came, beside what was sent in its place; the audit log names the places that
    differ, not what stood there. The caller wakes the applier. Raises Settled.
    """
    item = next(iter(events.open_items([item_id])), None)
    if item is None or item.source_id is None:
        raise Settled("This item waits no more: it was replayed or discarded, or nobody knows its source.")
    verdict = judge_item(text.encode())
    if isinstance(verdict, Refusal):
        return verdict
    places = changed_places(item.item, text)
    if places and not events.may_be_kept(
        pg.raw(), [events.Setback(item.source_id, "", "", str(item.id), verdict)]
    ):  # fmt: skip
        return Refusal("must_not_be_stored", "Its person must not be stored: suppressed, or without consent.")
    _store(item.source_id, [verdict], now=now)
    events.mark_replayed([item_id], by=by, now=now, replayed_as=verdict.decode() if places else "")
    audit.record(
        actor=by, via=via, action="quarantine.edited" if places else "quarantine.replayed", object_type="quarantine",
        object_id=item_id, at=now, after={"changed": places} if places else None,
        summary=f"Edited and replayed a quarantined item ({item.reason})" if places else "Replayed a quarantined item",
    )  # fmt: skip
    return None


def changed_places(before: str, after: str) -> list[str]:
    """JSON pointers of what differs between two items; "" is the whole when the first cannot be read."""
    try:
        old, new = orjson.loads(before), orjson.loads(after)
    except orjson.JSONDecodeError:
        return [] if before == after else [""]
    return _differing(old, new, "")[:100]


def _differing(old: Any, new: Any, here: str) -> list[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new and type(old) is type(new) else [here]
    found = []
    for key in sorted({*old, *new}):
        there = f"{here}/{key.replace('~', '~0').replace('/', '~1')}"
        if (key in old) != (key in new):
            found.append(there)
        elif key in old:
            found += _differing(old[key], new[key], there)
    return found


def _store(source_id: int, items: Sequence[bytes], *, now: datetime) -> None:
    events.store(
        pg.raw(), source_id=source_id, document=b'{"batch":[' + b",".join(items) + b"]}", events=len(items),
        client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip
