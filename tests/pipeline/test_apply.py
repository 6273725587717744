"""The applier on the real database: what is accepted is in the log once, on the right person, with the right rights."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import zstandard

import events.services as events
from cdp.pipeline.run import Applier
from common import pg

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Send = Callable[..., None]


@pytest.fixture
def conn(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    with pg.connect(autocommit=True) as made:
        events.ensure_inbox(made, now=NOW)
        yield made


@pytest.fixture
def send(conn: psycopg.Connection[Any]) -> Send:
    compressor = zstandard.ZstdCompressor(level=1)

    def store(items: list[dict[str, Any]], *, at: datetime = NOW, **more: Any) -> None:
        document = json.dumps({"batch": items, **more}).encode()
        events.store(
            conn, source_id=1, document=document, events=len(items), client_ip="192.0.2.7", received_at=at,
            compressor=compressor,
        )  # fmt: skip

    return store


@pytest.fixture
def applier(conn: psycopg.Connection[Any]) -> Iterator[Applier]:
    made = Applier()
    yield made
    made.close()


def item(n: int, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "anonymousId": "a1", "messageId": f"m{n}", **more}


def rows(conn: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return conn.execute(query).fetchall()


def test_an_accepted_event_is_in_the_log_with_all_its_fields(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    send(
        [item(1, properties={"colour": "red"}, context={"locale": "en"}, timestamp="2026-11-22T11:00:00Z")],
        sentAt="2026-11-22T11:30:00Z",
    )
    assert applier.apply_batch(now=NOW).fresh == 1
    ((name, occurred_at, properties, envelope),) = rows(
        conn, "select name, occurred_at, properties, envelope from events_event"
    )
    assert (name, properties) == ("Seen", {"colour": "red"})
    assert occurred_at == NOW - timedelta(minutes=30), "Segment's formula: receivedAt - (sentAt - originalTimestamp)"
    assert json.loads(envelope) == {
        "anonymousId": "a1",
        "originalTimestamp": "2026-11-22T11:00:00Z",
        "sentAt": "2026-11-22T11:30:00Z",
        "context": {"ip": "192.0.2.7", "locale": "en"},
    }


def test_a_batch_of_wide_items_is_smaller_and_nothing_of_it_is_left(
    conn: psycopg.Connection[Any], send: Send, applier: Applier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.inbox._MOST_BYTES", 2_500)
    for n in range(5):
        send([item(n, properties={"long": "x" * 1_000})])
    assert [applier.apply_batch(now=NOW).taken for _ in range(3)] == [3, 2, 0]
    assert rows(conn, "select count(*) from events_event") == [(5,)]


def test_the_same_message_is_applied_once_whatever_the_batch_request_or_process(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    send([item(1), item(1), item(2)])
    applier.apply_batch(now=NOW)
    send([item(2), item(3)])
    applier.apply_batch(now=NOW)
    send([item(3)], at=NOW)
    another = Applier()
    another.apply_batch(now=NOW + timedelta(days=1))
    another.close()
    send([item(1)])
    applier.apply_batch(now=NOW + timedelta(days=1))
    assert rows(conn, "select message_id, count(*) from events_event group by 1 order by 1") == [
        ("m1", 1), ("m2", 1), ("m3", 1)
    ]  # fmt: skip


def test_a_message_counts_as_new_again_when_the_window_has_passed(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    send([item(1)])
    applier.apply_batch(now=NOW)
    send([item(1)])
    applier.apply_batch(now=NOW + timedelta(days=9))
    assert rows(conn, "select count(*) from events_event") == [(2,)]


def test_an_event_hangs_on_the_strongest_identifier_it_carries(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    send([item(1), item(2, type="identify", event=None, userId="ana", traits={"email": "Ana@Example.com"}), item(3)])
    applier.apply_batch(now=NOW)
    found = rows(
        conn,
        "select message_id, kind from events_event join identity_identifier i on i.id = identifier_id order by 1",
    )
    assert found == [("m1", "anonymous_id"), ("m2", "user_id"), ("m3", "anonymous_id")]
    assert len(rows(conn, "select distinct profile_id from identity_identifier")) == 1


@pytest.mark.parametrize(
    "stamp", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "yesterday", "", "2026-13-45T99:99:99Z", 5]
)
def test_a_time_that_cannot_be_is_replaced_by_the_time_of_receipt(
    conn: psycopg.Connection[Any], send: Send, applier: Applier, stamp: Any
) -> None:
    send([item(1, timestamp=stamp)], sentAt="2026-11-22T11:30:00Z")
    applier.apply_batch(now=NOW)
    assert rows(conn, "select occurred_at from events_event") == [(NOW,)]


def test_an_import_keeps_its_date(conn: psycopg.Connection[Any], send: Send, applier: Applier) -> None:
    send([item(1, timestamp="2019-03-04T10:36:07.089+05:30")], sentAt=NOW.isoformat())
    applier.apply_batch(now=NOW)
    assert rows(conn, "select occurred_at from events_event") == [(datetime(2019, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC),)]


def test_an_item_that_cannot_be_applied_goes_to_the_quarantine_and_costs_no_other(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    """The door lets nothing like this in; here it is put into the inbox behind the door's back."""
    send([item(n) for n in range(20)])
    send([item(20), item(21, properties={"x": "a\u0000b"}), item(22)])
    send([item(23)])
    for _ in range(30):
        applier.apply_batch(now=NOW)
    assert rows(conn, "select count(distinct message_id), count(*) from events_event") == [(23, 23)]
    ((reason, message_id),) = rows(conn, "select reason, message_id from events_quarantineditem")
    assert (reason, message_id) == ("could_not_apply", "m21")
    assert not events.waiting(conn)


