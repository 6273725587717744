"""Writing the log as Parquet files: one COPY read a piece at a time, so memory does not grow with the log.

The columns are what the as-of function reads of an event, by its own expressions, and no more: numbers of orders, what
they are worth, what was bought, whether it was a visit, what it told of device and place, and the properties that
declared features name, of the events they name them of. Whoever was erased is in neither people nor events, since both
are read as they are now, in one transaction.
"""

import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from common import audit, pg
from connectors import selectors as connectors
from insights.bulk.contracts import BadLog, LogView, is_log, keep_about
from insights.bulk.placing import put_in_place
from insights.contracts import OrderSetting
from insights.features.contracts import Feature, Property
from insights.features.dialect import Binder, Statement
from insights.features.interactions import with_parts
from insights.features.log import CONTEXT, MAIL, DatabaseLog, property_of
from insights.features.reading import chosen, declared, features
from insights.settings import setting

_OF_ORDERS = ("orders", "items", "categories")
_OF_ALL_EVENTS = ("recent", "visits", "latest")
_BLOCK = 4 << 20
# Rows of a row group, and row groups of a file: files are what Spark's tasks share among each other.
_GROUP, _GROUPS = 100_000, 10
_PEOPLE = "copy (select profile_id from identity_trait order by profile_id) to stdout (format csv)"


def export_log(
    folder: Path, *, names: Sequence[str] = (), by: str, now: datetime, conn: psycopg.Connection[Any] | None = None
) -> LogView:  # fmt: skip
    """Write everything that these features (else all of them) read to a folder, in the place of a log that is there.

    There is a whole log at every moment, the old one or the new one. It is read in one snapshot, or by `conn` as that
    sees it. Raises BadFeature for a feature that is not there, and BadLog for a folder that holds something else."""
    wanted = chosen(list(dict.fromkeys(names)) or list(features()))
    if folder.exists() and not is_log(folder) and any(folder.iterdir()):
        raise BadLog(f"{folder} is not empty and holds no log: choose another folder, or empty it.")
    read = with_parts(wanted)
    views = {name: one for name, one in declared().items() if any(name == other.name for other in read)}
    properties = tuple(dict.fromkeys(one for view in views.values() if (one := property_of(view))))
    orders = setting().orders
    statement, types = _statement(read, orders, properties, [view.event for view in views.values()])
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with _snapshot() if conn is None else nullcontext(conn) as conn:
        people = _write(conn, Statement(_PEOPLE, {}), {"profile_id": "int64"}, fresh / "people")
        events = _write(conn, statement, types, fresh / "events")
    view = LogView(now, orders, tuple(one.name for one in wanted), views, properties, people, events)
    keep_about(fresh, view)
    put_in_place(fresh, folder)
    audit.record(
        actor=by, via="cli", action="insights.log", object_type="log", object_id=str(folder), at=now,
        summary="Wrote the log as Parquet", after={"features": list(view.features), "people": people, "events": events},
    )  # fmt: skip
    return view


@contextmanager
def _snapshot() -> Iterator[psycopg.Connection[Any]]:
    with closing(pg.connect()) as conn, conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        yield conn


def _statement(
    wanted: Sequence[Feature], orders: OrderSetting, properties: Sequence[Property], counted: Sequence[str]
) -> tuple[Statement, dict[str, str]]:
    """The COPY of all events that these features look at, and the types of its columns."""
    binder = Binder()
    log = DatabaseLog(orders, binder, sorted(connectors.visited_sources()))
    relations = {one.relation for one in wanted}
    columns = {
        "profile_id": (log.person, "int64"), "name": ("e.name", "string"),
        "occurred_at": ("e.occurred_at at time zone 'UTC'", "instant"),
        "received_at": ("e.received_at at time zone 'UTC'", "instant"), "source_id": ("e.source_id", "int32"),
        "message_id": ("e.message_id", "string"),
    }  # fmt: skip
    named = {*counted, *(one.event for one in properties)} - {""}
    if relations & set(_OF_ORDERS):
        told = [one for one in (orders.order_event, orders.cancel_event, orders.refund_event) if one]
        named |= set(told)
        columns |= _of_orders(log, binder, told, with_items=bool(relations & {"items", "categories"}))
    if "mail" in relations:
        named |= set(MAIL)
    if relations & {"visits", "latest"}:
        columns["visit"] = (log.visit(), "bool")
    told_of_place = {name for one in wanted if one.relation == "latest" for name in CONTEXT if name in one.sql}
    for name in sorted(told_of_place):
        columns[name] = (f"case when {log.visit()} then {log.context(name)} end", "string")
    for place, one in enumerate(properties):
        only = f"case when e.name = {binder.bind(one.event, 'text')} then"
        columns[f"number_{place}"] = (f"{only} {log.number(one)} end", "float64")
        columns[f"text_{place}"] = (f"{only} {log.text(one)} end", "string")
    every = bool(relations & set(_OF_ALL_EVENTS))
    where = "" if every else f" where {binder.among('e.name', sorted(named), 'text')}"
    picked = ", ".join(f"{sql} as {name}" for name, (sql, _) in columns.items())
    text = f"copy (select {picked} from {log.events}{where}) to stdout (format csv)"
    return Statement(text, binder.values), {name: kind for name, (_, kind) in columns.items()}


