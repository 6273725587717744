"""The stage of the pipeline: what comes is learned of, and held against the plan where a source asks for it.

Of each event of a batch some are looked at, evenly spaced, so that learning costs the same however many come; what was
learned is written at once by a fresh process and then every few seconds, with a batch or when nothing waits. A source
that lets everything in costs no more.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg

from common import pg
from events.services import Batch, Setback, original, quarantine
from quality.plan.observing import example, json_type, observe, pii_class
from quality.plan.schemas import Misfit, compiled, misfits, stripped

LOOK_AT = 20
WRITE_EVERY = timedelta(seconds=5)
_STATE = """
select coalesce((select max(id) from quality_planversion), 0),
       coalesce((select max(changed_at) from quality_enforcement), 'epoch')
"""
_PLAN = "select name, schema::text from quality_plannedevent where status = 'accepted'"
_RULES = (
    "select source_id, unplanned, invalid from quality_enforcement where unplanned <> 'allow' or invalid <> 'allow'"
)
_IGNORED = "select name from quality_plannedevent where status = 'ignored'"
_LEARN = """
insert into quality_observed as o (source_id, name, path, type, seen, first_at, last_at, example, pii)
select source_id, name, path, type, seen, %(now)s, %(now)s, example, pii
from unnest(%(sources)s, %(names)s, %(paths)s, %(types)s, %(seen)s, %(examples)s, %(pii)s)
    as n (source_id, name, path, type, seen, example, pii)
on conflict (name, source_id, path, type) do update set seen = o.seen + excluded.seen, last_at = excluded.last_at,
    example = excluded.example, pii = case when excluded.pii = '' then o.pii else excluded.pii end
"""
_COUNT = """
insert into quality_violation as v (source_id, name, kind, pointer, day, count, first_at, last_at, sample)
select source_id, name, kind, pointer, %(now)s::timestamptz::date, count, %(now)s, %(now)s, sample
from unnest(%(sources)s, %(names)s, %(kinds)s, %(pointers)s, %(counts)s, %(samples)s)
    as n (source_id, name, kind, pointer, count, sample)
on conflict (day, source_id, name, kind, pointer) do update set count = v.count + excluded.count,
    last_at = excluded.last_at, sample = excluded.sample
