"""A database on the pages of its source: tested, kept, mapped on real rows, read, steered."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from common import clock
from connectors import selectors, services
from connectors.contracts import PullView
from identity import selectors as identity
from tests.connectors.carriers.test_postgres_table import Wire
from tests.connectors.pulls.world import apply
from tests.web.browser import Visitor
from tests.web.conftest import Shop, signed_in, text_of
from tests.web.test_browser import _look as look

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wire(settings: Any) -> Iterator[Wire]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def table(shop: Shop) -> Iterator[psycopg.Connection[Any]]:
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if parameters.get(name)}
    with psycopg.connect(**wanted, autocommit=True) as made:
        made.execute("drop schema if exists in_web cascade; create schema in_web")
        made.execute("create table in_web.people (id int primary key, mail text, city text, updated_at timestamptz)")
        made.execute("insert into in_web.people select n, 'q' || n || '@example.com', 'Bonn', now() from"
                     " generate_series(1, 30) n")  # fmt: skip
        yield made
        made.execute("drop schema in_web cascade")


def form(wire: Wire, do: str, **more: Any) -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {
        "do": do, "s-host": "127.0.0.1", "s-port": wire.port, "s-database": parameters["dbname"],
        "s-user": parameters["user"], "s-password": parameters.get("password") or "hunter2", "s-sslmode": "disable",
        "s-table": "in_web.people", "s-mode": "incremental", "s-cursor": "updated_at", "s-key": "id",
        "s-look_back": "60", "s-gone": "nothing", "s-gone_event": "Row Deleted", "s-seconds": "60",
        "every_minutes": "15", **more,
    }  # fmt: skip


def pull(source: int) -> PullView:
    found = selectors.pull(source)
    assert found is not None
    return found


def test_a_table_is_tested_mapped_on_its_rows_read_and_steered(
    shop: Shop, wire: Wire, table: psycopg.Connection[Any]
) -> None:
    client, here = signed_in("steward"), reverse("web:source_pull", args=[shop.source])
    assert "Nothing is asked yet" in text_of(client.get(here))
    assert "4 columns: id, mail" in text_of(client.post(here, form(wire, "test")))
    assert selectors.pull(shop.source) is None, "a test keeps nothing"
    wrong = client.post(here, form(wire, "test", **{"s-table": "in_web.nothing"}))
    assert "It does not work yet" in text_of(wrong)
    assert client.post(here, form(wire, "keep", **{"s-key": "updated_at"})).status_code == 422
    mapping = client.post(here, form(wire, "keep"))["Location"]
    password = connection.get_connection_params().get("password") or "hunter2"
    assert password not in client.get(here).content.decode()
    map_it(client, mapping)
    services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set())
    apply()
    assert identity.find_profile("email", "q30@example.com") is not None
    shown = text_of(client.get(here))
    assert "caught up" in shown
    assert "every 15 min" in shown
    assert client.post(here, form(wire, "keep", **{"s-password": "", "every_minutes": "30"})).status_code == 302
    assert (pull(shop.source).every_minutes, pull(shop.source).state) == (30, "waiting")
    for do, state in (("pause", "paused"), ("resume", "waiting"), ("run", "waiting"), ("reset", "waiting")):
        client.post(here, {"do": do})
        assert pull(shop.source).state == state
    assert pull(shop.source).read_until == ""
    assert "Read from the beginning" in text_of(client.get(here, headers={"HX-Request": "true"}))


def map_it(client: Client, where: str) -> None:
    suggested = client.get(where)
    assert 'value="identifiers.email"' in suggested.content.decode()
    assert "q1@example.com" not in suggested.content.decode(), "nobody knows yet which cells are personal"
    posted = {"rows": "identify", "event": "", "c-0-to": "traits.number", "c-0-as": "number.",
              "c-1-to": "identifiers.email", "c-1-as": "text", "c-2-to": "traits.city", "c-2-as": "text"}  # fmt: skip
    assert "somewhere" in text_of(client.post(where, {**posted, "do": "preview", "c-2-to": "somewhere"}))
    assert "identify" in text_of(client.post(where, {**posted, "do": "preview"}))
    assert client.post(where, {**posted, "do": "keep"}).status_code == 302


@pytest.mark.browser
def test_the_pages_of_a_pull_are_whole_for_everybody(
    visitor: Visitor, shop: Shop, wire: Wire, table: psycopg.Connection[Any]
) -> None:
    client = signed_in("steward")
    map_it(client, client.post(reverse("web:source_pull", args=[shop.source]), form(wire, "keep"))["Location"])
    services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set())
    visitor.sign_in("admin")
    here = reverse("web:source_pull", args=[shop.source])
    assert look(visitor, here) + look(visitor, f"{here}mapping/") == []


def test_a_database_that_is_away_is_told_on_the_page_of_the_mapping(
    shop: Shop, wire: Wire, table: psycopg.Connection[Any]
) -> None:
    client = signed_in("steward")
    where = client.post(reverse("web:source_pull", args=[shop.source]), form(wire, "keep"))["Location"]
    wire.close()
    assert "Rows cannot be shown" in text_of(client.get(where))
