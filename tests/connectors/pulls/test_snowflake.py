"""Tables of Snowflake by the same code: its own connector and dialect, against fakesnow's server on the loopback."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import snowflake.connector as connector
from fakesnow import server as snowflake_server  # by name now: a submodule of the same name may take its place later

from common import clock
from connectors import services
from tests.connectors.pulls.world import Asked, came

pytestmark = pytest.mark.django_db(transaction=True)

IDENTIFY = {"rows": "identify", "columns": [
    {"name": "email", "to": "identifiers.email"}, {"name": "spend", "to": "traits.spend", "kind": "number"},
]}  # fmt: skip


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with snowflake_server() as options:
        yield f"{options['protocol']}://{options['host']}:{options['port']}"


@pytest.fixture
def tables(gateway: str) -> Iterator[Any]:
    parts = urlsplit(gateway)
    with connector.connect(
        account="fakesnow", user="cdp", password="snow", database="shop", schema="public", host=parts.hostname,
        port=parts.port, protocol=parts.scheme,
    ) as connection:  # fmt: skip
        cursor = connection.cursor()
        cursor.execute("create or replace table people (id int, email varchar, spend number, changed timestamp_ntz)")
        cursor.execute("insert into people select seq4(), 'p' || seq4() || '@example.com', seq4() / 2,"
                       " '2026-01-01'::timestamp_ntz from table(generator(rowcount => 2500))")  # fmt: skip
        yield cursor


def settings(gateway: str, **more: Any) -> dict[str, Any]:
    return {
        "account": "fakesnow", "user": "cdp", "database": "shop", "schema": "public", "base_url": gateway,
        "table": "people", "cursor": "changed", "key": "id", **more,
    }  # fmt: skip


def test_rows_come_once_and_changes_after_them(
    asked: Asked, gateway: str, tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.pulls.snowflake.Snowflake.page", 1_200)
    asked.setup("snowflake", settings(gateway, look_back=0), {"password": "snow"}, mapping=IDENTIFY)
    asked.pull(seconds=0)
    assert asked.pull().done
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 2_500
    tables.execute("update people set spend = 9, changed = '2026-01-02'::timestamp_ntz where id in (3, 4)")
    assert asked.pull().items == 2


def test_all_rows_are_compared(asked: Asked, gateway: str, tables: Any) -> None:
    asked.setup("snowflake", settings(gateway, mode="full", gone="event"), {"password": "snow"}, mapping=IDENTIFY)
    assert asked.pull().items == 2_500
    tables.execute("delete from people where id >= 2000")
    did = asked.pull()
    assert (did.items, did.unchanged, did.gone) == (0, 2_000, 500)
    assert came()[-1]["event"] == "Row Deleted"


def test_what_is_wrong_is_told(asked: Asked, gateway: str, tables: Any) -> None:
    def told(**more: Any) -> str:
        return services.test_pull(
            source_id=asked.id, kind="snowflake", settings=settings(gateway, **more), secrets={"password": "snow"},
            now=clock.now(),
        ).message  # fmt: skip

    assert "4 columns: id, email" in told()
    assert "does not take the statement" in told(table="nothing")
    assert "refused" in told(base_url="http://10.0.0.1")
