"""JSON that is opened no further than a rule asks: what no rule touches stays byte for byte what it was. Pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

MISSING: Final = object()
EVERY = "*"
_shallow = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_scalar = msgspec.json.Decoder().decode
_exact = msgspec.json.Decoder(float_hook=Decimal).decode
encoded = msgspec.json.Encoder(decimal_format="number").encode


class Document:
    """One object of an item. Keys are decoded when they are asked for; numbers inside of objects and lists keep all
    digits."""

    __slots__ = ("changed", "opened", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = _keys(raw)
        self.opened: dict[str, Any] = {}
        self.changed = False

    def bytes_of(self, key: str) -> bytes | None:
        """The bytes of a key as they are now; None when it is not there, or somebody looked inside."""
        return None if key in self.opened else self.raw.get(key)

    def get(self, parts: Sequence[str]) -> Any:
        """The value at a place, or MISSING."""
        found = self._open(parts[0]) if parts else MISSING
        for part in parts[1:]:
            found = _inside(found, part)
        return plain(found)

    def leaves(self, parts: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
        """(place, value) of everything that a pointer with `*` names and that is there."""
        value = self._open(parts[0])
        if value is not MISSING:
            yield from _leaves((parts[0],), value, parts[1:])

    def put(self, parts: Sequence[str], value: Any) -> bool:
        """Set the value at a place; MISSING takes it out (an element of a list becomes null). False when there is
        nothing that could hold it."""
        if len(parts) == 1:
            self.put_bytes(parts[0], None if value is MISSING else encoded(value))
            return True
        holder = self._open(parts[0])
        for part in parts[1:-1]:
            holder = _inside(holder, part)
        if isinstance(holder, dict):
            if value is MISSING:
                holder.pop(parts[-1], None)
            else:
                holder[parts[-1]] = value
        elif isinstance(holder, list) and parts[-1].isdecimal() and int(parts[-1]) < len(holder):
            holder[int(parts[-1])] = None if value is MISSING else value
        else:
            return False
        self.changed = True
        return True

    def put_bytes(self, key: str, raw: bytes | None) -> None:
        """Set a key to these bytes of JSON, or take it out."""
        self.opened.pop(key, None)
        if raw is None:
            self.raw.pop(key, None)
        else:
            self.raw[key] = raw
        self.changed = True

    def dump(self) -> bytes:
        """The object as JSON."""
        opened = self.opened
        return encoded({
            key: opened[key] if key in opened else msgspec.Raw(raw) for key, raw in self.raw.items()
        })  # fmt: skip

    def _open(self, key: str) -> Any:
        """The value of a key. Objects and lists are kept open, as somebody may write into them."""
        if key in self.opened:
            return self.opened[key]
        raw = self.bytes_of(key)
        if raw is None:
            return MISSING
        value = decoded(raw)
        if isinstance(value, dict | list):
            self.opened[key] = value
        return value


def _keys(raw: bytes) -> dict[str, bytes]:
    if raw[:1] != b"{":
        return {}
    try:
        return {key: bytes(value) for key, value in _shallow(raw).items()}
    except (msgspec.DecodeError, RecursionError):
        return {}


def decoded(raw: bytes) -> Any:
    """A value from its bytes; what no decoder takes (nesting beyond any use) is MISSING."""
    try:
        return _exact(raw) if raw[:1] in (b"{", b"[") else _scalar(raw)
    except (msgspec.DecodeError, RecursionError):
        return MISSING


def plain(value: Any) -> Any:
    """A value as readers know it."""
    return float(value) if isinstance(value, Decimal) else value


@lru_cache(maxsize=2_000)
def parts_of(pointer: str) -> tuple[str, ...]:
    """The parts of a JSON pointer (RFC 6901)."""
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:])


def pointer_of(parts: Sequence[str]) -> str:
    """The JSON pointer of these parts."""
    return "".join(f"/{one.replace('~', '~0').replace('/', '~1')}" for one in parts)


def _inside(found: Any, part: str) -> Any:
    if isinstance(found, dict):
        return found.get(part, MISSING)
    if isinstance(found, list) and part.isdecimal() and int(part) < len(found):
        return found[int(part)]
    return MISSING


def _leaves(place: tuple[str, ...], value: Any, rest: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not rest:
        yield place, plain(value)
    elif rest[0] == EVERY and isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves((*place, str(number)), one, rest[1:])
    elif (found := _inside(value, rest[0])) is not MISSING:
        yield from _leaves((*place, rest[0]), found, rest[1:])
