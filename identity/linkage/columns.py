"""Records as columns of Arrow, the form in which whole bases are compared."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from identity.linkage.fields import Record
from identity.linkage.levels import OTHER
from identity.linkage.tokens import kinds, tokens

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
    "emails": _LIST,
    "emails_more": pa.bool_(),
    "phones": _LIST,
    "phones_more": pa.bool_(),
    "numbers": _LIST,
    "numbers_more": pa.bool_(),
    "street": pa.string(),
    "house": pa.string(),
    "city": pa.string(),
    "postcode": pa.string(),
    "sex": pa.string(),
}
TOKEN_SCHEMA = pa.schema({"id": pa.int64(), "kind": pa.int32(), "value": pa.string()})


def schema(others: Iterable[str]) -> pa.Schema:
    """The columns of a base with these further columns; NULL is missing, and `born` counts days for differences."""
    return pa.schema(_FIXED | {f"{OTHER}{name}": pa.string() for name in others})


# Records, and their tokens.
Chunk = tuple[pa.RecordBatch, pa.RecordBatch]


def chunk(
    ids: Sequence[int],
    source: int,
    records: Sequence[Record],
    others: Sequence[str] = (),
    keys: Sequence[str] | None = None,
) -> Chunk:
    """Records of one source under these ids, and their blocking tokens; `keys` is how the source knows them."""
    return batch(ids, source, records, others, keys), token_batch(ids, records, others)


def batch(
    ids: Sequence[int],
    source: int,
    records: Sequence[Record],
    others: Sequence[str] = (),
    keys: Sequence[str] | None = None,
) -> pa.RecordBatch:
    """Records under these ids as one batch of `schema`."""
    plain = ("given", "surname", "birth_date", "street", "house", "city", "postcode", "sex")
    lists = ("kin", "emails", "phones", "numbers")
    columns: dict[str, list[object]] = {name: [getattr(r, name) or None for r in records] for name in plain + lists}
    columns["id"], columns["source"] = list(ids), [source] * len(ids)
    columns["key"] = list(keys) if keys is not None else [None] * len(ids)
    columns["born"] = [_born(record.birth_date) for record in records]
    for name in ("emails", "phones", "numbers"):
        columns[f"{name}_more"] = [True if len(getattr(record, name)) > 1 else None for record in records]
    for name in others:
        columns[f"{OTHER}{name}"] = [record.other.get(name) for record in records]
    whole = schema(others)
    return pa.RecordBatch.from_pydict({name: columns[name] for name in whole.names}, schema=whole)


def _born(birth_date: str) -> int | None:
    """Days as if every month had 31 and a year 372: differences need no calendar, and a slip may be no real day."""
    return int(birth_date[:4]) * 372 + int(birth_date[4:6]) * 31 + int(birth_date[6:]) if birth_date else None


def token_batch(ids: Sequence[int], records: Sequence[Record], others: Iterable[str]) -> pa.RecordBatch:
    """The blocking tokens of records under these ids, kinds by their number."""
    number = {kind: place for place, kind in enumerate(kinds(others))}
    rows = [
        (one, number[kind], value) for one, record in zip(ids, records, strict=True) for kind, value in tokens(record)
    ]
    if not rows:
        return pa.RecordBatch.from_pydict({name: [] for name in TOKEN_SCHEMA.names}, schema=TOKEN_SCHEMA)
    id_column, kind_column, values = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(id_column, pa.int64()), pa.array(kind_column, pa.int32()), pa.array(values, pa.string())],
        schema=TOKEN_SCHEMA,
    )
