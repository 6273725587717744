"""Cleaning in the pipeline: every rule that is on, over each fresh event, in one pass.

A source that no rule is about costs one statement and a look at the notes of replayed items; the number of statements
does not grow with the batch or the rules.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import orjson
import psycopg

from common import pg
from events.contracts import Item
from events.services import Batch, Setback, original, quarantine
from quality.cleaning.contracts import Definition
from quality.cleaning.effects import Counts, add, write
from quality.cleaning.item import MARK, Cleaned, Decisions, Effect, as_it_came, clean_item, noted
from quality.cleaning.rules import Step, steps

_STATE = """
select coalesce((select max(id) from quality_cleaningversion), 0),
       coalesce((select max(changed_at) from quality_referencelist), 'epoch'),
       coalesce((select max(id) from quality_rateimport), 0)
"""
_RULES = """
select id, version, name, scope, path, kind, settings::text, source_id, event, "then", instead::text,
       "when"::text
from quality_cleaningrule where state = 'on' order by position, id
"""
_LISTS = "select slug, values::text from quality_referencelist"
_RATES = """
select d.day, r.currency, r.per_euro from unnest(%(days)s::date[]) d (day)
cross join lateral (
    select distinct on (currency) currency, per_euro from quality_rate
    where day between d.day - 7 and d.day order by currency, day desc
) r
"""
_DECIDED = """
select source_id, message_id, rule_id, pointer, state, corrected::text from quality_reviewitem
join unnest(%(sources)s, %(messages)s) as n (source, message) on source_id = source and message_id = message
where state in ('accepted', 'corrected')
"""
_REVIEW = """
insert into quality_reviewitem as r
    (rule_id, source_id, name, pointer, message_id, quarantined_id, state, at, settled_by)
select rule_id, source_id, name, pointer, message_id, quarantined_id, 'open', %(now)s, ''
from unnest(%(rules)s, %(sources)s, %(names)s, %(pointers)s, %(messages)s, %(items)s)
    as n (rule_id, source_id, name, pointer, message_id, quarantined_id)
on conflict (source_id, message_id, rule_id, pointer) do update
    set quarantined_id = excluded.quarantined_id, state = 'open', at = excluded.at, settled_at = null, settled_by = ''
