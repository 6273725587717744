"""Members as rows of a Snowflake table: its own connector, against fakesnow's server on the loopback."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from fakesnow import server as snowflake_server  # by name now: a submodule of the same name may take its place later

from connectors.destinations.errors import DeliveryError, Misconfigured
from connectors.destinations.kit import Account, Delivered, Operation, Outside, Payload
from connectors.destinations.snowflake import destination
from connectors.destinations.snowflake.destination import KeepTable, check, snowflake
from tests.connectors.vendors.vendor import NOW, reaching

MAPPING = {"table": "vips", "key": {"id": "x"}, "columns": {"email": "y", "spend": "z"}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with snowflake_server() as options:
        yield f"{options['protocol']}://{options['host']}:{options['port']}"


@pytest.fixture
def outside() -> Iterator[Outside]:
    with reaching(mapping=MAPPING) as made:
        yield made


@pytest.fixture
def account(gateway: str, request: pytest.FixtureRequest) -> Account:
    """A database of its own for each test."""
    database = f"db{abs(hash(request.node.name))}"
    settings = {"account": "fakesnow", "user": "cdp", "database": database, "schema": "PUBLIC", "base_url": gateway}
    return Account(id=1, settings=settings, secrets={"password": "snow"})


def payload(number: int, operation: Operation = "add", **columns: Any) -> Payload:
    fields: dict[str, Any] = {"table": "vips", "key": {"id": str(number)}}
    if operation != "remove":
        fields["columns"] = {"email": f"p{number}@example.com", **columns}
    return Payload(id=f"msg_{operation}_{number}", operation=operation, fields=fields, at=NOW)


def rows(outside: Outside, account: Account) -> list[Any]:
    with destination._connected(outside, account) as connection:
        return list(connection.cursor().execute('select "id", "email", "spend" from "vips" order by 1').fetchall())


def test_the_table_is_made_and_holds_who_is_a_member_now(outside: Outside, account: Account) -> None:
    assert KeepTable().perform_batch(outside, account, [payload(n) for n in range(3)]) == [Delivered()] * 3
    mixed = [
        payload(0, "remove"), payload(1, "update", email="it's\\new\n@example.com", spend=12.5), payload(9, "remove"),
    ]  # fmt: skip
    for _ in range(2):
        KeepTable().perform_batch(outside, account, mixed)
    assert rows(outside, account) == [("1", "it's\\new\n@example.com", "12.5"), ("2", "p2@example.com", None)]
    assert set(KeepTable().read_back(outside, account)) == {KeepTable().member(payload(n).fields) for n in (1, 2)}


def test_a_whole_batch_is_one_merge(outside: Outside, account: Account) -> None:
    KeepTable().perform_batch(outside, account, [payload(n) for n in range(2_000)])
    assert len(list(KeepTable().read_back(outside, account))) == 2_000


def test_a_table_that_does_not_fit_is_told_and_nothing_is_written(outside: Outside, account: Account) -> None:
    with destination._connected(outside, account) as connection:
        connection.cursor().execute('create table "vips" ("id" varchar, "other" varchar)')
    with pytest.raises(DeliveryError) as caught:
        KeepTable().perform_batch(outside, account, [payload(1)])
    assert isinstance(caught.value, Misconfigured)
    assert "@" not in str(caught.value)


def test_the_account_can_be_tested(outside: Outside, account: Account) -> None:
    assert snowflake.test(outside, account).startswith("Connected to Snowflake")


def test_a_gateway_inside_is_refused_unless_it_is_listed(outside: Outside, account: Account) -> None:
    inside = replace(account, settings={**account.settings, "base_url": "http://10.0.0.1"})
    with pytest.raises(Misconfigured, match="refused"):
        KeepTable().perform_batch(outside, inside, [payload(1)])


def test_a_key_pair_is_read_and_a_bad_one_told(outside: Outside, account: Account) -> None:
    made = generate_private_key(public_exponent=65537, key_size=2048)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    options = destination.connection_options(outside, replace(account, secrets={"private_key": pem}))
    assert load_der_private_key(options["private_key"], password=None).public_key() == made.public_key()
    assert "password" not in options
    with pytest.raises(Misconfigured):
        destination.connection_options(outside, replace(account, secrets={"private_key": "none"}))


def test_an_account_needs_a_name_that_leads_nowhere_else_and_a_way_in() -> None:
    assert len(check({"account": "evil.example/x?"}, {})) == 2
    assert check({"account": "myorg-account123.eu-central-1"}, {"password": "x"}) == []
