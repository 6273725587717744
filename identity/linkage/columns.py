"""Records as columns of Arrow, the form in which whole bases are compared."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_

import pyarrow as pa

from identity.linkage.cleaning import sound
from identity.linkage.fields import Record
from identity.linkage.levels import OTHER
from identity.linkage.tokens import given_names, surname_met

_LIST = pa.list_(pa.string())
_FIXED: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "source": pa.int16(),
    "key": pa.string(),
    "given": pa.string(),
    # Every name that one may be called by; what the given name may be short for; the other names.
    "kin": _LIST,
    "formals": _LIST,
    "others": _LIST,
    # A bit for each of `kin`: two without a bit in common share no name, which a number tells sooner than lists.
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
    columns["kin"] = [_several(record.kin) for record in records]
    columns["formals"] = [_several(record.formals) for record in records]
    columns["kin_bits"] = [bits(record.kin) for record in records]
    columns["others"] = [list(record.others) or None for record in records]
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
    """Columns by name as one batch of `schema`."""
    whole = schema(others)
    return pa.RecordBatch.from_pydict({name: columns[name] for name in whole.names}, schema=whole)


@lru_cache(maxsize=200_000)
def bits(names: tuple[str, ...]) -> int | None:
    """A bit for each name; NULL for none."""
    return reduce(or_, (1 << zlib.crc32(name.encode()) % 62 for name in names)) if names else None


def _several(values: Sequence[str]) -> list[str] | None:
    return list(values) if len(values) > 1 else None


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