"""

_Rule = tuple[str, str]
_Seen = dict[tuple[int, str, str, str], list[Any]]
_Counts = dict[tuple[int, str, str, str], list[Any]]


@dataclass(slots=True)
class _Plan:
    """The plan and the rules of sources as they were read."""

    state: Any = None
    rules: Mapping[int, _Rule] = None  # type: ignore[assignment]
    validators: Mapping[str, Any] = None  # type: ignore[assignment]
    ignored: frozenset[str] = frozenset()


class PlanStage:
    """What a process remembers of the plan between batches. One a process."""

    def __init__(self) -> None:
        self._plan = _Plan()
        self._seen: _Seen = {}
        self._written_at: datetime | None = None

    def enforce(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> Batch:
        """The items that may go on, perhaps with fewer properties; the others are in the quarantine. One statement when
        no source asks for anything."""
        self._refresh(conn)
        concerned = [place for place, source in enumerate(batch.source_ids) if source in self._plan.rules]
        if not concerned:
            return batch
        counts: _Counts = {}
        gone: dict[int, Setback] = {}
        properties = list(batch.properties)
        for place in concerned:
            setback = self._judge(batch, place, properties, counts)
            if setback is not None:
                gone[place] = setback
        _write_counts(conn, counts, now=now)
        quarantine(conn, list(gone.values()), stage="plan", received_at=now)
        kept = replace(batch, properties=properties)
        return kept.only([place for place in range(len(batch)) if place not in gone]) if gone else kept

    def learn(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> None:
        """Look at some events of each name, and write what was learned when it is time."""
        places: dict[tuple[int, str], list[int]] = defaultdict(list)
        for place, key in enumerate(zip(batch.source_ids, batch.names, strict=True)):
            places[key].append(place)
        for (source, name), found in places.items():
            for place in found[:: max(1, len(found) // LOOK_AT)][:LOOK_AT]:
                self._look(source, name, batch.properties[place])
        self.write_when_due(conn, now=now)

    def write_when_due(self, conn: psycopg.Connection[Any], *, now: datetime) -> None:
        """Write what was learned since the last time, at most every few seconds. After a rollback it is gone: figures
        of a sample, no more."""
        if not self._seen or (self._written_at is not None and now - self._written_at < WRITE_EVERY):
            return
        seen, self._seen, self._written_at = self._seen, {}, now
        keys = sorted(seen)
        with pg.cursor(conn) as cursor:
            cursor.execute(_LEARN, {
                "now": now, "sources": pg.int4s([key[0] for key in keys]), "names": pg.texts(key[1] for key in keys),
                "paths": pg.texts(key[2] for key in keys), "types": pg.texts(key[3] for key in keys),
                "seen": pg.int8s([seen[key][0] for key in keys]), "examples": pg.texts(seen[key][1] for key in keys),
                "pii": pg.texts(seen[key][2] for key in keys),
            })  # fmt: skip

    def _look(self, source: int, name: str, properties: bytes) -> None:
        told = _object(properties)
        self._note((source, name[:500], "", "object"), "", "")
        for path, kind, value in observe(told):
            pii = pii_class(path, value)
            self._note((source, name[:500], path, kind), example(path, value, pii), pii)

    def _note(self, key: tuple[int, str, str, str], shown: str, pii: str) -> None:
        found = self._seen.get(key)
        if found is None:
            self._seen[key] = [1, shown, pii]
        else:
            found[0] += 1
            found[1] = shown
            found[2] = pii or found[2]

    def _judge(self, batch: Batch, place: int, properties: list[bytes], counts: _Counts) -> Setback | None:
        source, name = batch.source_ids[place], batch.names[place]
        unplanned, invalid = self._plan.rules[source]
        if name.startswith("$") or name in self._plan.ignored:
            return None
        validator = self._plan.validators.get(name)
        if validator is None:
            return _unplanned(batch, place, unplanned, counts)
        if invalid == "allow":
            return None
        told = _object(batch.properties[place])
        found = misfits(validator, told)
        if not found:
            return None
        for one in found:
            _count(counts, (source, name, one.kind, one.pointer), one.sample)
        if invalid == "strip":
            kept = stripped(told, found)
            properties[place] = orjson.dumps(kept)
            # What cannot be taken out (the validator does not tell the place of a nameless key) is not let in either.
            found = [one for one in misfits(validator, kept) if one.kind != "required"]
        if invalid == "quarantine" or (invalid == "strip" and found):
            return _setback(batch, place, "does_not_fit_plan", _sentence(found))
        return None

    def _refresh(self, conn: psycopg.Connection[Any]) -> None:
        with pg.cursor(conn) as cursor:
            state = cursor.execute(_STATE).fetchone()
            if state == self._plan.state:
                return
            rules = {row[0]: (row[1], row[2]) for row in cursor.execute(_RULES).fetchall()}
            plan = cursor.execute(_PLAN).fetchall() if rules else []
            ignored = frozenset(row[0] for row in cursor.execute(_IGNORED).fetchall()) if rules else frozenset()
        validators = {name: compiled(orjson.loads(schema)) for name, schema in plan}
        self._plan = _Plan(state, rules, validators, ignored)


def _unplanned(batch: Batch, place: int, rule: str, counts: _Counts) -> Setback | None:
    if rule == "allow":
        return None
    name = batch.names[place]
    _count(counts, (batch.source_ids[place], name, "unplanned", ""), "")
    told = f"The event “{name[:200]}” is not in the plan. Accept it there, or ignore it."
    return _setback(batch, place, "unplanned_event", told) if rule == "quarantine" else None


def _setback(batch: Batch, place: int, reason: str, told: str) -> Setback:
    return Setback(
        batch.source_ids[place], reason, told, batch.message_ids[place], original(batch.items[place])
    )  # fmt: skip


def _sentence(found: Sequence[Misfit]) -> str:
    told = [f"{one.pointer or '/'}: {_WORDS.get(one.kind, one.kind)}" for one in found[:5]]
    return "; ".join(told) + (f"; and {len(found) - 5} more" if len(found) > 5 else "") + "."


_WORDS = {
    "additionalProperties": "not in the plan", "required": "is missing", "type": "has another type",
    "enum": "is none of the values", "pattern": "has another form", "format": "has another form",
    "minimum": "is too small", "maximum": "is too large",
}  # fmt: skip


def _count(counts: _Counts, key: tuple[int, str, str, str], sample: str) -> None:
    found = counts.setdefault((key[0], key[1][:500], key[2], key[3][:500]), [0, ""])
    found[0] += 1
    found[1] = sample or found[1]


def _write_counts(conn: psycopg.Connection[Any], counts: _Counts, *, now: datetime) -> None:
    if not counts:
        return
    keys = sorted(counts)
    with pg.cursor(conn) as cursor:
        cursor.execute(_COUNT, {
            "now": now, "sources": pg.int4s([key[0] for key in keys]), "names": pg.texts(key[1] for key in keys),
            "kinds": pg.texts(key[2] for key in keys), "pointers": pg.texts(key[3] for key in keys),
            "counts": pg.int8s([counts[key][0] for key in keys]),
            "samples": pg.texts(counts[key][1].replace("\x00", "") for key in keys),
        })  # fmt: skip


def _object(raw: bytes) -> dict[str, Any]:
    if raw[:1] != b"{":
        return {}
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if json_type(found) == "object" else {}
