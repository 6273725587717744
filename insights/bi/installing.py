"""Making the schema `bi` and its role, or making them as they should be again: done twice, it is the same."""

import secrets
from datetime import datetime

import psycopg
from django.db import transaction
from psycopg import sql

from common import audit, pg
from insights.bi.views import SCHEMA, VIEWS, BiProblem

ROLE = "cdp_bi"
_CONNECTIONS = 10
_TIMEOUT = "5min"
_EXISTS = "select 1 from pg_roles where rolname = %s"
_MEMBER_OF = """
select g.rolname from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles r on r.oid = m.member
where r.rolname = %s
"""


@transaction.atomic
def install_bi(*, by: str, now: datetime, role: str = ROLE, new_password: bool = False) -> str:
    """Make the views anew, and a role that may read them and nothing else; what the role was granted besides is taken
    away. Answers its password when the role is new or was to have another one, else "". Raises BiProblem."""
    try:
        with psycopg.Cursor(pg.raw()) as cursor:
            _make_views(cursor)
            password = _make_role(cursor, role, new_password)
    except psycopg.errors.InsufficientPrivilege as error:
        raise BiProblem(
            f"The database user of the product may not do this: {error.diag.message_primary}. Have whoever runs the"
            " database give it CREATEROLE, and CREATE on the database; or run the command with CDP_DATABASE_URL of a"
            " user who has both."
        ) from None
    audit.record(
        actor=by, via="cli", action="insights.bi", object_type="bi", object_id=role, at=now,
        summary=f"Made the views and the role {role} for BI tools", after={"views": sorted(VIEWS)},
    )  # fmt: skip
    return password


def _make_views(cursor: psycopg.Cursor[tuple[object, ...]]) -> None:
    schema = sql.Identifier(SCHEMA)
    cursor.execute(sql.SQL("drop schema if exists {} cascade").format(schema))
    cursor.execute(sql.SQL("create schema {}").format(schema))
    for name, (what, text) in VIEWS.items():
        view = sql.Identifier(SCHEMA, name)
        cursor.execute(sql.SQL("create view {} as {}").format(view, sql.SQL(text)))
        cursor.execute(sql.SQL("comment on view {} is {}").format(view, sql.Literal(what)))


def _make_role(cursor: psycopg.Cursor[tuple[object, ...]], role: str, new_password: bool) -> str:
    named = sql.Identifier(role)
    there = cursor.execute(_EXISTS, [role]).fetchone() is not None
    password = "" if there and not new_password else secrets.token_urlsafe(24)
    if there:
        # Whatever it was granted or owns here is gone, and then granted as it should be.
        cursor.execute(sql.SQL("drop owned by {}").format(named))
        for (group,) in cursor.execute(_MEMBER_OF, [role]).fetchall():
            cursor.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(str(group)), named))
    else:
        cursor.execute(sql.SQL("create role {}").format(named))
    cursor.execute(
        sql.SQL("alter role {} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit {}")
        .format(named, sql.Literal(_CONNECTIONS))
    )  # fmt: skip
    if password:
        # Hashed here, so that the log of the server never holds it.
        hashed = pg.raw().pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        cursor.execute(sql.SQL("alter role {} password {}").format(named, sql.Literal(hashed)))
    for name, value in (
        ("default_transaction_read_only", "on"), ("statement_timeout", _TIMEOUT), ("search_path", SCHEMA),
    ):  # fmt: skip
        cursor.execute(
            sql.SQL("alter role {} set {} = {}").format(named, sql.Identifier(name), sql.Literal(value))
        )  # fmt: skip
    database = sql.Identifier(pg.raw().info.dbname)
    # Everybody may make temporary tables unless that is taken away; the product's own user keeps it as the owner.
    cursor.execute(sql.SQL("revoke temporary on database {} from public").format(database))
    cursor.execute(sql.SQL("grant connect on database {} to {}").format(database, named))
    cursor.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(SCHEMA), named))
    cursor.execute(sql.SQL("grant select on all tables in schema {} to {}").format(sql.Identifier(SCHEMA), named))
    return password
