"""A Snowflake table that holds the members as they are now: one row a member, gone when they leave.

By Snowflake's own connector, an extra: `pip install '.[snowflake]'`. Each batch is a MERGE and a DELETE, each of
which is done or not, and doing them again changes nothing. A VALUES list takes 16,384 rows, more than a batch has
(https://docs.snowflake.com/en/sql-reference/constructs/values).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from connectors.destinations import tables
from connectors.destinations.errors import DeliveryError, InvalidCredentials, InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kit import (
    GATEWAY,
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

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_PAGE = 10_000
_SECONDS = 30
# https://docs.snowflake.com/en/developer-guide/python-connector: errors of signing in, and of what is not there
_NO_ACCESS = (250001, 390100, 390101, 390144, 390318, 390422)
_SQL_WRONG = ("42", "02", "3D", "3F")


class KeepTable(tables.KeepTable):
    """Members of the segment are rows of a Snowflake table."""

    # Each batch wakes a warehouse up that is paid by the second.
    calls_per_second = 2.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        shape = Shape.of(outside.mapping)
        with _connected(outside, account) as connection:
            cursor = connection.cursor()
            cursor.execute(_create(shape))
            if entering:
                cursor.execute(_merge(shape, len(entering)), _flat(shape.columns, shape, entering))
            if leaving:
                cursor.execute(_delete(shape, len(leaving)), _flat(shape.key, shape, leaving))
        return [Delivered() for _ in payloads]

    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        shape = Shape.of(outside.mapping)
        with _connected(outside, account) as connection:
            cursor = connection.cursor()
            cursor.execute(_create(shape))
            cursor.execute(f"select {_names(shape.key)} from {_table(shape)}")
            while rows := cursor.fetchmany(_PAGE):
                yield from (tables.named(row) for row in rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _names(names: Sequence[str], of: str = "") -> str:
    return ", ".join(f"{of}{_quoted(name)}" for name in names)


def _table(shape: Shape) -> str:
    return ".".join(map(_quoted, shape.table))


def _create(shape: Shape) -> str:
    every = ", ".join(f"{_quoted(name)} varchar" for name in shape.columns)
    return f"create table if not exists {_table(shape)} ({every}, primary key ({_names(shape.key)}))"


def _source(names: Sequence[str], rows: int) -> str:
    row = "(" + ", ".join(["%s"] * len(names)) + ")"
    columns = ", ".join(f"column{number} as {_quoted(name)}" for number, name in enumerate(names, 1))
    return f"(select {columns} from values {', '.join([row] * rows)})"


def _same(shape: Shape) -> str:
    return " and ".join(f"t.{_quoted(name)} = s.{_quoted(name)}" for name in shape.key)


def _merge(shape: Shape, rows: int) -> str:
    sets = ", ".join(f"{_quoted(name)} = s.{_quoted(name)}" for name in shape.others)
    matched = f" when matched then update set {sets}" if sets else ""
    return (
        f"merge into {_table(shape)} t using {_source(shape.columns, rows)} s on {_same(shape)}{matched}"
        f" when not matched then insert ({_names(shape.columns)}) values ({_names(shape.columns, 's.')})"
    )


def _delete(shape: Shape, rows: int) -> str:
    return f"delete from {_table(shape)} t using {_source(shape.key, rows)} s where {_same(shape)}"


def _flat(columns: Sequence[str], shape: Shape, payloads: Sequence[Payload]) -> list[str | None]:
    found = (shape.values(payload) for payload in payloads)
    return [_text(row.get(name)) for row in found for name in columns]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


@contextmanager
def _connected(outside: Outside, account: Account) -> Iterator[Any]:
    """A session. Raises DeliveryError, also for what goes wrong inside of the block."""
    try:
        import snowflake.connector as connector
    except ImportError as error:
        raise Misconfigured(
            "Snowflake's connector is not installed here: pip install '.[snowflake]'.", code="not_installed"
        ) from error
    try:
        with connector.connect(**connection_options(outside, account)) as connection:
            yield connection
    except connector.errors.Error as error:
        raise meaning(error) from error


def connection_options(outside: Outside, account: Account, *, seconds: int = _SECONDS) -> dict[str, Any]:
    """What the connector is told, after a gateway was found to be one that may be called. Raises DeliveryError."""
    settings, secrets = account.settings, account.secrets
    found = {name: settings[name] for name in ("account", "user", "role", "warehouse", "database", "schema")
             if settings.get(name)}  # fmt: skip
    found |= {"login_timeout": _SECONDS, "network_timeout": seconds, "session_parameters": {
        "STATEMENT_TIMEOUT_IN_SECONDS": seconds, "QUERY_TAG": "cdp",
    }}  # fmt: skip
    if secrets.get("private_key"):
        found["private_key"] = _key_bytes(secrets["private_key"])
    else:
        found["password"] = secrets.get("password", "")
    gateway = str(settings.get("base_url") or "")
    if gateway:
        parts = urlsplit(gateway)
        host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
        outside.addresses(host, port, plain=parts.scheme == "http")
        found |= {"host": host, "port": port, "protocol": parts.scheme}
    return found


def _key_bytes(text: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise Misconfigured(
            "The private key cannot be read (a passphrase is not supported).", code="bad_key"
        ) from error
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def meaning(error: Any) -> DeliveryError:
    """By number and SQLSTATE; Snowflake's sentence may quote a row, so it is not told."""
    number, state = int(getattr(error, "errno", 0) or 0), str(getattr(error, "sqlstate", "") or "")
    word = f"snowflake_{number}"
    if number in _NO_ACCESS or state.startswith("28"):
        return InvalidCredentials(f"Snowflake refuses this user ({number}).", code=word)
    if state[:2] in _SQL_WRONG:
        return Misconfigured(
            f"Snowflake does not take the statement ({number}). Are table and rights there?", code=word
        )
    if state.startswith("22"):
        return InvalidPayload(f"The table does not take this row ({number}).", code=word)
    return Temporary(f"Snowflake could not be worked with ({type(error).__name__} {number}).", code=word)


def test(outside: Outside, account: Account) -> str:
    """Connect, and ask for the version."""
    with _connected(outside, account) as connection:
        row = connection.cursor().execute("select current_version()").fetchone()
    return f"Connected to Snowflake {row[0]}."


def check(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """An account's name and one way to sign in."""
    found = []
    if not _ACCOUNT.fullmatch(str(settings.get("account", ""))):
        found.append("account: use the account identifier, such as myorg-account123.")
    if not (secrets.get("password") or secrets.get("private_key")):
        found.append("private_key: give a private key, or a password or programmatic access token.")
    return found


snowflake = Destination(
    slug="snowflake",
    label="Snowflake table",
    description="Members as rows of a table in your warehouse.",
    settings={
        "account": Field(label="Account identifier", required=True, help="myorg-account123"),
        "user": Field(label="User", required=True),
        "private_key": Field(label="Private key", type="text", secret=True, help="PEM, without a passphrase."),
        "password": Field(label="Password or access token", secret=True),
        "role": Field(label="Role", default=""),
        "warehouse": Field(label="Warehouse", default=""),
        "database": Field(label="Database", required=True),
        "schema": Field(label="Schema", default="PUBLIC"),
        "base_url": GATEWAY,
    },
    actions={KeepTable.slug: KeepTable()},
    test=test,
    check=check,
    api_version="connector 4.8",
    verified="2026-11",
)
