"""A rule on recent events before it is switched on: nothing is written."""

from collections import Counter
from datetime import datetime, timedelta

import msgspec
import orjson

from common import clock, pg
from events import selectors as log
from events.contracts import EventView, Item
from events.services import Batch
from quality.cleaning.contracts import Definition, Sample, Trial
from quality.cleaning.effects import shown
from quality.cleaning.item import Cleaned
from quality.cleaning.models import CleaningRule
from quality.cleaning.rules import checked
from quality.cleaning.selectors import definition, lists
from quality.cleaning.stage import CleaningStage

LOOK_AT = 2_000
_BACK = timedelta(days=30)
_SAMPLES = 20
# A rule that is not kept yet has no id.
_TRIED = 0


def try_rule(*, told: Definition, now: datetime, rule_id: int | None = None) -> Trial:
    """What a rule would have done to the last 2,000 events, after the rules that are on and stand before it. Events
    that rules have changed are taken as they first came. Raises BadRule."""
    told = checked(told, lists=lists())
    recent = log.latest(source_id=told.source_id, since=now - _BACK, limit=LOOK_AT)
    wanted = [one for one in recent if told.event in ("", one.name) or told.scope == "traits"]
    stage = CleaningStage()
    stage.use([*_before(rule_id), (_TRIED, 0, told)], lists())
    done = stage.try_on(pg.raw(), _batch(wanted))
    return _trial(done, wanted)


def _before(rule_id: int | None) -> list[tuple[int, int, Definition]]:
    rows = CleaningRule.objects.filter(state=CleaningRule.State.ON).exclude(pk=rule_id or 0)
    mine = CleaningRule.objects.filter(pk=rule_id).first() if rule_id else None
    rows = rows.filter(position__lt=mine.position) if mine else rows
    # One that sets items aside would hide them from the one that is tried.
    rows = rows.exclude(then__in=["quarantine", "review"])
    return [(row.pk, row.version, definition(row)) for row in rows.order_by("position", "id")]


def _trial(done: list[Cleaned], events: list[EventView]) -> Trial:
    counts: Counter[str] = Counter()
    samples: list[Sample] = []
    for one, event in zip(done, events, strict=True):
        for effect in one.effects:
            if effect.step.rule_id == _TRIED:
                counts[effect.outcome] += 1
                if len(samples) < _SAMPLES:
                    samples.append(Sample(**shown(event.message_id, effect), outcome=effect.outcome))
    touched = sum(any(effect.step.rule_id == _TRIED for effect in one.effects) for one in done)
    return Trial(len(events), touched, dict(counts), samples)


def _batch(events: list[EventView]) -> Batch:
    batch = Batch()
    for one in events:
        traits, context = (one.envelope.get(name) for name in ("traits", "context"))
        batch.items.append(Item(type=one.type, messageId=one.message_id, traits=msgspec.Raw(_raw(traits))))
        batch.source_ids.append(one.source_id)
        batch.received_us.append(clock.micros(one.received_at))
        batch.occurred_us.append(clock.micros(one.occurred_at))
        batch.names.append(one.name)
        batch.message_ids.append(one.message_id)
        batch.sent_at.append(None)
        batch.client_ips.append(None)
        batch.properties.append(_raw(one.properties))
        batch.contexts.append(_raw(context))
        batch.received.append(None)
    return batch


def _raw(told: object) -> bytes:
    return orjson.dumps(told) if isinstance(told, dict) else b""