def test_data_beyond_a_limit_of_the_database_does_not_hold_up_what_comes_after(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    """PostgreSQL calls this an operational error, as it does an outage; but it would be refused for ever."""
    too_long_to_index = "".join(random.Random(1).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=6000))
    send([item(1), item(2, event=too_long_to_index), item(3)])
    send([item(4)])
    for _ in range(10):
        applier.apply_batch(now=NOW)
    assert rows(conn, "select message_id from events_event order by 1") == [("m1",), ("m3",), ("m4",)]
    assert rows(conn, "select message_id from events_quarantineditem") == [("m2",)]


def test_a_request_that_commits_late_is_not_passed_over(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    with pg.connect() as slow:
        events.store(
            slow, source_id=1, document=json.dumps({"batch": [item(1)]}).encode(), events=1, client_ip=None,
            received_at=NOW, compressor=zstandard.ZstdCompressor(level=1),
        )  # fmt: skip
        send([item(2)])
        applier.apply_batch(now=NOW)
        slow.commit()
    applier.apply_batch(now=NOW)
    assert rows(conn, "select count(*) from events_event") == [(2,)]


def test_requests_are_applied_in_order_when_transaction_ids_grow_a_digit(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    for n in range(3):
        send([item(n)])
    ordered = "select ctid from events_inbox order by id"
    for tx, (place,) in zip((998, 999, 1000), rows(conn, ordered), strict=True):
        conn.execute("update events_inbox set tx = %s::text::xid8 where ctid = %s::tid", [str(tx), place])
    assert applier.apply_batch(now=NOW).taken == 3
    assert applier.apply_batch(now=NOW).taken == 0


def test_storing_goes_on_after_what_makes_psycopg_forget_its_statements(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    send([item(1)])
    conn.execute("create table passing (n integer)")
    conn.execute("drop table passing")
    conn.execute("deallocate all")
    with conn.transaction():
        send([item(2)])
    send([item(3)], at=NOW + timedelta(days=90))
    send([item(4)])
    assert applier.apply_batch(now=NOW).fresh == 4


def test_two_processes_may_make_the_same_partitions_at_once(conn: psycopg.Connection[Any]) -> None:
    later = NOW + timedelta(days=40)

    def make() -> None:
        with pg.connect(autocommit=True) as own:
            events.ensure_inbox(own, now=later)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(make) for _ in range(4)]:
            done.result()


def test_the_number_of_statements_does_not_grow_with_the_batch(
    conn: psycopg.Connection[Any], send: Send, applier: Applier
) -> None:
    def statements(people: int, prefix: str) -> int:
        send([
            item(0, messageId=f"{prefix}{n}", type="identify", event=None, userId=f"{prefix}u{n}",
                 anonymousId=f"{prefix}a{n}", traits={"email": f"{prefix}{n}@example.com", "plan": "x"})
            for n in range(people)
        ])  # fmt: skip
        before = _executions(applier)
        assert applier.apply_batch(now=NOW).fresh == people
        return _executions(applier) - before

    statements(3, "warm")
    assert statements(300, "many") == statements(3, "few")


def _executions(applier: Applier) -> int:
    """Every statement of the applier is prepared at its first use, so the server counts them."""
    own = applier._connection()
    return int(own.execute("select sum(generic_plans + custom_plans) from pg_prepared_statements").fetchall()[0][0])
