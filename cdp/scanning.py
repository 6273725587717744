"""Looking for what should not be there: a value in every table, in Valkey, and in the files of the data folder.

Read-only. Compressed requests are unpacked; the database's own files are not read, as its tables are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from django.conf import settings

from common import pg
from events.services import inbox_bodies

_COLUMNS = """
select c.relname, a.attname, t.typname from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where c.relkind = 'r' and t.typname in ('text', 'varchar', 'bpchar', 'json', 'jsonb', 'bytea', '_text', '_varchar')
order by 1, 2
"""
# Files that other programs own: the database's and Valkey's, and what was handed over to somebody else.
_APART = ("postgres", "valkey", "drops")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A place that holds one of the values, and how often (rows, keys or files)."""

    place: str
    count: int


def scan(values: list[str]) -> list[Found]:
    """Where any of the values is to be found, upper and lower case alike. Whole installation; takes its time."""
    wanted = [value.lower() for value in values if value]
    found = [*_tables(wanted), *_inbox(wanted), *_valkey(wanted), *_files(wanted)]
    return [one for one in found if one.count]


def _tables(wanted: list[str]) -> Iterator[Found]:
    with pg.connect(autocommit=True) as conn:
        for table, column, kind in conn.execute(_COLUMNS).fetchall():
            yield Found(f"table {table}.{column}", _rows(conn, table, column, kind, wanted))


def _rows(conn: psycopg.Connection[Any], table: str, column: str, kind: str, wanted: list[str]) -> int:
    name, where = psycopg.sql.Identifier(column), psycopg.sql.Identifier(table)
    # An `escape` encoding keeps ASCII as it is, whatever else is in the bytes.
    text = psycopg.sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(name)
    query = psycopg.sql.SQL(
        "select count(*) from {} where exists (select from unnest(%s::text[]) v where strpos(lower({}), v) > 0)"
    ).format(where, text)
    row = conn.execute(query, [wanted]).fetchone()
    return int(row[0]) if row else 0


def _inbox(wanted: list[str]) -> Iterator[Found]:
    with pg.connect(autocommit=True) as conn:
        yield Found("inbox, unpacked", sum(_has(body, wanted) for body in inbox_bodies(conn)))


def _valkey(wanted: list[str]) -> Iterator[Found]:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        held = sum(_has(f"{key!r} {_held(broker, key)!r}", wanted) for key in broker.scan_iter(count=1000))
    yield Found("Valkey", held)


def _held(broker: Any, key: bytes) -> Any:
    read = {
        b"string": lambda: broker.get(key), b"hash": lambda: broker.hgetall(key), b"set": lambda: broker.smembers(key),
        b"list": lambda: broker.lrange(key, 0, -1), b"zset": lambda: broker.zrange(key, 0, -1, withscores=True),
        b"stream": lambda: broker.xrange(key),
    }.get(broker.type(key))  # fmt: skip
    return read() if read else None


def _files(wanted: list[str]) -> Iterator[Found]:
    for file in sorted(Path(settings.DATA_FOLDER).rglob("*")):
        inside = file.relative_to(settings.DATA_FOLDER)
        if file.is_file() and inside.parts[0] not in _APART:
            yield Found(f"file {inside}", int(_in_file(file, wanted)))


def _in_file(file: Path, wanted: list[str]) -> bool:
    overlap = max((len(value) for value in wanted), default=0) * 4
    kept = ""
    with file.open("rb") as opened:
        while piece := opened.read(_CHUNK):
            text = kept + piece.decode(errors="replace").lower()
            if _has(text, wanted):
                return True
            kept = text[-overlap:]
    return False


def _has(text: str, wanted: list[str]) -> bool:
    lowered = text.lower()
    return any(value in lowered for value in wanted)
