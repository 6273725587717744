"""MySQL and MariaDB by PyMySQL, an extra: `pip install '.[mysql]'`."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured, Temporary
from connectors.destinations.kit import Account, Field, Outside
from connectors.pulls.dialects import (
    CONNECT_SECONDS,
    DATABASE,
    HOST,
    PASSWORD,
    TLS_HELP,
    USER,
    Dialect,
    sentence,
    too_slow,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html,
# https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
_NO_ACCESS, _NO_GRANT = (1044, 1045, 1698), (1142, 1143, 1370)
_TOO_LONG, _WRONG = (1317, 1969, 3024), (1046, 1049, 1054, 1064, 1146, 1792, 1290, 1060, 1248)


class MySql(Dialect):
    """MySQL 5.7.8 or newer, MariaDB 10.1 or newer."""

    label = "MySQL, MariaDB"
    settings = {
        "host": HOST, "port": Field(label="Port", type="integer", default=3306), "database": DATABASE, "user": USER,
        "password": PASSWORD,
        "tls": Field(
            label="Encryption", type="choice", default="verify", help=TLS_HELP,
            choices=(("verify", "On, certificate verified"), ("on", "On, not verified"), ("off", "Off")),
        ),
    }  # fmt: skip
    # A client that ends early would have to read all that is left of a result.
    page = 50_000

    def engine(self, outside: Outside, account: Account, *, seconds: int) -> sa.Engine:
        import sqlalchemy as sa
        from sqlalchemy.pool import NullPool

        try:
            import pymysql  # an extra
        except ImportError as error:
            raise Misconfigured("PyMySQL is not installed here: pip install '.[mysql]'.") from error
        settings = account.settings
        host, port, mode = str(settings["host"]), int(settings.get("port") or 3306), str(settings.get("tls", "verify"))
        address = outside.addresses(host, port, plain=mode == "off")[0]

        def connect() -> Any:
            connection = pymysql.connect(
                host=host, port=port, user=settings["user"], password=account.secrets["password"],
                database=settings["database"], charset="utf8mb4", ssl=_context(mode), read_timeout=seconds + 5,
                write_timeout=seconds + 5, connect_timeout=CONNECT_SECONDS, defer_connect=True,
            )  # fmt: skip
            # The address that was checked is connected to; the certificate is held against the name.
            connection.connect(socket.create_connection((address, port), timeout=CONNECT_SECONDS))
            with connection.cursor() as cursor:
                cursor.execute(_timeout(connection.get_server_info(), seconds))
                cursor.execute("set session time_zone = '+00:00'")
                cursor.execute("set session transaction read only")
            return connection

        return sa.create_engine("mysql+pymysql://", creator=connect, poolclass=NullPool)

    def meaning(self, error: BaseException | None, text: str) -> DeliveryError | None:
        number = error.args[0] if error is not None and error.args else None
        told = str(error.args[1]) if error is not None and len(error.args) > 1 else text
        if number in _NO_ACCESS:
            return InvalidCredentials("The database refuses this user, password or database.", code="db_access")
        if number in _NO_GRANT:
            return InvalidCredentials("The user may not read this table: grant SELECT on it.", code="db_grant")
        if number in _TOO_LONG or isinstance(error, TimeoutError):
            return too_slow()
        if number in _WRONG:
            return Misconfigured(f"The database does not take the statement: {sentence(told)}", code=f"db_{number}")
        if number == 2026 or isinstance(error, ssl.SSLError):
            return Misconfigured("The database does not speak TLS, or its certificate cannot be verified.",
                                 code="db_tls")  # fmt: skip
        if number in (2003, 2013) or isinstance(error, OSError):
            return Temporary("The database does not answer at this host and port.", code="db_unreachable")
        return None


def _context(mode: str) -> ssl.SSLContext | None:
    if mode == "off":
        return None
    context = ssl.create_default_context()
    if mode == "on":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _timeout(version: str, seconds: int) -> str:
    """The statement that bounds others: in seconds at MariaDB, in milliseconds at MySQL."""
    if "mariadb" in version.lower():
        return f"set session max_statement_time = {seconds:d}"
    return f"set session max_execution_time = {seconds * 1000:d}"
