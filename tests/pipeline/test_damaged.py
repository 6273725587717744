"""A document of the inbox that was damaged: it goes to the quarantine as it is, and costs no other. A database that is
away for a moment costs nothing at all."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import zstandard

import events.services as events
from cdp.pipeline.damaged import tell_of_unreadable
from cdp.pipeline.run import Applier
from cdp.tasks.keeping import check_quality
from cdp.vitals import check_documents
from common import clock, pg
from connectors import services as connectors
from events import selectors as log
from identity.contracts import IdentifierKey
from privacy import services as privacy
from quality import selectors as quality

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def conn(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    with pg.connect(autocommit=True) as made:
        events.ensure_inbox(made, now=clock.now())
        yield made


@pytest.fixture
def source(conn: psycopg.Connection[Any]) -> int:
    return connectors.create_source(name="Shop", kind="server", by="ann").id


@pytest.fixture
def applier(conn: psycopg.Connection[Any]) -> Iterator[Applier]:
    made = Applier()
    yield made
    made.close()


def send(conn: psycopg.Connection[Any], source: int, first: int, count: int) -> int:
    """A request with items; the id of its row in the inbox."""
    items = [
        {"type": "track", "event": "Seen", "userId": "ana@example.org", "messageId": f"m{first + n}"}
        for n in range(count)
    ]
    events.store(
        conn, source_id=source, document=json.dumps({"batch": items}).encode(), events=count, client_ip=None,
        received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip
    return int(conn.execute("select max(id) from events_inbox").fetchall()[0][0])


def damage(conn: psycopg.Connection[Any], row: int, body: bytes) -> None:
    conn.execute("update events_inbox set body = %s where id = %s", [body, row])


def stored(conn: psycopg.Connection[Any]) -> set[str]:
    return {message for (message,) in conn.execute("select message_id from events_event").fetchall()}


def body_of(conn: psycopg.Connection[Any], row: int) -> bytes:
    return bytes(conn.execute("select body from events_inbox where id = %s", [row]).fetchall()[0][0])


def test_a_damaged_document_goes_to_the_quarantine_whole_and_the_rest_of_its_batch_is_applied(
    conn: psycopg.Connection[Any], source: int, applier: Applier
) -> None:
    send(conn, source, 0, 2)
    wrong = [send(conn, source, 10 * n, 2) for n in range(1, 6)]
    send(conn, source, 90, 2)
    whole = body_of(conn, wrong[0])
    huge = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + whole[9:]
    pack = zstandard.ZstdCompressor().compress
    bodies = [whole[: len(whole) // 2], b"", b"\x00\xff not packed", huge, pack(b'{"batch": [{"type": "track", "us')]
    for row, body in zip(wrong, bodies, strict=True):
        damage(conn, row, body)
    while events.waiting(conn):
        applier.apply_batch(now=clock.now())
    assert stored(conn) == {"m0", "m1", "m90", "m91"}
    kept = log.quarantined()
    assert {one.reason for one in kept} == {"unreadable_document"}
    assert sorted(log.quarantined_document(one.id) or b"" for one in kept) == sorted(bodies)
    assert all("was damaged while it waited" in one.detail and one.source_id == source for one in kept)
    assert '{"batch": [{"type": "track", "us' in {one.item for one in kept}
    assert conn.execute("select sum(refused) from events_tally where source_id = %s", [source]).fetchall() == [(10,)]


def test_what_was_before_the_damage_can_be_read(conn: psycopg.Connection[Any], source: int, applier: Applier) -> None:
    row = send(conn, source, 0, 6_000)
    whole = body_of(conn, row)
    damage(conn, row, whole[:-10] + b"\xff" * 10)
    applier.apply_batch(now=clock.now())
    (kept,) = log.quarantined()
    assert kept.item.startswith('{"batch": [{"type": "track", "event": "Seen"')
    assert kept.raw_bytes == len(whole)


def test_a_damaged_document_beside_an_item_that_cannot_be_applied_holds_up_nobody(
    conn: psycopg.Connection[Any], source: int, applier: Applier
) -> None:
    damage(conn, send(conn, source, 0, 1), b"gone")
    bad = [{"type": "track", "event": "Seen", "userId": "u", "messageId": "bad", "properties": {"x": "a\u0000b"}}]
    row = send(conn, source, 1, 1)
    damage(conn, row, zstandard.ZstdCompressor().compress(json.dumps({"batch": bad}).encode()))
    send(conn, source, 2, 1)
    while events.waiting(conn):
        applier.apply_batch(now=clock.now())
    assert stored(conn) == {"m2"}
    assert sorted(one.reason for one in log.quarantined()) == ["could_not_apply", "unreadable_document"]


def test_doctor_and_an_alert_tell_of_it_until_it_is_discarded_and_then_nothing_of_it_is_kept(
    conn: psycopg.Connection[Any], source: int, applier: Applier
) -> None:
    assert check_documents(clock.now()).ok
    damage(conn, send(conn, source, 0, 3), b"gone")
    applier.apply_batch(now=clock.now())
    check_quality()
    tell_of_unreadable(now=clock.now())
    assert not check_documents(clock.now()).ok
    (alert,) = quality.alerts()
    assert (alert.kind, alert.path) == ("unreadable", "/quarantine/?reason=unreadable_document")
    (kept,) = log.quarantined()
    events.discard([kept.id], by="ann", now=clock.now())
    tell_of_unreadable(now=clock.now())
    assert check_documents(clock.now()).ok
    assert not quality.alerts()
    assert log.quarantined_document(kept.id) is None


def test_whoever_is_erased_is_not_left_in_a_document_that_cannot_be_read(
    conn: psycopg.Connection[Any], source: int, applier: Applier
) -> None:
    damage(conn, send(conn, source, 0, 1), b'\x00\xff{"batch": [{"userId": "Ana@example.org"}')
    applier.apply_batch(now=clock.now())
    assert log.quarantine_size() == 1
    events.erase(conn, identifier_ids=[], neighbours=[], values=["ana@example.org"])
    assert log.quarantine_size() == 0


def test_nothing_is_kept_of_a_document_in_which_somebody_suppressed_can_be_read(
    conn: psycopg.Connection[Any], source: int, applier: Applier
) -> None:
    row = send(conn, source, 0, 6_000)
    damage(conn, row, body_of(conn, row)[:-10] + b"\xff" * 10)
    privacy.suppress(IdentifierKey("email", "ana@example.org"), reason="opposed", by="ann", now=clock.now())
    applier.apply_batch(now=clock.now())
    assert log.quarantine_size() == 0
    assert not events.waiting(conn)


def test_a_database_that_ends_the_connection_in_the_middle_of_a_batch_costs_a_second_try_and_no_item(
    conn: psycopg.Connection[Any], source: int, applier: Applier
) -> None:
    send(conn, source, 0, 3)
    send(conn, source, 3, 1)
    failures: list[BaseException] = []

    def apply() -> None:
        try:
            applier.apply_batch(now=clock.now())
        except psycopg.OperationalError as failure:
            failures.append(failure)

    with pg.connect() as other:
        other.execute("lock table events_event in access exclusive mode")
        thread = threading.Thread(target=apply)
        thread.start()
        ended = (
            "select pg_terminate_backend(pid) from pg_locks where relation = 'events_event'::regclass and not granted"
        )
        while not conn.execute(ended).fetchall():
            assert thread.is_alive(), "the batch ended although the log is locked"
        thread.join(60)
    assert len(failures) == 1
    assert (stored(conn), log.quarantine_size()) == (set(), 0)
    assert applier.apply_batch(now=clock.now()).fresh == 4
    assert (len(stored(conn)), log.quarantine_size()) == (4, 0)
