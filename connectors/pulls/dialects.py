"""How each kind of database is connected to (read-only, bounded in time, at a checked address); what errors mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg

from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured, Temporary
from connectors.destinations.kit import Account, Field, Outside

# Some megabytes that only who reads databases needs: every process knows these kinds.
if TYPE_CHECKING:
    import sqlalchemy as sa

CONNECT_SECONDS = 10
HOST = Field(label="Host", required=True)
DATABASE = Field(label="Database", required=True)
USER = Field(label="User", required=True, help="One that may only read.")
PASSWORD = Field(label="Password", required=True, secret=True)
TLS_HELP = "Off is for hosts that the operator has listed."


class Dialect(ABC):
    """A kind of database."""

    label: ClassVar[str]
    settings: ClassVar[Mapping[str, Field]]
    # Rows of one statement: where a client that stops early would have to read the rest, there is a limit.
    page: ClassVar[int | None] = None

    @abstractmethod
    def engine(self, outside: Outside, account: Account, *, seconds: int) -> sa.Engine:
        """Connects when it is used. Raises DeliveryError."""

    @abstractmethod
    def meaning(self, error: BaseException | None, text: str) -> DeliveryError | None:
        """What the driver's error says; None when it may pass by itself. Nothing in it may quote a row."""

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        return []

    @contextmanager
    def connected(self, outside: Outside, account: Account, *, seconds: int) -> Iterator[sa.Connection]:
        """A session. Raises DeliveryError, also for what goes wrong inside of the block."""
        from sqlalchemy import exc

        engine = self.engine(outside, account, seconds=seconds)
        try:
            with engine.connect() as connection:
                yield connection
        except exc.NoSuchColumnError as error:
            raise Misconfigured("There is no such column in the rows: look at cursor and key.") from error
        except (exc.DBAPIError, OSError, psycopg.Error) as error:
            raise self._told(error) from error
        finally:
            engine.dispose()

    def _told(self, error: Exception) -> DeliveryError:
        from sqlalchemy import exc

        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        told = self.meaning(cause, str(cause))
        if told is not None:
            return told
        kind = type(cause).__name__
        return Temporary(f"The database could not be worked with ({kind}).", code=f"db_{kind.lower()}")


class Postgres(Dialect):
    """PostgreSQL and what speaks its protocol, by psycopg with a cursor on the server."""

    label = "PostgreSQL"
    settings = {
        "host": HOST, "port": Field(label="Port", type="integer", default=5432), "database": DATABASE, "user": USER,
        "password": PASSWORD,
        "sslmode": Field(
            label="Encryption", type="choice", default="verify-full", help=TLS_HELP,
            choices=(
                ("verify-full", "On, certificate verified"), ("require", "On, not verified"), ("disable", "Off"),
            ),
        ),
    }  # fmt: skip

    def engine(self, outside: Outside, account: Account, *, seconds: int) -> sa.Engine:
        import sqlalchemy as sa
        from sqlalchemy.pool import NullPool

        settings = account.settings
        host, port = str(settings["host"]), int(settings.get("port") or 5432)
        mode = str(settings.get("sslmode") or "verify-full")
        address = outside.addresses(host, port, plain=mode == "disable")[0]

        def connect() -> Any:
            return psycopg.connect(
                host=host, hostaddr=address, port=port, dbname=settings["database"], user=settings["user"],
                password=account.secrets["password"], sslmode=mode, connect_timeout=CONNECT_SECONDS,
                sslrootcert="system" if mode == "verify-full" else None, application_name="cdp",
                options=f"-c statement_timeout={seconds * 1000} -c lock_timeout={seconds * 1000}"
                " -c default_transaction_read_only=on -c timezone=UTC",
            )  # fmt: skip

        return sa.create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)

    def meaning(self, error: BaseException | None, text: str) -> DeliveryError | None:
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith("28") or "authentication failed" in text or ('role "' in text and "not exist" in text):
            return InvalidCredentials("The database refuses this user or password.", code="db_access")
        if state == "42501":
            return InvalidCredentials("The user may not read this table: grant SELECT on it.", code="db_grant")
        if state == "57014":
            return too_slow()
        if state[:2] in ("3D", "3F", "42", "25", "0A"):
            return Misconfigured(f"The database does not take the statement: {sentence(text)}", code=f"db_{state}")
        if isinstance(error, psycopg.DataError):
            return Misconfigured(
                "A value cannot be read (such as a time beyond the year 9999): leave its column out by a query.",
                code="db_value",
            )
        return None if state else _while_connecting(text)


def too_slow() -> DeliveryError:
    return Temporary(
        "The statement took too long. An index on cursor and key lets it begin at once; or allow it more seconds.",
        code="db_timeout",
    )


def sentence(text: str) -> str:
    """The first line: of the statement, not of a row."""
    return text.strip().splitlines()[0][:200] if text.strip() else "no reason was told."


def _while_connecting(text: str) -> DeliveryError | None:
    if "certificate" in text.lower():
        return Misconfigured("The certificate of the database cannot be verified.", code="db_certificate")
    if "does not exist" in text:
        return Misconfigured("There is no such database.", code="db_database")
    if "does not support SSL" in text:
        return Misconfigured("The database does not speak TLS.", code="db_tls")
    if "refused" in text or "timeout" in text or "unreachable" in text:
        return Temporary("The database does not answer at this host and port.", code="db_unreachable")
    return None
