"""Items that a door refused, or that could not be applied: whose they are decides whether the quarantine may keep them.

They did not come through the pipeline, and some cannot even be read. So each is looked at in two ways: as an item, as
far as it is one, and as a text in which a listed identifier stands anywhere.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson
import psycopg

import events.services as events
import identity.services as identity
from cdp.pipeline.collect import Collected, collect
from common import clock
from events.contracts import Item, Tallied
from identity.contracts import IdentifierKey, answer
from privacy import services as privacy

# What stands between quotes, and what stands between the marks of JSON, CSV and addresses.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TOKEN = re.compile(r"[^\s\"',;:=&?<>(){}\[\]|/\\]+")
_LONGEST = 1_000
# The parser of phone numbers takes its time, and no shorter number is one.
_LEAST_DIGITS = 7
_NOTHING = msgspec.Raw(b"null")
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_IDENTITY = ("userId", "anonymousId", "previousId")


def may_be_kept(conn: psycopg.Connection[Any], setbacks: Sequence[events.Setback]) -> list[events.Setback]:
    """Those in which no suppressed identifier stands, and whose person gave the consent that the source asks for; the
    others are counted at their source. Of what cannot be read nobody knows a consent.

    Two statements while no list and no source asks for more, and at most six whatever the number of items.
    """
    kinds = privacy.suppressed_kinds(conn)
    gates = privacy.consent_gates(conn)
    asked = [one for one in setbacks if one.source_id in gates]
    if not kinds and not asked:
        return list(setbacks)
    found = [_read(one) for one in setbacks]
    hidden = _hidden(conn, kinds, setbacks, found)
    lacking = _lacking(conn, gates, setbacks, found)
    suppressed = Counter(one.source_id for place, one in enumerate(setbacks) if place in hidden)
    unconsented = Counter(one.source_id for place, one in enumerate(setbacks) if place in lacking - hidden)
    events.tally(conn, {
        source: Tallied(suppressed=suppressed[source], unconsented=unconsented[source])
        for source in {*suppressed, *unconsented}
    }, now=clock.now())  # fmt: skip
    return [one for place, one in enumerate(setbacks) if place not in hidden | lacking]


def _hidden(
    conn: psycopg.Connection[Any], kinds: set[str], setbacks: Sequence[events.Setback],
    found: Sequence[Collected | None],
) -> set[int]:  # fmt: skip
    """The places of those that carry, or hold, a suppressed identifier."""
    if not kinds:
        return set()
    keys = [
        {*_anywhere(one.item, kinds), *(as_item.evidence.keys if as_item else ())}
        for one, as_item in zip(setbacks, found, strict=True)
    ]
    banned = privacy.suppressed_among(conn, list(set().union(*keys)))
    return {place for place, carried in enumerate(keys) if not banned.isdisjoint(carried)}


def _lacking(
    conn: psycopg.Connection[Any], gates: dict[int, str], setbacks: Sequence[events.Setback],
    found: Sequence[Collected | None],
) -> set[int]:  # fmt: skip
    """The places of those whose source asks for a consent that nobody told."""
    asked = [place for place, one in enumerate(setbacks) if one.source_id in gates]
    if not asked:
        return set()
    keys = {place: found[place].evidence.keys if found[place] else [] for place in asked}  # type: ignore[union-attr]
    said = identity.said_of(conn, list({key for some in keys.values() for key in some}), sorted(set(gates.values())))
    lacking = set()
    for place in asked:
        purpose = gates[setbacks[place].source_id]
        told = found[place].evidence.consents if found[place] else []  # type: ignore[union-attr]
        own = [identity.word_of(one) for one in told if one.purpose == purpose and not one.channel]
        known = [word for key in keys[place] for word in said.get((key, purpose), ())]
        if answer(own) is False or answer([*own, *known]) is not True:
            lacking.add(place)
    return lacking


def _read(setback: events.Setback) -> Collected | None:
    """What it tells when it is an item but for what it was refused for; None when it is none."""
    try:
        told = _decode(setback.item)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    fields: dict[str, Any] = {name: _plain(told[name]) for name in _IDENTITY if name in told}
    fields |= {name: told[name] for name in ("traits", "context") if bytes(told.get(name, b"")).startswith(b"{")}
    kind = _plain(told.get("type", _NOTHING))
    item = Item(type=kind if isinstance(kind, str) else "identify" if "traits" in fields else "track", **fields)
    batch = events.Batch(
        [item], [setback.source_id], [0], [clock.micros(clock.now())], [""], [setback.message_id], [None], [None],
        [b""], [bytes(item.context)], [None],
    )  # fmt: skip
    return collect(batch)


def _plain(raw: msgspec.Raw) -> str | int | float | None:
    """A text or number; anything else says nothing."""
    told = msgspec.json.decode(raw) if not bytes(raw).startswith((b"{", b"[")) else None
    return None if isinstance(told, bool) else told


def _anywhere(raw: bytes, kinds: set[str]) -> Iterator[IdentifierKey]:
    """What stands in it, as identifiers of each kind."""
    try:
        texts = set(_leaves(orjson.loads(raw)))
    except orjson.JSONDecodeError:
        told = raw.decode(errors="replace")
        texts = {told, *_QUOTED.findall(told)}
    for text in list(texts):
        texts.update(_TOKEN.findall(text))
    for text in texts:
        if not 0 < len(text) <= _LONGEST:
            continue
        for kind in kinds:
            if kind == "phone" and sum(map(str.isdigit, text)) < _LEAST_DIGITS:
                continue
            value = identity.standardise(kind, text)
            if value is not None:
                yield IdentifierKey(kind, value)


def _leaves(told: Any) -> Iterator[str]:
    """Every text and whole number of a JSON value, names included: a map may be keyed by identifiers."""
    waiting = [told]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, int) and not isinstance(one, bool):
            yield str(one)
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
