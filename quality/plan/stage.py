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
from quality.plan.counting import Counts, count, write_counts
from quality.plan.observing import MORE, example, json_type, observe, pii_class
from quality.plan.schemas import Misfit, compiled, misfits, stripped

LOOK_AT = 20
_EMPTY: tuple[Any, ...] = (None, "", [], {})
WRITE_EVERY = timedelta(seconds=5)
_STATE = """
select coalesce((select max(id) from quality_planversion), 0),
       coalesce((select max(changed_at) from quality_enforcement), 'epoch')
"""
_PLAN = "select name, schema::text from quality_plannedevent where status = 'accepted'"
_VERSIONS = """
select distinct on (v.name, v.version) v.name, v.version, v.schema::text from quality_planversion v
join quality_plannedevent e on e.name = v.name and e.status = 'accepted'
where v.status = 'accepted' order by v.name, v.version, v.id desc
"""
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

_FILL = """
insert into quality_dayfill as f (day, source_id, name, path, count)
select %(now)s::timestamptz::date, source_id, name, path, count
from unnest(%(sources)s, %(names)s, %(paths)s, %(counts)s) as n (source_id, name, path, count)
on conflict (name, source_id, day, path) do update set count = f.count + excluded.count
"""

_Rule = tuple[str, str]
_Seen = dict[tuple[int, str, str, str], list[Any]]


@dataclass(slots=True)
class _Plan:
    """The plan and the rules of sources as they were read."""

    state: Any = None
    rules: Mapping[int, _Rule] = None  # type: ignore[assignment]
    validators: Mapping[str, Any] = None  # type: ignore[assignment]
    ignored: frozenset[str] = frozenset()
    # Earlier versions as text; each is compiled when somebody sends it.
    versions: Mapping[tuple[str, str], str] = None  # type: ignore[assignment]
    chosen: dict[tuple[str, str], Any] = None  # type: ignore[assignment]


