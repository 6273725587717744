"""From the fresh events of a batch to entries: which measures they add to, and how much. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from segments.contracts import Activity
from segments.entries import Entries, Ints, Kinds, merge
from segments.plan import Counter, Plan
from segments.rules import Where
from segments.values import matches, micros_of_amount, number, read_json, value_hash
from segments.windows import MINUTE_US

_LAST_MINUTE = 2**32 - 1


def count_events(plan: Plan, activity: Activity) -> tuple[Entries, Ints]:
    """The entries of the batch, owned by identifier and merged, and the index of every event that a rule reads."""
    known = plan.codes
    codes = np.fromiter((known.get(name, -1) for name in activity.names), dtype=np.int64, count=len(activity.names))
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(plan.names) + 1))
    parts: list[tuple[Ints, int, Ints | None]] = []
    for code, name in enumerate(plan.names):
        events = order[edges[code] : edges[code + 1]]
        if len(events):
            parts.extend(_parts(events, plan.counters[name], activity.properties))
    return _entries(parts, activity, plan.kinds), order[edges[0] :]


def _parts(
    events: Ints, counters: Sequence[Counter], properties: Sequence[bytes | str | None]
) -> list[tuple[Ints, int, Ints | None]]:
    """For each counter of one event name: the events it counts, and the millionths that they add."""
    parsed = None if all(counter.plain for counter in counters) else [_parsed(properties[i]) for i in events.tolist()]
    parts: list[tuple[Ints, int, Ints | None]] = []
    for counter in counters:
        chosen, values = events, parsed
        if counter.where and parsed is not None:
            met = [meets(counter.where, one) for one in parsed]
            chosen = events[np.array(met, dtype=np.bool_)]
            values = [one for one, yes in zip(parsed, met, strict=True) if yes]
        sums = None
        if counter.sum_property is not None and values is not None:
            sums = np.array([_kept(one, counter) for one in values], dtype=np.int64)
        if len(chosen):
            parts.append((chosen, counter.measure_id, sums))
    return parts


def meets(where: Where, properties: dict[str, Any]) -> bool:
    """Whether an event with these properties passes every filter."""
    return all(matches(one.op, one.value, properties.get(one.property)) for one in where)


def _kept(properties: dict[str, Any], counter: Counter) -> int:
    """The amount in millionths, or the hash of the value: those without one were filtered out."""
    value = properties.get(counter.sum_property or "")
    return value_hash(value) or 0 if counter.by_value else micros_of_amount(number(value))


def _parsed(properties: bytes | str | None) -> dict[str, Any]:
    if not properties:
        return {}
    found = read_json(properties)
    return found if isinstance(found, dict) else {}


def _entries(parts: list[tuple[Ints, int, Ints | None]], activity: Activity, kinds: Kinds) -> Entries:
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return Entries(nothing, nothing, nothing, nothing, nothing)
    events = np.concatenate([part[0] for part in parts])
    sizes = [len(part[0]) for part in parts]
    measure = np.repeat(np.array([part[1] for part in parts], dtype=np.int64), sizes)
    zeros = np.zeros(max(sizes), dtype=np.int64)
    micros = np.concatenate([zeros[: len(one)] if sums is None else sums for one, _, sums in parts])
    minute = np.clip(np.asarray(activity.at_us, dtype=np.int64)[events] // MINUTE_US, 0, _LAST_MINUTE)
    owner = np.asarray(activity.identifier_ids, dtype=np.int64)[events]
    return merge(Entries(owner, measure, minute, np.ones(len(events), dtype=np.int64), micros), kinds)
