"""Records as columns of Arrow, the form in which whole bases are compared."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from identity.linkage.cleaning import sound
from identity.linkage.fields import Record
from identity.linkage.levels import OTHER
from identity.linkage.tokens import given_names, surname_met

_LIST = pa.list_(pa.string())
# What stands between several names in one text; no name has it.
BETWEEN = "|"
# The texts of which a number tells the letters: two that have few in common are not alike, which a number tells sooner
# than any measure of edits.
LETTERED = ("given", "surname", "mailbox", "street", "city", "postcode")
# The bits of that number: which letters there are (several may share a bit), the first byte, and the last one's last.
LETTERS, FIRST, LAST = (1 << 48) - 1, 255 << 48, 127 << 56
_FIXED: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "source": pa.int16(),
    "key": pa.string(),
    "given": pa.string(),
    # Every name that one may be called by; what the given name may be short for; the other names. With `BETWEEN` them:
    # a text is brought to a pair for a fifth of what a list costs, and most are looked at no further.
    "kin": pa.string(),
    "formals": pa.string(),
    "others": pa.string(),
    # A bit for each of `kin`: two without a bit in common share no name, which a number tells sooner than texts.
    "kin_bits": pa.int64(),
    "surname": pa.string(),
    "birth_date": pa.string(),
    "birth_number": pa.int32(),
    "email": pa.string(),
    "mailbox": pa.string(),
    "phone": pa.string(),
    "number": pa.string(),
    # All of them where there is more than one, NULL where the one above says it all.
    "emails": _LIST,
    "phones": _LIST,
    "numbers": _LIST,
    "street": pa.string(),
    "house": pa.string(),
    "city": pa.string(),
    "postcode": pa.string(),
    "sex": pa.string(),
    # For blocking: how the names sound, and the name that may be a surname.
    "given_sounds": _LIST,
    "given_starts": _LIST,
    "surname_sound": pa.string(),
    "surname_met": pa.string(),
}
_FIXED |= {f"{name}_letters": pa.int64() for name in LETTERED}


def schema(others: Iterable[str]) -> pa.Schema:
    """The columns of a base with these further columns; NULL is missing, `birth_number` is the date as a number."""
    return pa.schema(_FIXED | {f"{OTHER}{name}": pa.string() for name in others})


def batch(
    ids: Sequence[int],
    source: int,
    records: Sequence[Record],
    others: Sequence[str] = (),
    keys: Sequence[str] | None = None,
) -> pa.RecordBatch:
    """Records under these ids as one batch of `schema`."""
    plain = ("given", "surname", "birth_date", "street", "house", "city", "postcode", "sex")
    columns: dict[str, list[object]] = {name: [getattr(r, name) or None for r in records] for name in plain}
    columns["kin"] = [_joined(record.kin) for record in records]
    columns["formals"] = [_joined(record.formals) for record in records]
    columns["kin_bits"] = [bits(record.kin) for record in records]
    columns["others"] = [BETWEEN.join(record.others) or None for record in records]
    for single, several in (("email", "emails"), ("phone", "phones"), ("number", "numbers")):
        values = [getattr(record, several) for record in records]
        columns[single] = [held[0] if held else None for held in values]
        columns[several] = [_several(held) for held in values]
    columns["mailbox"] = [record.emails[0].partition("@")[0] if record.emails else None for record in records]
    columns["id"], columns["source"] = list(ids), [source] * len(ids)
    columns["key"] = list(keys) if keys is not None else [None] * len(ids)
    columns["birth_number"] = [birth_number(record.birth_date) for record in records]
    columns |= _names(records)
    for name in others:
        columns[f"{OTHER}{name}"] = [record.other.get(name) for record in records]
    return assemble(columns, others)


def assemble(columns: Mapping[str, Sequence[object] | pa.Array], others: Sequence[str]) -> pa.RecordBatch:
    """Columns by name as one batch of `schema`; the letters are counted here."""
    whole = schema(others)
    texts = {name: pa.array(columns[name], pa.string()) for name in LETTERED}
    counted = {f"{name}_letters": letters(values) for name, values in texts.items()}
    found = {**columns, **texts, **counted}
    return pa.RecordBatch.from_pydict({name: found[name] for name in whole.names}, schema=whole)


def _bit_of_bytes() -> npt.NDArray[np.int64]:
    """A bit for each byte: one of their own for small letters and digits, which most texts are made of."""
    own = b"abcdefghijklmnopqrstuvwxyz0123456789"
    shared = range(len(own), LETTERS.bit_length())
    places = {byte: place for place, byte in enumerate(own)}
    return np.array([1 << places.get(byte, shared[byte % len(shared)]) for byte in range(256)], dtype=np.int64)


_BITS = _bit_of_bytes()
# The bit of a space, which some other bytes share.
SPACE = int(_BITS[ord(" ")])


def letters(texts: pa.Array) -> pa.Array:
    """Of each text the number with the bits `LETTERS`, `FIRST` and `LAST`; NULL of NULL."""
    _, offsets, held = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    # One byte more, without a bit: what is empty at the end begins there.
    text = np.append(np.frombuffer(held or b"", dtype=np.uint8)[: ends[-1]], np.uint8(0))
    bits = np.append(_BITS[text[:-1]], 0)
    some = np.bitwise_or.reduceat(bits, ends[:-1]) if len(texts) else np.empty(0, dtype=np.int64)
    first, last = text[ends[:-1]].astype(np.int64), text[ends[1:] - 1].astype(np.int64)
    numbers = some | first << (FIRST.bit_length() - 8) | (last & 127) << (LAST.bit_length() - 7)
    return pa.array(numbers, mask=np.diff(ends) == 0)


def letters_of(texts: Sequence[str]) -> list[int]:
    """The same numbers of a few texts, none of them empty."""
    return [int(one) for one in letters(pa.array(texts, pa.string())).to_pylist()]


@lru_cache(maxsize=200_000)
def bits(names: tuple[str, ...]) -> int | None:
    """A bit for each name; NULL for none."""
    return reduce(or_, (1 << zlib.crc32(name.encode()) % 62 for name in names)) if names else None


def _several(values: Sequence[str]) -> list[str] | None:
    return list(values) if len(values) > 1 else None


def _joined(values: Sequence[str]) -> str | None:
    return BETWEEN.join(values) if len(values) > 1 else None


def _names(records: Sequence[Record]) -> dict[str, list[object]]:
    givens = [given_names(record) for record in records]
    surnames = [surname_met(record) for record in records]
    return {
        "given_sounds": [list(dict.fromkeys(map(sound, names))) or None for names in givens],
        "given_starts": [list(dict.fromkeys(n[:3] for n in names if len(n) > 2)) or None for names in givens],
        "surname_sound": [sound(name) if len(name) > 1 else None for name in surnames],
        "surname_met": [name if len(name) > 1 else None for name in surnames],
    }


@lru_cache(maxsize=100_000)
def birth_number(birth_date: str) -> int | None:
    """A date as the number that its digits make."""
    return int(birth_date) if birth_date else None
