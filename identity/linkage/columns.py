"""Records as columns of Arrow, the form in which whole bases are compared."""

from collections.abc import Iterable, Sequence

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
    "kin": _LIST,
    "surname": pa.string(),
    "birth_date": pa.string(),
    "born": pa.int32(),
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
    """The columns of a base with these further columns; NULL is missing, and `born` counts days for differences."""
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
    for single, several in (("email", "emails"), ("phone", "phones"), ("number", "numbers")):
        values = [getattr(record, several) for record in records]
        columns[single] = [held[0] if held else None for held in values]
        columns[several] = [_several(held) for held in values]
    columns["mailbox"] = [record.emails[0].partition("@")[0] if record.emails else None for record in records]
    columns["id"], columns["source"] = list(ids), [source] * len(ids)
    columns["key"] = list(keys) if keys is not None else [None] * len(ids)
    columns["born"] = [_born(record.birth_date) for record in records]
    columns |= _names(records)
    for name in others:
        columns[f"{OTHER}{name}"] = [record.other.get(name) for record in records]
    whole = schema(others)
    return pa.RecordBatch.from_pydict({name: columns[name] for name in whole.names}, schema=whole)


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


def _born(birth_date: str) -> int | None:
    """Days as if every month had 31 and a year 372: differences need no calendar, and a slip may be no real day."""
    return int(birth_date[:4]) * 372 + int(birth_date[4:6]) * 31 + int(birth_date[6:]) if birth_date else None