def _of_orders(
    log: DatabaseLog, binder: Binder, told: Sequence[str], *, with_items: bool
) -> dict[str, tuple[str, str]]:
    among = f"case when {binder.among('e.name', told, 'text')} then"
    found = {
        "order_id": (f"{among} {log.order_id()} end", "string"), "micros": (f"{among} {log.micros()} end", "exact"),
    }  # fmt: skip
    if with_items:
        only = f"case when e.name = {binder.bind(told[0], 'text')} then"
        each = log.each_product("e.properties")
        listed = f"(select jsonb_agg(jsonb_build_array(product, category)) from ({each}) told)"
        found["items"] = (f"{only} {listed} end", "string")
    return found


def _write(conn: psycopg.Connection[Any], statement: Statement, types: dict[str, str], folder: Path) -> int:
    """The answer of a COPY as files of a folder; answers how many rows."""
    import pyarrow as pa  # only who writes files needs it
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    arrow = {
        "int64": pa.int64(), "int32": pa.int32(), "float64": pa.float64(), "string": pa.string(), "bool": pa.bool_(),
        "instant": pa.timestamp("us"), "exact": pa.decimal128(38, 0),
    }  # fmt: skip
    folder.mkdir()
    schema = pa.schema([
        (name, pa.timestamp("us", tz="UTC") if kind == "instant" else arrow[kind]) for name, kind in types.items()
    ])  # fmt: skip
    rows = 0
    with conn.cursor() as cursor, cursor.copy(statement.text, statement.params) as copy:
        batches: Any = iter(())
        source = io.BufferedReader(_Reader(copy), _BLOCK)
        if source.peek(1):
            batches = csv.open_csv(
                source,
                read_options=csv.ReadOptions(column_names=list(types), block_size=_BLOCK, use_threads=False),
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=csv.ConvertOptions(
                    column_types={name: arrow[kind] for name, kind in types.items()}, null_values=[""],
                    strings_can_be_null=True, quoted_strings_can_be_null=False, true_values=["t"], false_values=["f"],
                ),
            )  # fmt: skip
        for number, file in enumerate(_files(batches)):
            path = folder / f"part-{number:05}.parquet"
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for table in file:
                    writer.write_table(table.cast(schema))
                    rows += len(table)
        if not rows:
            pq.write_table(schema.empty_table(), folder / "part-00000.parquet")
    return rows


def _files(batches: Any) -> Iterator[Iterator[Any]]:
    """Batches put together to row groups, so many of them a file; each file is read to its end before the next."""
    groups = _groups(batches)
    for first in groups:
        yield _some(first, groups)


def _some(first: Any, groups: Iterator[Any]) -> Iterator[Any]:
    yield first
    for _, group in zip(range(_GROUPS - 1), groups, strict=False):
        yield group


def _groups(batches: Any) -> Iterator[Any]:
    import pyarrow as pa

    held, count = [], 0
    for batch in batches:
        held.append(batch)
        count += len(batch)
        if count >= _GROUP:
            yield pa.Table.from_batches(held)
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)


class _Reader(io.RawIOBase):
    """What a COPY gives, as a file that is read once from its begin to its end."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._copy = copy
        self._rest: memoryview[int] = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._rest:
            piece = self._copy.read()
            if not piece:
                return 0
            self._rest = memoryview(piece).cast("B")
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
