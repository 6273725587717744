"""Members as rows of a table, in a real database behind a wire that can be cut."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from connectors import services
from connectors.destinations.errors import DeliveryError, InvalidCredentials, InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kit import Account, Delivered, Operation, Outside, Payload
from connectors.destinations.postgres.destination import KeepTable, postgres
from connectors.syncs.models import Sync
from tests.connectors.vendors.vendor import NOW, reaching
from tests.connectors.world import BY, World

pytestmark = pytest.mark.django_db

MAPPING = {"table": "out_test.vips", "key": {"id": "x"}, "columns": {"email": "y", "spend": "z"}}


class Wire:
    """TCP on the loopback to the database's socket. `cut` is asked after each answer whether to cut instead."""

    def __init__(self) -> None:
        self.cut: Callable[[bytes], bool] = lambda answer: False
        parameters = connection.get_connection_params()
        self._target = f"{parameters['host']}/.s.PGSQL.{parameters.get('port') or 5432}"
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._door.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if answers and self.cut(data):
                    break
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        source.close()

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def database() -> Iterator[psycopg.Connection[Any]]:
    """Another session of the same database: what the destination writes is no part of the test's transaction."""
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if parameters.get(name)}
    with psycopg.connect(**wanted, autocommit=True) as made:
        made.execute("drop schema if exists out_test cascade")
        made.execute("create schema out_test")
        yield made
        made.execute("drop schema out_test cascade")


@pytest.fixture
def outside() -> Iterator[Outside]:
    with reaching(mapping=MAPPING) as made:
        yield made


def settings(wire: Wire, **more: Any) -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {
        "host": "127.0.0.1", "port": wire.port, "database": parameters["dbname"], "user": parameters["user"],
        "sslmode": "disable", **more,
    }  # fmt: skip


def account(wire: Wire, **more: Any) -> Account:
    password = connection.get_connection_params().get("password") or "none"
    return Account(id=1, settings=settings(wire, **more), secrets={"password": password})


def payload(number: int, operation: Operation = "add", **columns: Any) -> Payload:
    fields: dict[str, Any] = {"table": "out_test.vips", "key": {"id": str(number)}}
    if operation != "remove":
        fields["columns"] = {"email": f"p{number}@example.com", **columns}
    return Payload(id=f"msg_{operation}_{number}", operation=operation, fields=fields, at=NOW)


def rows(database: psycopg.Connection[Any], columns: str = "id, email") -> list[Any]:
    return database.execute(f"select {columns} from out_test.vips order by id").fetchall()


def test_the_table_is_made_and_holds_who_is_a_member_now(
    outside: Outside, wire: Wire, database: psycopg.Connection[Any]
) -> None:
    target = account(wire)
    assert KeepTable().perform_batch(outside, target, [payload(n) for n in range(3)]) == [Delivered()] * 3
    mixed = [payload(0, "remove"), payload(1, "update", email="new@example.com", spend=12.5), payload(9, "remove")]
    for _ in range(2):
        KeepTable().perform_batch(outside, target, mixed)
    assert rows(database, "id, email, spend") == [
        ("1", "new@example.com", "12.5"), ("2", "p2@example.com", None),
    ]  # fmt: skip
    assert set(KeepTable().read_back(outside, target)) == {KeepTable().member(payload(n).fields) for n in (1, 2)}


def test_a_table_of_ones_own_keeps_its_types(outside: Outside, wire: Wire, database: psycopg.Connection[Any]) -> None:
    database.execute("create table out_test.vips (id bigint primary key, email text, spend numeric(9, 2), own text)")
    database.execute("insert into out_test.vips values (1, '', 0, 'mine')")
    KeepTable().perform_batch(outside, account(wire), [payload(1, spend="12.5"), payload(2)])
    assert rows(database, "id, spend::text, own") == [(1, "12.50", "mine"), (2, None, None)]


