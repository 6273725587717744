"""Raw psycopg connections and packed parameters for set-based SQL.

psycopg's dumper of a Python list costs microseconds an element; packing the PostgreSQL binary array format ourselves
costs a twentieth of that, and the hot path sends whole batches as arrays. The format is that of `array_send` in
PostgreSQL's `arrayfuncs.c`: dimensions, has-null flag, element oid, length, lower bound, then (length, bytes) pairs.
"""

import json
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection as django_connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

Ints = Sequence[int] | npt.NDArray[Any]

_HEADER = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_EPOCH_2000_US = 946_684_800_000_000

_TIMESTAMPTZ = 1184
_INSTANTS = psycopg.adapters.get_loader(_TIMESTAMPTZ, Format.TEXT)
_decode = msgspec.json.Decoder().decode

# Plans with parallel workers would take the cores of the accept path; JIT never pays for statements this short.
_HOT_PATH = "-c max_parallel_workers_per_gather=0 -c jit=off"


class _Packed:
    """A binary parameter whose type is known from its class."""

    __slots__ = ("data",)
    oid = 0

    def __init__(self, data: bytes) -> None:
        self.data = data


class _Int8s(_Packed):
    oid = 1016


class _Int4s(_Packed):
    oid = 1007


class _Float8s(_Packed):
    oid = 1022


class _Bools(_Packed):
    oid = 1000


class _Texts(_Packed):
    oid = 1009


class _Jsonbs(_Packed):
    oid = 3807


class _Byteas(_Packed):
    oid = 1001


class _Timestamps(_Packed):
    oid = 1185


def _register(kind: type[_Packed]) -> None:
    class PackedDumper(Dumper):
        format = Format.BINARY
        oid = kind.oid

        def dump(self, obj: _Packed) -> Buffer:
            return obj.data

    psycopg.adapters.register_dumper(kind, PackedDumper)


for _kind in (_Int8s, _Int4s, _Float8s, _Bools, _Texts, _Jsonbs, _Byteas, _Timestamps):
    _register(_kind)


def _fixed(values: Any, element_oid: int, dtype: str) -> bytes:
    source = np.asarray(values, dtype=dtype)
    width = source.dtype.itemsize
    packed = np.empty(len(source), dtype=[("length", ">i4"), ("value", dtype)])
    packed["length"] = width
    packed["value"] = source
    return _HEADER.pack(1, 0, element_oid, len(source), 1) + packed.tobytes() if len(source) else _empty(element_oid)


def _empty(element_oid: int) -> bytes:
    return struct.pack(">iiI", 0, 0, element_oid)


def _variable(values: Iterable[str | bytes | None], element_oid: int, prefix: bytes = b"") -> bytes:
    parts: list[bytes] = []
    count = has_null = 0
    pack, add = _LENGTH.pack, parts.append
    for value in values:
        count += 1
        if value is None:
            has_null = 1
            add(_NULL)
            continue
        data = value.encode() if isinstance(value, str) else value
        add(pack(len(data) + len(prefix)))
        if prefix:
            add(prefix)
        add(data)
    if not count:
        return _empty(element_oid)
    return _HEADER.pack(1, has_null, element_oid, count, 1) + b"".join(parts)


def int8s(values: Ints) -> _Packed:
    """`bigint[]`."""
    return _Int8s(_fixed(values, 20, ">i8"))


def int4s(values: Ints) -> _Packed:
    """`integer[]`."""
    return _Int4s(_fixed(values, 23, ">i4"))


def float8s(values: Sequence[float] | npt.NDArray[Any]) -> _Packed:
    """`double precision[]`; NaN stays NaN, so send missing values by another column."""
    return _Float8s(_fixed(values, 701, ">f8"))


def bools(values: Sequence[bool] | npt.NDArray[Any]) -> _Packed:
    """`boolean[]`."""
    return _Bools(_fixed(values, 16, "u1"))


def texts(values: Iterable[str | bytes | None]) -> _Packed:
    """`text[]`; bytes are taken as UTF-8 already."""
    return _Texts(_variable(values, 25))


def jsonbs(values: Iterable[str | bytes | None]) -> _Packed:
    """`jsonb[]` from JSON documents as text or UTF-8 bytes (version byte 1 of `jsonb_recv`)."""
    return _Jsonbs(_variable(values, 3802, b"\x01"))


def byteas(values: Iterable[bytes | None]) -> _Packed:
    """`bytea[]`."""
    return _Byteas(_variable(values, 17))


def timestamps(micros: Ints) -> _Packed:
    """`timestamptz[]` from microseconds since 1970 (UTC)."""
    return _Timestamps(_fixed(np.asarray(micros, dtype=np.int64) - _EPOCH_2000_US, 1184, ">i8"))


def int8_array(data: Buffer | None) -> npt.NDArray[np.int64]:
    """The way back: one `bigint[]` column fetched in binary format, without a Python object an element."""
    if data is None or len(bytes(data)) < 20:
        return np.empty(0, dtype=np.int64)
    pairs = np.frombuffer(bytes(data), dtype=[("length", ">i4"), ("value", ">i8")], offset=20)
    return pairs["value"].astype(np.int64)


def connect(*, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """A raw connection to the product's database with the settings of the hot path. The caller closes it."""
    params = django_connection.get_connection_params()
    for django_only in ("cursor_factory", "context", "server_side_binding", "prepare_threshold"):
        params.pop(django_only, None)
    options = f"{params.pop('options', '') or ''} {_HOT_PATH}".strip()
    # Statements are few and fixed: prepare each at its first use.
    return psycopg.connect(
        **params, options=options, autocommit=autocommit, prepare_threshold=0, context=psycopg.adapters
    )


def try_lock(conn: psycopg.Connection[Any], space: int, number: int) -> bool:
    """Take an advisory lock of the session, or find that somebody has it. It goes with the session: a killed worker's
    is free."""
    found = conn.execute("select pg_try_advisory_lock(%s, %s)", (space, number)).fetchone()
    return bool(found and found[0])


def raw() -> psycopg.Connection[tuple[Any, ...]]:
    """The psycopg connection under Django's default one, for services called inside `transaction.atomic()`."""
    django_connection.ensure_connection()
    connection: psycopg.Connection[tuple[Any, ...]] = django_connection.connection
    return connection


def cursor(conn: psycopg.Connection[Any] | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
    """psycopg's own cursor, on Django's connection when none is given.

    Django's would write parameters into the text, where packed arrays must travel in binary; and it reads instants one
    by one in Python, where psycopg's compiled loader gives the same ones (the session's zone is UTC).
    """
    made = psycopg.Cursor(conn or raw())
    if _INSTANTS is not None:
        made.adapters.register_loader(_TIMESTAMPTZ, _INSTANTS)
    return made


def from_jsonb(text: str | None) -> Any:
    """The value of a `jsonb` column that was fetched as text. Whole numbers of any size keep their digits."""
    if text is None:
        return None
    try:
        return _decode(text)
    except msgspec.DecodeError:  # a number beyond any double, or deep nesting
        return json.loads(text)


_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_COPY_TRAILER = struct.pack(">h", -1)


def copy_binary(conn: psycopg.Connection[Any], statement: str, rows: Iterable[bytes]) -> None:
    """`COPY … FROM STDIN (FORMAT BINARY)` of rows already in the tuple format (field count, then length and bytes)."""
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_COPY_HEADER + b"".join(rows) + _COPY_TRAILER)
