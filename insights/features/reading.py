"""Reading features: one statement, whoever asks."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from common import pg
from connectors import selectors as connectors
from insights.contracts import FeatureTable, NotPossible, OrderSetting
from insights.features.compile import compile_currencies, compile_features
from insights.features.contracts import BadFeature, DeclaredView, Feature
from insights.features.dialect import Statement
from insights.features.interactions import assembled
from insights.features.sentiment import sentiment
from insights.models import DeclaredFeature
from insights.settings import setting

_AT_ONCE = 50_000
_OF_VISITS = frozenset(("visits", "latest"))


def declared() -> dict[str, DeclaredView]:
    """The features that people here declared, by name."""
    return {row.name: declared_view(row) for row in DeclaredFeature.objects.order_by("name")}


def declared_view(row: DeclaredFeature) -> DeclaredView:
    """The contract of one row."""
    return DeclaredView(
        row.name, row.title, row.description, row.owner, row.measure, row.event, row.property, row.window_days,
        row.changed_by, row.changed_at, row.left, row.right,
    )  # fmt: skip


def features() -> dict[str, Feature]:
    """Every feature there is, by name: those of the product, then those of people here."""
    return assembled(declared())


def chosen(names: Sequence[str]) -> list[Feature]:
    """The features with these names. Raises BadFeature for one that is not there."""
    every = features()
    missing = [name for name in names if name not in every]
    if missing:
        raise BadFeature(f"{missing[0]}: there is no such feature. Known: {', '.join(every)}.")
    return [every[name] for name in names]


def features_of(
    names: Sequence[str], *, as_of: datetime, profiles: Collection[int] | None = None, buyers: bool = False,
    orders: OrderSetting | None = None, conn: psycopg.Connection[Any] | None = None,
) -> FeatureTable:  # fmt: skip
    """These features at an instant (exclusive): of some profiles, of everybody, or of whoever has an order.

    What happened or came at `as_of` or later is not looked at; who is who is as of now. Raises BadFeature.
    """
    wanted = chosen(names)
    statement = _statement(wanted, as_of=as_of, profiles=profiles, buyers=buyers, orders=orders)
    ids: list[Any] = []
    columns: list[list[Any]] = [[] for _ in wanted]
    for rows in _batches(statement, conn):
        for column, values in zip([ids, *columns], zip(*rows, strict=True), strict=True):
            column.append(np.array(values, dtype=np.int64) if column is ids else values)
    return FeatureTable(
        as_of,
        np.concatenate(ids) if ids else np.empty(0, dtype=np.int64),
        {one.name: _joined(one, parts) for one, parts in zip(wanted, columns, strict=True)},
    )


def feature_pieces(
    names: Sequence[str], *, as_of: datetime, orders: OrderSetting, buyers: bool = False, size: int = _AT_ONCE
) -> Iterator[FeatureTable]:  # fmt: skip
    """The same in pieces of so many people, in ascending order of id, by one statement whose rows wait in the database:
    memory does not grow with the base. Raises BadFeature."""
    wanted = chosen(names)
    statement = _statement(wanted, as_of=as_of, profiles=None, buyers=buyers, orders=orders)
    with closing(pg.connect()) as conn, psycopg.ServerCursor(conn, "features") as cursor:
        # All rows are read: a plan that is soon at the first of them is none.
        conn.execute("set local cursor_tuple_fraction = 1")
        cursor.execute(statement.text, statement.params, binary=True)
        while rows := cursor.fetchmany(size):
            ids, *columns = zip(*rows, strict=True)
            yield FeatureTable(
                as_of, np.array(ids, dtype=np.int64),
                {one.name: _joined(one, [values]) for one, values in zip(wanted, columns, strict=True)},
            )  # fmt: skip


def _statement(
    wanted: Sequence[Feature], *, as_of: datetime, profiles: Collection[int] | None, buyers: bool,
    orders: OrderSetting | None,
) -> Statement:  # fmt: skip
    return compile_features(
        wanted,
        declared=declared(),
        orders=orders or setting().orders,
        as_of=as_of,
        profiles=profiles,
        buyers=buyers,
        visited=connectors.visited_sources() if any(one.relations & _OF_VISITS for one in wanted) else (),
    )


def _batches(statement: Statement, conn: psycopg.Connection[Any] | None) -> Iterator[list[tuple[Any, ...]]]:
    with psycopg.Cursor(conn or pg.raw()) as cursor:
        cursor.execute(statement.text, statement.params, binary=True)
        while rows := cursor.fetchmany(_AT_ONCE):
            yield rows


def _joined(feature: Feature, parts: Sequence[Any]) -> Any:
    if feature.type == "text":
        return [value for part in parts for value in part]
    if feature.texts:
        return np.array([sentiment(value or ()) for part in parts for value in part], dtype=np.float64)
    return np.concatenate([np.array(part, dtype=np.float64) for part in parts]) if parts else np.empty(0)


def expect_one_currency(*, orders: OrderSetting, as_of: datetime, conn: psycopg.Connection[Any] | None = None) -> str:
    """The currency of all orders, or "" when they name none. Raises NotPossible when there are several: sums of them
    say nothing."""
    if not orders.currency:
        return ""
    statement = compile_currencies(orders=orders, as_of=as_of)
    with psycopg.Cursor(conn or pg.raw()) as cursor:
        found = sorted(row[0] for row in cursor.execute(statement.text, statement.params).fetchall() if row[0])
    if len(found) > 1:
        raise NotPossible(
            f"Orders come in several currencies ({', '.join(found)}), and their sum says nothing. Have the source send"
            " one property with the value in one currency, and name it as the amount under Insights, Orders."
        )
    return found[0] if found else ""
