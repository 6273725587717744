"""Tables and queries of SQL databases: by a cursor column, or all rows compared with the last time. One way for all
dialects: SQLAlchemy writes the statements, and rows are streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connectors.destinations.errors import Misconfigured
from connectors.destinations.kit import Account, Field, Outside
from connectors.pulls import statements
from connectors.pulls.dialects import Dialect
from connectors.pulls.origin import CHUNK, Chunk, Origin, Row, Start, number

if TYPE_CHECKING:
    import sqlalchemy as sa

_SECONDS, _MOST_SECONDS = 120, 3_600
_LOOK_BACK = 60
_READ: Mapping[str, Field] = {
    "table": Field(label="Table", default="", help="Such as shop.customers. Or leave it empty and write a query."),
    "query": Field(label="Query", type="text", default="", help="One SELECT; it may join and rename."),
    "mode": Field(
        label="Read", type="choice", default="incremental",
        choices=(
            ("incremental", "new rows, by a cursor"), ("full", "all rows, compared"),
        ),
    ),
    "cursor": Field(
        label="Cursor", default="",
        help="A column that grows with each change, such as updated_at. Rows in which it is null are not read.",
    ),
    "key": Field(label="Key", required=True, help="The columns that tell rows apart, with commas between."),
    "look_back": Field(
        label="Look back", type="integer", default=_LOOK_BACK,
        help="Seconds (or numbers) before the last cursor that are read again, for transactions that were committed "
        "late. Rows that were in already are known again.",
    ),
    "gone": Field(
        label="Rows that are gone", type="choice", default="nothing",
        choices=(("nothing", "change nothing"), ("event", "are told as an event")),
        help="Known only when all rows are compared.",
    ),
    "gone_event": Field(label="Event of rows that are gone", default="Row Deleted"),
    "seconds": Field(label="Longest statement, seconds", type="integer", default=_SECONDS),
}  # fmt: skip


class Database(Origin):
    """A table or query of one kind of database."""

    which = (
        "host", "port", "database", "account", "schema", "base_url", "table", "query", "mode", "cursor", "key",
    )  # fmt: skip

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.label, self.settings = dialect.label, {**dialect.settings, **_READ}  # type: ignore[misc]

    def name(self, settings: Mapping[str, Any]) -> str:
        what = settings.get("table") or "a query"
        return f"{what} of {settings.get('database')}"

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        found = [*statements.problems(settings), *self._dialect.problems(settings, secrets)]
        if not 1 <= number(settings, "seconds", _SECONDS) <= _MOST_SECONDS:
            found.append(f"seconds: choose between 1 and {_MOST_SECONDS}.")
        if number(settings, "look_back", _LOOK_BACK) < 0:
            found.append("look_back: choose 0 or more.")
        if settings.get("gone") == "event" and not str(settings.get("gone_event", "Row Deleted")).strip():
            found.append("gone_event: name the event.")
        return found

    def compares(self, settings: Mapping[str, Any]) -> bool:
        return settings.get("mode") == "full"

    def look_back(self, settings: Mapping[str, Any]) -> int:
        return 0 if self.compares(settings) else number(settings, "look_back", _LOOK_BACK)

    def test(self, outside: Outside, account: Account) -> str:
        for chunk in self.read(outside, account, Start(most=1)):
            return f"It answers. Rows have {len(chunk.header)} columns: {', '.join(chunk.header)[:500]}."
        return "It answers, and there is no row yet."

    def newest(self, outside: Outside, account: Account) -> Any:
        statement = statements.newest(account.settings)
        if statement is None:
            return None
        with self._dialect.connected(outside, account, seconds=_seconds(account)) as connection:
            return connection.execute(statement).scalar()

    def read(self, outside: Outside, account: Account, start: Start) -> Iterator[Chunk]:
        with self._dialect.connected(outside, account, seconds=_seconds(account)) as connection:
            while True:
                page, count = self._dialect.page if start.most is None else start.most, 0
                for chunk in self._page(connection, account.settings, start, page):
                    yield chunk
                    last, count = chunk.rows[-1], count + len(chunk.rows)
                    start = replace(start, cursor=last.cursor, key=last.key, inclusive=False)
                if page is None or count < page or start.most is not None:
                    return

    @staticmethod
    def _page(
        connection: sa.Connection, settings: Mapping[str, Any], start: Start, most: int | None
    ) -> Iterator[Chunk]:
        statement = statements.rows_after(settings, start, most=most)
        with connection.execution_options(stream_results=True, yield_per=CHUNK).execute(statement) as result:
            header = tuple(result.keys())
            placed = _Placed(header, settings, start)
            for part in result.partitions(CHUNK):
                yield Chunk(header, [placed(tuple(row)) for row in part])


class _Placed:
    """Rows with their places, each later than the one before."""

    def __init__(self, header: Sequence[str], settings: Mapping[str, Any], start: Start) -> None:
        if len(set(header)) < len(header):
            raise Misconfigured("Two columns have the same name: rename one in the query, with AS.", code="db_columns")
        key = statements.columns_of(settings.get("key"))
        order = statements.order_of(settings)
        try:
            self._key = [_find(header, name) for name in key]
            self._cursor = _find(header, order[0]) if len(order) > len(key) else None
        except LookupError as missing:
            raise Misconfigured(
                f"The rows have no column {missing.args[0]}; they have {', '.join(header)[:500]}.", code="db_columns"
            ) from missing
        self._last: Any = None if start.fresh or start.inclusive else (start.cursor, start.key)

    def __call__(self, cells: Sequence[Any]) -> Row:
        cursor = None if self._cursor is None else cells[self._cursor]
        row = Row([_cell(one) for one in cells], cursor, tuple(cells[place] for place in self._key))
        if None in row.key:
            raise Misconfigured("A row has no key: leave such rows out by a query, or choose another.", code="db_key")
        if (row.cursor, row.key) == self._last:
            raise Misconfigured("Two rows have the same key: name columns that are unique together.", code="db_key")
        self._last = (row.cursor, row.key)
        return row


def _find(header: Sequence[str], name: str) -> int:
    """Where the column is; databases fold the case of names in ways of their own."""
    if name in header:
        return header.index(name)
    folded = [one.lower() for one in header]
    if folded.count(name.lower()) != 1:
        raise LookupError(name)
    return folded.index(name.lower())


def _cell(value: Any) -> Any:
    """Bytes as hex digits; all else as it is."""
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else value


def _seconds(account: Account) -> int:
    return number(account.settings, "seconds", _SECONDS)