def test_a_lost_answer_leaves_all_or_nothing_and_a_repeat_mends_it(
    outside: Outside, wire: Wire, database: psycopg.Connection[Any]
) -> None:
    batch = [payload(n) for n in range(100)]
    KeepTable().perform_batch(outside, account(wire), batch[:1])
    wire.cut = lambda answer: b"COMMIT" in answer
    with pytest.raises(Temporary):
        KeepTable().perform_batch(outside, account(wire), batch)
    assert len(rows(database)) == 100, "it was done; only the answer is lost"
    wire.cut = lambda answer: b"INSERT" in answer
    with pytest.raises(Temporary):
        KeepTable().perform_batch(outside, account(wire), [payload(n, "update", email="x") for n in range(100)])
    assert ("5", "p5@example.com") in rows(database), "nothing of it was done"
    wire.cut = lambda answer: False
    KeepTable().perform_batch(outside, account(wire), batch)
    assert len(rows(database)) == 100


def refusal(outside: Outside, target: Account, *payloads: Payload) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        KeepTable().perform_batch(outside, target, payloads or [payload(1)])
    assert "@" not in str(caught.value)
    return caught.value


def test_what_the_table_does_not_take_is_refused_without_quoting_it(
    outside: Outside, wire: Wire, database: psycopg.Connection[Any]
) -> None:
    database.execute("create table out_test.vips (id bigint primary key, email text, spend numeric)")
    assert isinstance(refusal(outside, account(wire), payload(1, spend="p1@example.com")), InvalidPayload)


def test_a_key_that_is_not_unique_is_told(outside: Outside, wire: Wire, database: psycopg.Connection[Any]) -> None:
    database.execute("create table out_test.vips (id text, email text, spend text)")
    told = refusal(outside, account(wire))
    assert isinstance(told, Misconfigured)
    assert "not unique together" in str(told)


def test_what_is_wrong_with_the_account_is_told(
    outside: Outside, wire: Wire, database: psycopg.Connection[Any]
) -> None:
    assert isinstance(refusal(outside, account(wire, database="nowhere")), Misconfigured)
    assert isinstance(refusal(outside, account(wire, user="nobody_known")), InvalidCredentials)
    assert isinstance(refusal(outside, account(wire, host="10.0.0.1")), Misconfigured)
    assert isinstance(refusal(outside, account(wire, sslmode="require")), DeliveryError)
    target = account(wire)
    wire.close()
    assert isinstance(refusal(outside, target), Temporary)


def test_the_account_can_be_tested(outside: Outside, wire: Wire, database: psycopg.Connection[Any]) -> None:
    assert postgres.test(outside, account(wire)).startswith("Connected to PostgreSQL")


def test_a_sync_keeps_the_table_and_repairs_what_others_did_to_it(
    world: World, wire: Wire, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    password = connection.get_connection_params().get("password") or "none"
    made = services.create_destination(
        kind="postgres", name="Warehouse", settings=settings(wire), secrets={"password": password}, by=BY,
        now=world.now,
    )  # fmt: skip
    world.people(range(1, 31))
    world.enter(*range(1, 21))
    sync = world.sync(made, action="table", mapping={
        "table": "out_test.vips", "key": {"id": {"@path": "profile.id"}},
        "columns": {"segment": {"@path": "segment.slug"}},
    })  # fmt: skip
    world.turn(sync)
    world.later(minutes=1)
    world.enter(21, 22)
    world.leave(1, 2, 3)
    world.turn(sync)
    assert {row[0] for row in rows(database, "id")} == {str(n) for n in range(4, 23)}
    database.execute("delete from out_test.vips where id in ('7', '8')")
    database.execute("insert into out_test.vips values ('999', 'theirs')")
    world.later(minutes=1)
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert {row[0] for row in rows(database, "id")} == {str(n) for n in range(4, 23)} | {"999"}
    run = world.latest_run(sync)
    assert (run.forgotten, run.foreign) == (2, 1)
    assert Sync.objects.get(pk=sync.id).destination.state == "active"
