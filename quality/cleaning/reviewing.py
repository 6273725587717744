"""Values that a person looks at. A decision is remembered by message, rule and place: when the quarantined item is
replayed, the stage finds it, and lets the value in or puts the right one in its place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson
from django.db import transaction

from common import audit, clock, pg
from events import selectors as log
from events.contracts import Item, QuarantinedView, rule_name, text
from events.services import Batch
from quality.cleaning.contracts import BadRule, ReviewView
from quality.cleaning.documents import MISSING, Document, parts_of
from quality.cleaning.models import CleaningRule, ReviewItem
from quality.cleaning.rules import says
from quality.cleaning.selectors import definition, lists
from quality.cleaning.stage import CleaningStage

_item = msgspec.json.Decoder(Item).decode
VERDICTS = ("accepted", "corrected", "rejected")


def review_size() -> int:
    """How many values wait for a person."""
    return ReviewItem.objects.filter(state=ReviewItem.State.OPEN).count()


def review_items(
    *, sources: Mapping[int, str], state: str = "open", after_id: int = 0, limit: int = 50
) -> list[ReviewView]:  # fmt: skip
    """Values in a state, the oldest first, by keyset."""
    rows = list(ReviewItem.objects.filter(state=state, pk__gt=after_id).order_by("pk")[:limit])
    return _views(rows, sources)


def review_item(review_id: int, *, sources: Mapping[int, str]) -> ReviewView | None:
    """One of them, or None."""
    return next(iter(_views(list(ReviewItem.objects.filter(pk=review_id)), sources)), None)


def last_reviews(*, sources: Mapping[int, str], limit: int = 10) -> list[ReviewView]:
    """The last decisions, the newest first."""
    rows = ReviewItem.objects.exclude(state=ReviewItem.State.OPEN).order_by("-settled_at")[:limit]
    return _views(list(rows), sources)


def _views(rows: list[ReviewItem], sources: Mapping[int, str]) -> list[ReviewView]:
    items = log.quarantined_items([row.quarantined_id for row in rows])
    rules = {row.pk: row for row in CleaningRule.objects.filter(pk__in={row.rule_id for row in rows})}
    return [_view(row, rules.get(row.rule_id), items.get(row.quarantined_id), sources) for row in rows]


def _view(
    row: ReviewItem, rule: CleaningRule | None, item: QuarantinedView | None, sources: Mapping[int, str]
) -> ReviewView:  # fmt: skip
    return ReviewView(
        id=row.pk, rule_id=row.rule_id, rule_name=rule.name if rule else "a rule that was deleted",
        says=says(definition(rule), source=sources.get(rule.source_id or 0, "")) if rule else "",
        source_id=row.source_id, event=row.name, pointer=row.pointer,
        value=_value(item.item, row.pointer) if item else None, message_id=row.message_id,
        quarantined_id=row.quarantined_id, state=row.state, corrected=row.corrected, at=row.at,
        settled_by=row.settled_by, settled_at=row.settled_at,
    )  # fmt: skip


def _value(item: str, pointer: str) -> Any:
    found = Document(item.encode()).get(parts_of(pointer))
    return None if found is MISSING else found


@transaction.atomic
def settle_review(
    *, review_id: int, verdict: str, by: str, now: datetime, value: Any = None, via: str = "ui"
) -> int | None:  # fmt: skip
    """Accept the value as it is, correct it, or reject it; answers the quarantined item that is to be replayed, None
    when it stays. A text is read as JSON where the rule wants no text. Raises BadRule with what is to be done."""
    row = ReviewItem.objects.select_for_update().filter(pk=review_id).first()
    if row is None or row.state != ReviewItem.State.OPEN:
        raise BadRule("Somebody has decided about this value already.")
    if verdict not in VERDICTS:
        raise BadRule(f"Choose one of {', '.join(VERDICTS)}.", "verdict")
    item = log.quarantined_items([row.quarantined_id]).get(row.quarantined_id)
    if verdict != "rejected" and (item is None or item.state != "open"):
        raise BadRule("The item is in the quarantine no more: it was replayed or discarded there. Reject the value.")
    row.corrected = _right(row, item, value) if verdict == "corrected" and item else None
    row.state, row.settled_by, row.settled_at = verdict, by, now
    row.save()
    audit.record(
        actor=by, via=via, action=f"review.{verdict}", object_type="review_item", object_id=row.pk, at=now,
        summary=f"{verdict.capitalize()} the value at {row.pointer} of {row.name[:100]}",
        after={"rule": row.rule_id, "message": row.message_id[:200]},
    )  # fmt: skip
    return None if verdict == "rejected" else row.quarantined_id


def _right(row: ReviewItem, item: QuarantinedView, value: Any) -> Any:
    """The first reading of what the person gave that passes the rule."""
    if value is None or value == "":
        raise BadRule("Give the value that is right.", "value")
    rule = CleaningRule.objects.filter(pk=row.rule_id).first()
    if rule is None:
        raise BadRule("The rule was deleted: accept the value, or reject it.")
    stage, batch = CleaningStage(), _batch(row.source_id, item)
    stage.use([(rule.pk, rule.version, definition(rule))], lists())
    for candidate in _readings(value):
        decisions = {(row.rule_id, row.pointer): ("corrected", candidate)}
        done = stage.decide(pg.raw(), batch, decisions)
        if done.stopped is None or done.stopped.pointer != row.pointer:
            return candidate
    raise BadRule(f"{value!r} does not pass the rule either: {says(definition(rule))}", "value")


def _readings(value: Any) -> list[Any]:
    if not isinstance(value, str):
        return [value]
    try:
        return [orjson.loads(value), value]
    except orjson.JSONDecodeError:
        return [value]


def _batch(source_id: int, found: QuarantinedView) -> Batch:
    item = _item(found.item.encode())
    try:
        moment = datetime.fromisoformat(str(item.timestamp or item.originalTimestamp))
        at = clock.micros(moment if moment.tzinfo else found.received_at)
    except ValueError:
        at = clock.micros(found.received_at)
    return Batch(
        [item], [source_id], [at], [at], [rule_name(item.type or "", text(item.event))], [str(item.messageId)], [None],
        [None], [bytes(item.properties)], [bytes(item.context)], [None],
    )  # fmt: skip
