"""The role for BI tools, with a connection of its own: it reads the views, and nothing else."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from psycopg import sql

from common import pg
from insights.bi.views import VIEWS
from tests.insights.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)
ROLE = "cdp_bi_of_tests"


@pytest.fixture
def told(sender: Sender) -> Iterator[str]:
    sender.send(sender.identify("ann@example.org", name="Ann"), sender.order("u1", "2026-01-05T12:00:00Z", 10))
    yield _install()
    with psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute("drop schema bi cascade")
        cursor.execute(sql.SQL("drop owned by {}").format(sql.Identifier(ROLE)))
        cursor.execute(sql.SQL("drop role {}").format(sql.Identifier(ROLE)))


def _install(*more: str) -> str:
    out = StringIO()
    call_command("bi_role", "--role", ROLE, *more, stdout=out)
    return out.getvalue()


def _password(told: str) -> str:
    return next(line.split()[1] for line in told.splitlines() if line.startswith("password"))


def _connect(password: str) -> psycopg.Connection[Any]:
    info = pg.raw().info
    return psycopg.connect(
        host=info.host, port=info.port, dbname=info.dbname, user=ROLE, password=password, autocommit=True
    )  # fmt: skip


def _refused(conn: psycopg.Connection[Any], statement: Any) -> bool:
    try:
        conn.execute(statement)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
        return True
    return False


def test_it_reads_every_view_and_nothing_else(told: str) -> None:
    with psycopg.Cursor(pg.raw()) as cursor:
        others = cursor.execute(
            "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'p', 'v', 'm', 'S') and n.nspname = 'public'"
        ).fetchall()
    with _connect(_password(told)) as conn:
        for view in VIEWS:
            conn.execute(sql.SQL("select * from {}").format(sql.Identifier(view)))
        assert len(others) > 80
        open_to_it = [name for name in others if not _refused(
            conn, sql.SQL("select 1 from {} limit 1").format(sql.Identifier(*name)))]  # fmt: skip
        assert open_to_it == []
        conn.execute("set default_transaction_read_only = off")
        for statement in (
            "create table mine (a int)", "create temporary table mine (a int)", "create table bi.mine (a int)",
            "delete from bi.profiles", "update bi.sources set name = 'mine'", "create role mine",
            "copy (select 1) to program 'true'", "select pg_read_file('/etc/passwd')",
            "select lo_import('/etc/passwd')",
            "drop view bi.profiles",
        ):  # fmt: skip
            assert _refused(conn, sql.SQL(statement)), statement  # type: ignore[arg-type]


def test_no_view_shows_who_somebody_is(told: str) -> None:
    with _connect(_password(told)) as conn:
        shown = [conn.execute(sql.SQL("select * from {}").format(sql.Identifier(view))).fetchall() for view in VIEWS]
        assert len(shown[0]) == 2
        assert "nn@example" not in str(shown)
        assert "Ann" not in str(shown)
        names = {row[5] for row in conn.execute("select * from events").fetchall()}
        assert names == {"$identify", "Order Completed"}


def test_refreshing_takes_away_what_was_granted_besides_and_keeps_the_password(told: str) -> None:
    with psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute(sql.SQL("grant select on identity_profile to {}").format(sql.Identifier(ROLE)))
        cursor.execute(sql.SQL("grant pg_read_all_data to {}").format(sql.Identifier(ROLE)))
        cursor.execute(sql.SQL("alter role {} createdb").format(sql.Identifier(ROLE)))
    with _connect(_password(told)) as conn:
        assert not _refused(conn, sql.SQL("select 1 from public.identity_profile"))
    assert "as it was" in _install()
    with _connect(_password(told)) as conn:
        assert _refused(conn, sql.SQL("select 1 from public.identity_profile"))
        assert _refused(conn, sql.SQL("create database mine"))
        conn.execute("select * from profiles")
    another = _install("--new-password")
    with pytest.raises(psycopg.OperationalError):
        _connect(_password(told))
    _connect(_password(another)).close()
