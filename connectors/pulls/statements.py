"""The statements by which a table or query is read in order. Names are quoted by the dialect, values are parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connectors.pulls.origin import Start

if TYPE_CHECKING:
    import sqlalchemy as sa

_BEGINS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_COLON = re.compile(r"(?<!\\):")


def columns_of(text: Any) -> list[str]:
    """Names with commas between."""
    return [one.strip() for one in str(text or "").split(",") if one.strip()]


def problems(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of a table or query."""
    found = []
    table, query = str(settings.get("table") or ""), str(settings.get("query") or "")
    if bool(table) == bool(query):
        found.append("table: name a table, or write a query; one of them.")
    if query and (not _BEGINS.match(query) or ";" in query.strip().rstrip(";")):
        found.append("query: write one SELECT, without a semicolon in it.")
    cursor, key = str(settings.get("cursor") or "").strip(), columns_of(settings.get("key"))
    if not key:
        found.append("key: name the columns that tell rows apart.")
    if settings.get("mode", "incremental") == "incremental" and not cursor:
        found.append("cursor: name the column that grows with each change, or compare all rows.")
    if cursor in key or len(set(key)) < len(key):
        found.append("key: name each column once; the cursor is no part of the key.")
    return found


def order_of(settings: Mapping[str, Any]) -> list[str]:
    """The columns that make the order of reading: the cursor, if any, then the key."""
    cursor = str(settings.get("cursor") or "").strip() if settings.get("mode") != "full" else ""
    return [*([cursor] if cursor else []), *columns_of(settings.get("key"))]


def rows_after(settings: Mapping[str, Any], start: Start, *, most: int | None) -> sa.Select[Any]:
    """The rows after `start`, in order. Rows whose cursor is null have no place and are not read."""
    import sqlalchemy as sa

    order = order_of(settings)
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in order]
    statement: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(_from(settings)).order_by(*columns)
    has_cursor = len(order) > len(columns_of(settings.get("key")))
    if has_cursor:
        statement = statement.where(columns[0].is_not(None))
    if not start.fresh:
        values = ((start.cursor,) if has_cursor else ()) + start.key
        statement = statement.where(
            columns[0] >= _value(start.cursor) if start.inclusive else _after(columns, values)
        )  # fmt: skip
    return statement.limit(most) if most is not None else statement


def newest(settings: Mapping[str, Any]) -> sa.Select[Any] | None:
    """The greatest cursor."""
    import sqlalchemy as sa

    cursor = str(settings.get("cursor") or "").strip()
    if not cursor or settings.get("mode") == "full":
        return None
    return sa.select(sa.func.max(sa.column(cursor))).select_from(_from(settings))


def _from(settings: Mapping[str, Any]) -> Any:
    import sqlalchemy as sa

    query = str(settings.get("query") or "").strip().rstrip(";").rstrip()
    if query:
        # A colon would begin a parameter.
        return sa.text(f"({_COLON.sub(chr(92) + ':', query)}) pulled")
    schema, _, table = str(settings["table"]).strip().rpartition(".")
    return sa.table(table, schema=schema or None)


def _after(columns: Sequence[Any], values: Sequence[Any]) -> Any:
    """Greater in the order of all columns. Written so that an index on the first is used, by every database: not all
    compare rows of values as a whole."""
    import sqlalchemy as sa

    first, value = columns[0], values[0]
    if len(columns) == 1:
        return first > _value(value)
    return sa.and_(first >= _value(value), sa.or_(first > _value(value), _after(columns[1:], values[1:])))


def _value(value: Any) -> Any:
    import sqlalchemy as sa

    # Without a type the database takes the parameter as the column's own: no cast that would change it.
    return sa.bindparam(None, value, type_=sa.types.NullType(), unique=True)
