"""A PostgreSQL table that holds the members as they are now: one row a member, gone when they leave.

The table is made when it is not there (text columns); one of your own is used with its own types, as long as the key
columns are unique together. Each batch is one transaction of two statements, and writing it again changes nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from psycopg import errors, sql

from connectors.destinations import tables
from connectors.destinations.errors import DeliveryError, InvalidCredentials, InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kit import (
    Account,
    Delivered,
    Destination,
    Field,
    Outside,
    Payload,
    Verdict,
    apart,
)
from connectors.destinations.tables import Shape

_PAGE = 10_000
_STATEMENT_MS = 25_000


class KeepTable(tables.KeepTable):
    """Members of the segment are rows of a PostgreSQL table."""

    calls_per_second = 20.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        shape = Shape.of(outside.mapping)
        with _connected(outside, account) as connection, connection.transaction():
            _make_table(connection, shape)
            if entering:
                connection.execute(_upsert(shape), [_json(shape, entering)])
            if leaving:
                connection.execute(_delete(shape), [_json(shape, leaving)])
        return [Delivered() for _ in payloads]

    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        shape = Shape.of(outside.mapping)
        wanted = sql.SQL("select {} from {}").format(_texts(shape.key), sql.Identifier(*shape.table))
        with _connected(outside, account) as connection, connection.transaction():
            if not _is_there(connection, shape):
                return
            with psycopg.ServerCursor(connection, "cdp_read_back") as cursor:
                cursor.itersize = _PAGE
                for row in cursor.execute(wanted):
                    yield tables.named(row)


def _json(shape: Shape, payloads: Sequence[Payload]) -> str:
    return orjson.dumps([shape.values(payload) for payload in payloads]).decode()


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _texts(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names)


def _is_there(connection: psycopg.Connection[Any], shape: Shape) -> bool:
    name = sql.Identifier(*shape.table).as_string(connection)
    found = connection.execute("select to_regclass(%s)", [name]).fetchone()
    return bool(found and found[0] is not None)


def _make_table(connection: psycopg.Connection[Any], shape: Shape) -> None:
    if _is_there(connection, shape):
        return
    every = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in shape.columns)
    made = sql.SQL("create table {} ({}, primary key ({}))")
    connection.execute(made.format(sql.Identifier(*shape.table), every, _names(shape.key)))


def _upsert(shape: Shape) -> sql.Composed:
    """Read as rows of the very table, so that its own types are used; a repeat writes the same."""
    sets = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in shape.others)
    return sql.SQL(
        "insert into {table} ({columns}) select {columns} from jsonb_populate_recordset(null::{table}, %s::jsonb)"
        " on conflict ({key}) do {act}"
    ).format(
        table=sql.Identifier(*shape.table), columns=_names(shape.columns), key=_names(shape.key),
        act=sql.SQL("update set {}").format(sets) if shape.others else sql.SQL("nothing"),
    )  # fmt: skip


def _delete(shape: Shape) -> sql.Composed:
    same = sql.SQL(" and ").join(sql.SQL("t.{0} = r.{0}").format(sql.Identifier(name)) for name in shape.key)
    return sql.SQL(
        "delete from {table} t using jsonb_populate_recordset(null::{table}, %s::jsonb) r where {same}"
    ).format(table=sql.Identifier(*shape.table), same=same)


@contextmanager
def _connected(outside: Outside, account: Account) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the checked address. Raises DeliveryError, also for what goes wrong inside of the block."""
    settings = account.settings
    host, port = str(settings["host"]), int(settings.get("port") or 5432)
    mode = str(settings.get("sslmode") or "verify-full")
    address = outside.addresses(host, port, plain=mode == "disable")[0]
    try:
        with psycopg.connect(
            host=host, hostaddr=address, port=port, dbname=settings["database"], user=settings["user"],
            password=account.secrets["password"], sslmode=mode, sslrootcert="system" if mode == "verify-full" else None,
            connect_timeout=10, application_name="cdp", autocommit=True,
            options=f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_STATEMENT_MS}",
        ) as connection:  # fmt: skip
            yield connection
    except psycopg.Error as error:
        raise _meaning(error) from error


def _meaning(error: psycopg.Error) -> DeliveryError:
    """By the class of the SQLSTATE; the server's sentence may quote a row, so it is not told."""
    state = error.sqlstate or ""
    word = f"pg_{state or 'connection'}"
    if state.startswith("28"):
        return InvalidCredentials("The database refuses this user or password.", code=word)
    if isinstance(error, errors.InvalidColumnReference):
        return Misconfigured("The key columns of the table are not unique together.", code=word)
    if state[:2] in ("3D", "3F", "42"):
        return Misconfigured(f"The database does not take the statement ({type(error).__name__}).", code=word)
    if state[:2] in ("22", "23"):
        return InvalidPayload(f"The table does not take this row ({type(error).__name__}).", code=word)
    if not state and (told := _while_connecting(str(error))):
        return told
    return Temporary(f"The database could not be worked with ({type(error).__name__}).", code=word)


def _while_connecting(text: str) -> DeliveryError | None:
    """What libpq says of a connection that was not made: it gives words and no code."""
    if "certificate" in text.lower():
        return Misconfigured("The certificate of the database cannot be verified.", code="pg_certificate")
    if "authentication failed" in text or ('role "' in text and "does not exist" in text):
        return InvalidCredentials("The database refuses this user or password.", code="pg_28P01")
    if "does not exist" in text or "does not support SSL" in text:
        why = "There is no such database." if "does not exist" in text else "The database does not speak TLS."
        return Misconfigured(why, code="pg_connection")
    return None


def test(outside: Outside, account: Account) -> str:
    """Connect, and see whether a table can be made there."""
    with _connected(outside, account) as connection:
        row = connection.execute("select has_database_privilege(current_database(), 'create'), version()").fetchone()
    return f"Connected to {str(row[1]).partition(' on ')[0] if row else 'the database'}."


postgres = Destination(
    slug="postgres",
    label="PostgreSQL table",
    description="Members as rows of a table in your database or warehouse.",
    settings={
        "host": Field(label="Host", required=True),
        "port": Field(label="Port", type="integer", default=5432),
        "database": Field(label="Database", required=True),
        "user": Field(label="User", required=True),
        "password": Field(label="Password", required=True, secret=True),
        "sslmode": Field(
            label="Encryption", type="choice", default="verify-full",
            choices=(
                ("verify-full", "On, certificate verified"), ("require", "On, not verified"), ("disable", "Off"),
            ),
            help="Off is for hosts that the operator has listed.",
        ),
    },
    actions={KeepTable.slug: KeepTable()},
    test=test,
    api_version="PostgreSQL 13 or newer",
    verified="2026-11",
)  # fmt: skip
