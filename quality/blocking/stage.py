"""Personal data in the pipeline, before anything else looks at the properties: what is blocked is written nowhere.

A source that blocks nothing costs one statement a batch.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import orjson
import psycopg

from common import pg
from events.services import Batch, Setback, original, quarantine
from quality.blocking.finding import found, leaves, masked
from quality.cleaning.documents import decoded, encoded
from quality.plan.counting import Counts, count, write_counts
from quality.plan.observing import escaped

_STATE = """
select coalesce((select max(changed_at) from quality_personalblock), 'epoch'),
       coalesce((select max(id) from quality_planversion), 0)
"""
_BLOCKS = "select source_id, classes::text from quality_personalblock"
_PLAN = "select name, schema::text from quality_plannedevent where status = 'accepted'"
_DIGITS = bytes(range(ord("0"), ord("9") + 1))


class BlockingStage:
    """What a process remembers of the blocks between batches. One a process."""

    def __init__(self) -> None:
        self._state: Any = None
        self._blocks: Mapping[int, Mapping[str, str]] = {}
        self._planned: Mapping[str, frozenset[tuple[str, ...]]] = {}
        # Of the last batch: the messages (source, id) in which something was found.
        self.faulty: set[tuple[int, str]] = set()
        # Of the last batch: the items that are in the quarantine now.
        self.aside = Batch()

    def block(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> Batch:
        """The items that may go on, without what is masked or dropped."""
        self._refresh(conn)
        self.faulty, self.aside = set(), Batch()
        places = [place for place, source in enumerate(batch.source_ids) if source in self._blocks]
        if not places:
            return batch
        counts: Counts = {}
        gone: dict[int, Setback] = {}
        items, properties = list(batch.items), list(batch.properties)
        for place in places:
            raw = properties[place]
            # Nothing personal of these classes is without a digit, an @ or a colon inside of a text.
            if b"@" not in raw and not any(digit in raw for digit in _DIGITS) and b"::" not in raw:
                continue
            told, setback = self._look(batch, place, counts)
            if setback is not None:
                gone[place] = setback
            elif told is not None:
                properties[place] = told
                items[place] = msgspec.structs.replace(items[place], properties=msgspec.Raw(told))
        write_counts(conn, counts, now=now)
        quarantine(conn, list(gone.values()), stage="block", received_at=now)
        self.aside = batch.only(list(gone))
        kept = replace(batch, items=items, properties=properties)
        return kept.only([place for place in range(len(batch)) if place not in gone]) if gone else kept

    def _look(self, batch: Batch, place: int, counts: Counts) -> tuple[bytes | None, Setback | None]:
        """The properties as they may be stored, None when they stay as they are; or why the item may not."""
        source, name = batch.source_ids[place], batch.names[place]
        rules, planned = self._blocks[source], self._planned.get(name, frozenset())
        told = decoded(batch.properties[place])
        changed = False
        for at, text in list(leaves(told)):
            keys = tuple(part for part in at if isinstance(part, str))
            if not keys or keys in planned:
                continue
            places = found(keys[-1], text, rules)
            if not places:
                continue
            self.faulty.add((source, batch.message_ids[place]))
            shown = "".join(f"/{escaped(part)}" if isinstance(part, str) else "/*" for part in at)
            for kind, start, end in places:
                sample = masked(text[start:end], [(kind, 0, end - start)])
                count(counts, (source, name, f"personal_{kind}", shown), sample[:80])
            answers = {rules[kind] for kind, _, _ in places}
            if "quarantine" in answers:
                kinds = ", ".join(sorted({kind for kind, _, _ in places}))
                return None, _setback(batch, place, f"{shown} holds personal data that is not planned: {kinds}.")
            if "drop" in answers:
                changed = _set(told, at, None, drop=True) or changed
            elif "mask" in answers:
                hidden = masked(text, [one for one in places if rules[one[0]] == "mask"])
                changed = _set(told, at, hidden, drop=False) or changed
        return (encoded(told) if changed else None), None

    def _refresh(self, conn: psycopg.Connection[Any]) -> None:
        with pg.cursor(conn) as cursor:
            state = cursor.execute(_STATE).fetchone()
            if state == self._state:
                return
            blocks = {
                source: {kind: answer for kind, answer in orjson.loads(told).items() if answer != "allow"}
                for source, told in cursor.execute(_BLOCKS).fetchall()
            }
            self._blocks = {source: told for source, told in blocks.items() if told}
            plan = cursor.execute(_PLAN).fetchall() if self._blocks else []
        self._planned = {name: frozenset(_paths(orjson.loads(schema))) for name, schema in plan}
        self._state = state


def _paths(schema: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The places that a schema names as properties, without the numbers of lists."""
    if not isinstance(schema, dict) or len(above) > 8:
        return []
    told: list[tuple[str, ...]] = []
    for key, inner in schema.get("properties", {}).items() if isinstance(schema.get("properties"), dict) else ():
        told += [(*above, key), *_paths(inner, (*above, key))]
    return told + _paths(schema.get("items"), above)


def _set(told: Any, at: tuple[str | int, ...], value: Any, *, drop: bool) -> bool:
    """Put a value there, or take it out (an element of a list becomes null)."""
    holder = told
    for part in at[:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else holder[part]
    if drop and isinstance(holder, dict):
        holder.pop(at[-1], None)
    else:
        holder[at[-1]] = value
    return True


def _setback(batch: Batch, place: int, told: str) -> Setback:
    return Setback(
        batch.source_ids[place], "personal_data", told, batch.message_ids[place], original(batch.items[place])
    )  # fmt: skip