class PlanStage:
    """What a process remembers of the plan between batches. One a process."""

    def __init__(self) -> None:
        self._plan = _Plan()
        self._seen: _Seen = {}
        self._written_at: datetime | None = None
        # Of the last batch: the events (source, name) that were judged, and the messages (source, id) that do not fit.
        self.judged: set[tuple[int, str]] = set()
        self.faulty: set[tuple[int, str]] = set()
        # Of the last batch: the items that are in the quarantine now.
        self.aside = Batch()

    def enforce(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> Batch:
        """The items that may go on, perhaps with fewer properties; the others are in the quarantine. One statement when
        no source asks for anything."""
        self._refresh(conn)
        self.judged, self.faulty, self.aside = set(), set(), Batch()
        concerned = [place for place, source in enumerate(batch.source_ids) if source in self._plan.rules]
        if not concerned:
            return batch
        counts: Counts = {}
        gone: dict[int, Setback] = {}
        properties = list(batch.properties)
        for place in concerned:
            setback = self._judge(batch, place, properties, counts)
            if setback is not None:
                gone[place] = setback
        write_counts(conn, counts, now=now)
        quarantine(conn, list(gone.values()), stage="plan", received_at=now)
        self.aside = batch.only(list(gone))
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
        _write_fill(conn, seen, now=now)

    def _look(self, source: int, name: str, properties: bytes) -> None:
        told = _object(properties)
        self._note((source, name[:500], "", "object"), "", "")
        for path, kind, value in observe(told):
            pii = pii_class(path, value)
            self._note((source, name[:500], path, kind), example(path, value, pii), pii, empty=value in _EMPTY)

    def _note(self, key: tuple[int, str, str, str], shown: str, pii: str, *, empty: bool = False) -> None:
        found = self._seen.get(key)
        if found is None:
            self._seen[key] = [1, shown, pii, empty]
        else:
            found[0] += 1
            found[3] += empty
            found[1] = shown
            found[2] = pii or found[2]

    def _judge(self, batch: Batch, place: int, properties: list[bytes], counts: Counts) -> Setback | None:
        source, name = batch.source_ids[place], batch.names[place]
        unplanned, invalid = self._plan.rules[source]
        if name.startswith("$") or name in self._plan.ignored:
            return None
        validator = self._plan.validators.get(name)
        rule = unplanned if validator is None else invalid
        if rule == "allow":
            return None
        self.judged.add((source, name))
        validator, strange = self._chosen(name, batch.contexts[place], validator)
        found = [*strange, *_misfits(validator, batch.properties[place])]
        if not found:
            return None
        self.faulty.add((source, batch.message_ids[place]))
        return self._answer(batch, place, rule, found, validator, properties, counts)

    def _chosen(self, name: str, context: bytes, validator: Any) -> tuple[Any, list[Misfit]]:
        """The version of the schema that the sender chose (`context.protocols.event_version`, as Segment's Protocols
        has it: https://segment.com/docs/protocols/tracking-plan/create/); the newest when he chose none, or one that
        there is not, which is told."""
        wanted = _version(context) if validator is not None and b'"event_version"' in context else ""
        if not wanted:
            return validator, []
        schema = self._plan.versions.get((name, wanted))
        if schema is None:
            return validator, [Misfit("version", "", wanted)]
        found = self._plan.chosen.get((name, wanted))
        if found is None:
            found = self._plan.chosen[name, wanted] = compiled(orjson.loads(schema))
        return found, []

    def _answer(
        self, batch: Batch, place: int, rule: str, found: list[Misfit], validator: Any, properties: list[bytes],
        counts: Counts,
    ) -> Setback | None:  # fmt: skip
        """Count what does not fit, and do with it what the rule says."""
        name = batch.names[place]
        for one in found:
            count(counts, (batch.source_ids[place], name, one.kind, one.pointer), one.sample)
        if validator is None:
            told = f"The event “{name[:200]}” is not in the plan. Accept it there, or ignore it."
            return _setback(batch, place, "unplanned_event", told) if rule == "quarantine" else None
        # There is nothing to take out of an item that fits but for its version.
        found = [one for one in found if one.kind != "version" or rule == "quarantine"]
        if rule == "strip":
            kept = stripped(_object(batch.properties[place]), found)
            properties[place] = orjson.dumps(kept)
            # What cannot be taken out (the validator does not tell the place of a nameless key) is not let in either.
            found = [one for one in misfits(validator, kept) if one.kind != "required"]
        if rule == "quarantine" or (rule == "strip" and found):
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
            versions = cursor.execute(_VERSIONS).fetchall() if rules else []
        validators = {name: compiled(orjson.loads(schema)) for name, schema in plan}
        told = {(name, str(version)): schema for name, version, schema in versions}
        self._plan = _Plan(state, rules, validators, ignored, told, {})


def _version(context: bytes) -> str:
    """The version that the sender chose; `v2` and 2.0 are 2."""
    protocols = _object(context).get("protocols")
    told = protocols.get("event_version") if isinstance(protocols, dict) else None
    if isinstance(told, bool) or not isinstance(told, str | int | float):
        return ""
    text = str(told).strip().lower().removeprefix("v")
    return text[:20].removesuffix(".0.0").removesuffix(".0")


def _misfits(validator: Any, properties: bytes) -> list[Misfit]:
    """What does not fit: an event that is not planned, or what its schema does not take."""
    return [Misfit("unplanned", "", "")] if validator is None else misfits(validator, _object(properties))


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
    "version": "the version that was chosen is not in the plan", "minimum": "is too small", "maximum": "is too large",
}  # fmt: skip


def _write_fill(conn: psycopg.Connection[Any], seen: _Seen, *, now: datetime) -> None:
    """How many events were looked at, and how often each property was there with something in it."""
    counts: dict[tuple[int, str, str], int] = defaultdict(int)
    for (source, name, path, kind), told in seen.items():
        if kind != MORE:
            counts[source, name, path] += told[0] - told[3]
    keys = sorted(counts)
    with pg.cursor(conn) as cursor:
        cursor.execute(_FILL, {
            "now": now, "sources": pg.int4s([key[0] for key in keys]), "names": pg.texts(key[1] for key in keys),
            "paths": pg.texts(key[2] for key in keys), "counts": pg.int8s([counts[key] for key in keys]),
        })  # fmt: skip


def _object(raw: bytes) -> dict[str, Any]:
    if raw[:1] != b"{":
        return {}
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if json_type(found) == "object" else {}
