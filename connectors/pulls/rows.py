"""Rows as items, with ids by which a row counts once however often it is read. Pure but for the installation's key."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from common import clock, crypto
from connectors.imports.contracts import FileMapping
from connectors.imports.items import RowItems
from connectors.imports.mapping import IN_TRAITS, external_id
from connectors.pulls import values
from connectors.pulls.comparing import Seen
from connectors.pulls.origin import Row
from connectors.sources import wire
from connectors.sources.identity import usable
from events.contracts import Refusal
from identity.contracts import IdentifierKey
from identity.services import standardise

_SORTED = orjson.OPT_SORT_KEYS
_OWN = {"user_id": "userId", "anonymous_id": "anonymousId"}


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """Why something of a row is not stored, what it was, and its message id, if it got one."""

    refusal: Refusal
    raw: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One row: its items as they are stored, what of it is refused, and by what it is known again."""

    items: Sequence[bytes]
    refused: Sequence[RefusedItem]
    seen: Seen


class Judge:
    """Judges the rows of one run. `salt` makes ids those of this source, and of this run where rows have no cursor: a
    row that changes and changes back is told both times."""

    def __init__(self, mapping: FileMapping, header: Sequence[str], *, salt: str, keep_who: bool) -> None:
        self._items_of, self._header, self._salt, self._keep_who = RowItems(mapping, header), header, salt, keep_who

    def __call__(self, number: int, row: Row) -> Judged:
        key = _text(row.key)
        made, problems = self._items_of(number, row.cells)
        if not made:
            refusal = Refusal("bad_row", f"{problems[0].column}: {problems[0].reason}".removeprefix(": "))
            raw = orjson.dumps(dict(zip(self._header, map(str, row.cells), strict=True)))
            return Judged((), [RefusedItem(refusal, raw, "")], _seen(key, raw, None))
        contents = [orjson.dumps(one, option=_SORTED) for one in made]
        items: list[bytes] = []
        refused: list[RefusedItem] = []
        for one, content in zip(made, contents, strict=True):
            name = "pull-" + hashlib.blake2b(
                b"\0".join((content, key.encode(), _cursor(row).encode(), self._salt.encode())), digest_size=16
            ).hexdigest()  # fmt: skip
            raw = orjson.dumps(self._complete(one, row, name))
            verdict = wire.judge(raw, usable=usable)
            if isinstance(verdict, Refusal):
                refused.append(RefusedItem(verdict, raw, name))
            else:
                items.append(verdict[1])
        return Judged(items, refused, _seen(key, b"\n".join(contents), keys_of(made) if self._keep_who else None))

    def _complete(self, made: dict[str, Any], row: Row, name: str) -> dict[str, Any]:
        """An item without a time of its own happened when its row's cursor says."""
        at = None if "timestamp" in made else values.instant(row.cursor)
        return {**made, **({"timestamp": clock.iso(at)} if at else {}), "messageId": name}


def keys_of(items: Sequence[Mapping[str, Any]]) -> list[IdentifierKey]:
    """The identifiers of the items that a mapping made of one row, canonical."""
    return list(dict.fromkeys(key for item in items for key in _keys(item)))


def _keys(item: Mapping[str, Any]) -> list[IdentifierKey]:
    context = item.get("context") or {}
    traits = (item.get("traits") if item["type"] == "identify" else context.get("traits")) or {}
    pairs = [(kind, item.get(name)) for kind, name in _OWN.items()]
    pairs += [(kind, traits.get(kind)) for kind in IN_TRAITS]
    pairs += [(one["type"], one["id"]) for one in context.get("externalIds") or ()]
    found = [(kind, standardise(kind, value)) for kind, value in pairs if value is not None]
    return [IdentifierKey(kind, value) for kind, value in found if value is not None]


def gone_item(
    who: Sequence[IdentifierKey], *, event: str, key: bytes, salt: str, at: datetime | None = None
) -> bytes | None:
    """The event of a row that is gone, since `at` where that is known; None when nobody is known by what was kept."""
    made: dict[str, Any] = {"type": "track", "event": event, "context": {}}
    made |= {_OWN[kind]: value for kind, value in who if kind in _OWN}
    traits = {kind: value for kind, value in who if kind in IN_TRAITS}
    others = [external_id(kind, value) for kind, value in who if kind not in _OWN and kind not in IN_TRAITS]
    made["context"] |= {name: found for name, found in (("traits", traits), ("externalIds", others)) if found}
    if at is not None:
        made["timestamp"] = clock.iso(at)
    made["messageId"] = "pull-gone-" + hashlib.blake2b(key + salt.encode(), digest_size=16).hexdigest()
    verdict = wire.judge(orjson.dumps(made), usable=usable)
    return None if isinstance(verdict, Refusal) else verdict[1]


def _seen(key: str, content: bytes, who: Sequence[IdentifierKey] | None) -> Seen:
    return Seen(crypto.keyed_digest(key), crypto.keyed_digest(content.decode(errors="replace")), who)


def _text(key: Sequence[Any]) -> str:
    return orjson.dumps([values.encode(one) for one in key]).decode()


def _cursor(row: Row) -> str:
    return "" if row.cursor is None else values.encode(row.cursor)[1]