"""
_TRAITED = frozenset({"identify", "group"})
_DAYS = 2_000
_US_A_DAY = 86_400_000_000
_NONE: Decisions = {}


class CleaningStage:
    """What a process remembers of the rules between batches. One a process."""

    def __init__(self) -> None:
        self._state: Any = None
        self._rules: list[tuple[int | None, str, str, list[Step]]] = []
        self._sources: frozenset[int] = frozenset()
        self._everywhere = False
        self._steps: dict[tuple[int, str, bool], tuple[Step, ...]] = {}
        self._rates: OrderedDict[date, Mapping[str, Decimal]] = OrderedDict()
        # Of the last batch: the events (source, name) that rules looked at, and the messages (source, id) that do not
        # hold.
        self.judged: set[tuple[int, str]] = set()
        self.faulty: set[tuple[int, str]] = set()
        # Of the last batch: the items that are in the quarantine now, with what was mended before they were stopped.
        self.aside = Batch()

    def clean(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> Batch:
        """The items that may go on, with their values in one form; the others are in the quarantine, as they came."""
        self._refresh(conn)
        self.judged, self.faulty, self.aside = set(), set(), Batch()
        if not self._rules or not (self._everywhere or not self._sources.isdisjoint(batch.source_ids)):
            return batch
        return self._pass(conn, batch, now=now)

    def _pass(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> Batch:
        concerned = [
            (place, found) for place, (source, name) in enumerate(zip(batch.source_ids, batch.names, strict=True))
            if (found := self.steps_of(source, name, batch.items[place], batch.contexts[place]))
        ]  # fmt: skip
        self.judged = {(batch.source_ids[place], batch.names[place]) for place, _ in concerned}
        if not concerned:
            return batch
        self._fetch_rates(conn, batch, concerned)
        done = {place: self.apply(batch, place, found, _NONE) for place, found in concerned}
        self._ask_again(conn, batch, done)
        return self._settle(conn, batch, done, now=now)

    def steps_of(self, source: int, name: str, item: Item, context: bytes) -> tuple[Step, ...]:
        """The steps that are about this item, in the order of the rules."""
        traited = (item.type in _TRAITED and len(item.traits) > 0) or b'"traits"' in context
        key = (source, name, traited)
        found = self._steps.get(key)
        if found is None:
            if len(self._steps) > 50_000:
                self._steps.clear()
            found = self._steps[key] = tuple(
                step for wanted, scope, event, made in self._rules if wanted in (None, source)
                and (traited if scope == "traits" else event in ("", name)) for step in made
            )  # fmt: skip
        return found

    def apply(self, batch: Batch, place: int, found: Sequence[Step], decisions: Decisions) -> Cleaned:
        """The rules over one item of a batch."""
        day = _day(batch.occurred_us[place])
        item = batch.items[place]
        raw = {"properties": batch.properties[place], "context": batch.contexts[place],
               "traits": bytes(item.traits) if item.type in _TRAITED else b""}  # fmt: skip
        return clean_item(found, raw, day=day, rates=lambda: self._rates.get(day, {}), decisions=decisions)

    def _ask_again(self, conn: psycopg.Connection[Any], batch: Batch, done: dict[int, Cleaned]) -> None:
        """Items that wait for a person, once more with what was decided about them. One statement."""
        waiting = [place for place, one in done.items() if one.stopped and one.stopped.outcome == "review"]
        if not waiting:
            return
        given = {"sources": pg.int4s([batch.source_ids[place] for place in waiting]),
                 "messages": pg.texts(_text(batch.message_ids[place]) for place in waiting)}  # fmt: skip
        decided: dict[tuple[int, str], dict[tuple[int, str], tuple[str, Any]]] = {}
        with pg.cursor(conn) as cursor:
            for source, message, rule, pointer, state, value in cursor.execute(_DECIDED, given).fetchall():
                decided.setdefault((source, message), {})[rule, pointer] = (state, pg.from_jsonb(value))
        for place in waiting:
            found = decided.get((batch.source_ids[place], _text(batch.message_ids[place])))
            if found:
                steps_found = self.steps_of(
                    batch.source_ids[place], batch.names[place], batch.items[place], batch.contexts[place]
                )
                done[place] = self.apply(batch, place, steps_found, found)

    def _settle(
        self, conn: psycopg.Connection[Any], batch: Batch, done: Mapping[int, Cleaned], *, now: datetime
    ) -> Batch:  # fmt: skip
        counts: Counts = {}
        stopped: dict[int, Effect] = {}
        columns: list[list[Any]] = [list(batch.items), list(batch.properties), list(batch.contexts)]
        for place, one in done.items():
            if not one.effects:
                continue
            key = (batch.source_ids[place], batch.message_ids[place])
            if any(effect.outcome != "corrected" for effect in one.effects):
                self.faulty.add(key)
            if one.stopped is not None:
                stopped[place] = one.stopped
                add(counts, key, batch.names[place], [one.stopped])
            else:
                add(counts, key, batch.names[place], one.effects)
            if one.notes:
                for column, value in zip(columns, _changed(batch, place, one), strict=True):
                    column[place] = value
        write(conn, counts, now=now)
        self._set_aside(conn, batch, stopped, now=now)
        cleaned = replace(batch, items=columns[0], properties=columns[1], contexts=columns[2])
        self.aside = cleaned.only(list(stopped))
        return cleaned.only([place for place in range(len(batch)) if place not in stopped]) if stopped else cleaned

    def _set_aside(
        self, conn: psycopg.Connection[Any], batch: Batch, stopped: Mapping[int, Effect], *, now: datetime
    ) -> None:  # fmt: skip
        if not stopped:
            return
        quarantine(conn, [_setback(batch, place, one) for place, one in stopped.items() if one.outcome != "review"],
                   stage="clean", received_at=now)  # fmt: skip
        waiting = {place: one for place, one in stopped.items() if one.outcome == "review"}
        if not waiting:
            return
        ids = quarantine(
            conn, [_setback(batch, place, one) for place, one in waiting.items()], stage="review", received_at=now
        )
        with pg.cursor(conn) as cursor:
            cursor.execute(_REVIEW, {
                "now": now, "rules": pg.int8s([one.step.rule_id for one in waiting.values()]),
                "sources": pg.int4s([batch.source_ids[place] for place in waiting]),
                "names": pg.texts(_text(batch.names[place][:500]) for place in waiting),
                "pointers": pg.texts(_text(one.pointer) for one in waiting.values()),
                "messages": pg.texts(_text(batch.message_ids[place]) for place in waiting), "items": pg.int8s(ids),
            })  # fmt: skip

    def _refresh(self, conn: psycopg.Connection[Any]) -> None:
        with pg.cursor(conn) as cursor:
            state = cursor.execute(_STATE).fetchone()
            if state == self._state:
                return
            rows = cursor.execute(_RULES).fetchall()
            lists = {slug: frozenset(orjson.loads(told)) for slug, told in cursor.execute(_LISTS)} if rows else {}
        told = [(row[0], row[1], definition_of(row[2:])) for row in rows]
        self.use([(number, version, one) for number, version, one in told], lists)
        self._state = state

    def use(self, rules: Sequence[tuple[int, int, Definition]], lists: Mapping[str, frozenset[str]]) -> None:
        """Work by these rules (id, version, definition), in this order."""
        self._rules = [
            (one.source_id, one.scope, one.event, steps(number, version, one, lists=lists))
            for number, version, one in rules
        ]
        self._sources = frozenset(one[0] for one in self._rules if one[0] is not None)
        self._everywhere = any(one[0] is None for one in self._rules)
        self._steps.clear()
        self._rates.clear()

    def try_on(self, conn: psycopg.Connection[Any], batch: Batch) -> list[Cleaned]:
        """What the rules in use would do to each item of a batch; nothing is written."""
        batch = restored(batch)
        found = [
            self.steps_of(source, batch.names[place], batch.items[place], batch.contexts[place])
            for place, source in enumerate(batch.source_ids)
        ]
        self._fetch_rates(conn, batch, list(enumerate(found)))
        return [self.apply(batch, place, one, _NONE) for place, one in enumerate(found)]

    def decide(self, conn: psycopg.Connection[Any], batch: Batch, decisions: Decisions) -> Cleaned:
        """What the rules in use would do to the one item of a batch under these decisions; nothing is written."""
        batch = restored(batch)
        found = self.steps_of(batch.source_ids[0], batch.names[0], batch.items[0], batch.contexts[0])
        self._fetch_rates(conn, batch, [(0, found)])
        return self.apply(batch, 0, found, decisions)

    def _fetch_rates(
        self, conn: psycopg.Connection[Any], batch: Batch, concerned: Sequence[tuple[int, Sequence[Step]]]
    ) -> None:  # fmt: skip
        """The rates of the days of these events, as far as they are not known. One statement."""
        days = {_day(batch.occurred_us[place]) for place, found in concerned if any(step.into for step in found)}
        new = days - self._rates.keys()
        if not new:
            return
        if len(self._rates) + len(new) > _DAYS:
            self._rates.clear()
            new = days
        found: dict[date, dict[str, Decimal]] = {day: {} for day in new}
        with pg.cursor(conn) as cursor:
            for day, currency, rate in cursor.execute(_RATES, {"days": sorted(new)}):
                found[day][currency] = rate
        self._rates.update(found)


def definition_of(row: Sequence[Any]) -> Definition:
    """A definition from (name, scope, path, kind, settings, source_id, event, then, instead, when), JSON as text."""
    name, scope, path, kind, settings, source_id, event, then, instead, when = row
    return Definition(
        name, scope, path, kind, orjson.loads(settings), source_id, event, then, pg.from_jsonb(instead),
        pg.from_jsonb(when),
    )  # fmt: skip


def restored(batch: Batch) -> Batch:
    """Replayed items as they first came; the same batch when there is none."""
    places = [place for place, context in enumerate(batch.contexts) if MARK in context]
    if not places:
        return batch
    items, properties, contexts = list(batch.items), list(batch.properties), list(batch.contexts)
    for place in places:
        item = items[place]
        raw = as_it_came(
            {"properties": properties[place], "context": contexts[place], "traits": bytes(item.traits)}
        )  # fmt: skip
        properties[place], contexts[place] = raw["properties"], raw["context"]
        items[place] = _item(item, raw)
    return replace(batch, items=items, properties=properties, contexts=contexts)


def _changed(batch: Batch, place: int, done: Cleaned) -> tuple[Item, bytes, bytes]:
    """The item, its properties and its context as they are now. The item itself follows, for whoever keeps it whole."""
    item = batch.items[place]
    raw = {"properties": batch.properties[place], "context": batch.contexts[place], "traits": bytes(item.traits)}
    raw |= {root: document.dump() for root, document in done.documents.items() if document.changed}
    raw["context"] = noted(raw["context"], done.notes)
    return _item(item, raw), raw["properties"], raw["context"]


def _item(item: Item, raw: Mapping[str, bytes]) -> Item:
    return msgspec.structs.replace(item, **{root: msgspec.Raw(value) for root, value in raw.items()})


def _setback(batch: Batch, place: int, effect: Effect) -> Setback:
    reason = "needs_review" if effect.outcome == "review" else "breaks_rule"
    told = f"{effect.pointer}: rule {effect.step.rule_id} asks that it {effect.step.asks}; this value does not hold."
    item = msgspec.structs.replace(batch.items[place], context=msgspec.Raw(batch.contexts[place]))
    return Setback(batch.source_ids[place], reason, told, batch.message_ids[place], original(item))


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd")


def _day(us: int) -> date:
    return datetime.fromtimestamp(us // _US_A_DAY * 86_400, UTC).date()
