"""The plan in the pipeline: learned from what comes, enforced where a source asks for it, and nothing is lost."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import zstandard

from cdp.pipeline.run import Applier
from common import clock, pg
from common.models import AuditEntry
from connectors import services as connectors
from events import selectors as log
from events import services as events
from quality import selectors, services
from quality.contracts import BadSchema
from quality.plan.models import Violation
from tests.applying import apply_all
from tests.quality.conftest import lately

pytestmark = pytest.mark.django_db(transaction=True)
Send = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def source(transactional_db: None) -> int:
    return connectors.create_source(name="Shop", kind="web", by="ann").id


@pytest.fixture
def send(source: int) -> Iterator[Send]:
    """Sends events (name, properties), applies them, and answers the properties of all that are in the log."""
    numbers = iter(range(10**6))
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())

        def store(*told: tuple[str, dict[str, Any]], at: int | None = None) -> list[dict[str, Any]]:
            calls = [
                {
                    "type": "track", "event": name, "properties": properties, "userId": "u1",
                    "messageId": f"p{next(numbers)}",
                }
                for name, properties in told
            ]  # fmt: skip
            put(conn, at or source, *calls)
            # A process writes what its first batch taught at once.
            applier = Applier()
            apply_all(applier, now=clock.now())
            applier.close()
            return [one.properties for one in log.stream_events()]

        yield store


def accept(name: str, schema: dict[str, Any] | None = None) -> int:
    return services.decide_event(name=name, status="accepted", schema=schema, by="ann", now=clock.now())


def enforce(source: int, *, unplanned: str = "allow", invalid: str = "allow") -> None:
    services.keep_enforcement(source_id=source, unplanned=unplanned, invalid=invalid, by="ann", now=clock.now())


def put(conn: psycopg.Connection[Any], source: int, *calls: dict[str, Any]) -> None:
    events.store(
        conn, source_id=source, document=json.dumps({"batch": calls}).encode(), events=len(calls),
        client_ip=None, received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip


def counted() -> dict[tuple[str, str], int]:
    return {(one.kind, one.pointer): one.count for one in selectors.violations(since=lately())}


def test_the_catalogue_is_learned_from_what_comes(send: Send, source: int) -> None:
    send(*[("Bought", {"total": n, "mail": "ana@example.org", "note": None}) for n in range(5)], ("Seen", {}))
    found = selectors.planned_event("Bought", now=clock.now())
    assert found is not None
    assert (found.status, found.looked_at, found.source_ids) == ("new", 5, (source,))
    total, mail = (
        next(one for one in selectors.properties_of("Bought") if one.path == path) for path in ("/total", "/mail")
    )
    assert (total.types, total.share, total.drifts) == ({"integer": 5}, 1.0, False)
    assert (mail.pii, "ana@" in mail.example) == ("email", False)
    send(("Bought", {"total": "12.50"}))
    assert next(one for one in selectors.properties_of("Bought") if one.path == "/total").drifts


def test_what_the_last_events_taught_is_written_although_no_more_come(source: int) -> None:
    now, applier = clock.now(), Applier()
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=now)
        for name in ("Bought", "Seen"):
            put(conn, source, {"type": "track", "event": name, "userId": "u1", "messageId": name})
            assert applier.apply_batch(now=now).taken == 1
    assert selectors.planned_event("Bought", now=now) is not None
    assert selectors.planned_event("Seen", now=now) is None
    assert applier.apply_batch(now=now + timedelta(seconds=6)).taken == 0
    assert selectors.planned_event("Seen", now=now) is not None
    applier.close()


def test_accepting_makes_a_schema_of_what_was_seen_and_then_the_next_is_clean(send: Send, source: int) -> None:
    send(("Bought", {"total": 1}))
    assert accept("Bought") == 1
    enforce(source, unplanned="quarantine", invalid="quarantine")
    send(("Bought", {"total": 2}), ("Bought", {"total": "x"}), ("Unheard", {}))
    waiting = {one.reason: one for one in log.quarantined()}
    assert set(waiting) == {"does_not_fit_plan", "unplanned_event"}
    assert waiting["does_not_fit_plan"].detail == "/total: has another type."
    assert counted() == {("type", "/total"): 1, ("unplanned", ""): 1}
    accept("Unheard", {"type": "object"})
    connectors.replay_quarantined([waiting["unplanned_event"].id], by="ann", now=clock.now())
    send()
    assert sorted(one.name for one in log.stream_events()) == ["Bought", "Bought", "Unheard"]
    assert sum(row[4] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 2


def test_flagged_items_come_in_as_they_are_and_stripped_ones_without_what_does_not_fit(send: Send, source: int) -> None:
    accept("Bought", {"properties": {"total": {"type": "number"}}, "additionalProperties": False})
    enforce(source, invalid="flag", unplanned="flag")
    assert send(("Bought", {"total": 1, "color": "red"})) == [{"total": 1, "color": "red"}]
    enforce(source, invalid="strip")
    found = send(("Bought", {"total": 2, "color": "red"}), ("Other", {"x": 1}))
    assert sorted(found, key=str) == [{"total": 1, "color": "red"}, {"total": 2}, {"x": 1}]
    assert counted() == {("additionalProperties", "/color"): 2}
    assert Violation.objects.get().sample == "red"


def test_what_cannot_be_taken_out_goes_to_the_quarantine(send: Send, source: int) -> None:
    accept("Bought", {"properties": {"": {"type": "object", "additionalProperties": False}}})
    enforce(source, invalid="strip")
    assert send(("Bought", {"": {"color": "red"}})) == []
    assert [one.reason for one in log.quarantined()] == ["does_not_fit_plan"]


def test_a_source_that_asks_for_nothing_lets_everything_in(send: Send, source: int) -> None:
    other = connectors.create_source(name="Till", kind="server", by="ann").id
    accept("Bought", {"properties": {"total": {"type": "number"}}})
    enforce(source, invalid="quarantine")
    assert send(("Bought", {"total": "x"}), at=other) == [{"total": "x"}]
    assert counted() == {}


def test_an_ignored_event_is_let_in_without_a_word(send: Send, source: int) -> None:
    services.decide_event(name="Noise", status="ignored", by="ann", now=clock.now())
    enforce(source, unplanned="quarantine", invalid="quarantine")
    assert send(("Noise", {"x": 1})) == [{"x": 1}]
    assert counted() == {}


def test_versions_are_kept_and_the_same_again_is_none(source: int) -> None:
    assert accept("Bought", {"type": "object"}) == 1
    assert accept("Bought", {"type": "object"}) == 1
    assert accept("Bought", {"type": "object", "required": ["total"]}) == 2
    assert services.decide_event(name="Bought", status="ignored", by="bob", now=clock.now()) == 3
    assert [(one[0], one[1], one[3]) for one in selectors.plan_versions("Bought")] == [
        (3, "ignored", "bob"), (2, "accepted", "ann"), (1, "accepted", "ann"),
    ]  # fmt: skip
    assert AuditEntry.objects.filter(object_type="event").count() == 3
    with pytest.raises(BadSchema):
        accept("Bought", {"type": "objec"})
    with pytest.raises(BadSchema):
        services.keep_enforcement(source_id=1, unplanned="maybe", invalid="allow", by="ann", now=clock.now())


def test_the_stage_costs_the_same_statements_whatever_the_batch(send: Send, source: int) -> None:
    accept("Bought", {"properties": {"total": {"type": "number"}}})
    enforce(source, unplanned="quarantine", invalid="strip")
    asked: list[int] = []
    for size in (3, 60):
        batch = events.Batch()
        for n in range(size):
            raw = json.dumps({"total": "x", "n": n}).encode()
            for column, value in (
                ("items", _item(n)), ("source_ids", source), ("received_us", 0), ("occurred_us", 0),
                ("names", "Bought" if n % 2 else f"New {n % 3}"), ("message_ids", f"m{n}"), ("sent_at", None),
                ("client_ips", None), ("properties", raw), ("contexts", b""),
                ("received", None),
            ):  # fmt: skip
                getattr(batch, column).append(value)
        with pg.connect() as conn:
            planned = services.PlanStage()
            before = _statements(conn)
            kept = planned.enforce(conn, batch, now=clock.now())
            planned.learn(conn, kept, now=clock.now())
            asked.append(_statements(conn) - before)
            conn.rollback()
    assert asked[0] == asked[1]


def _item(n: int) -> Any:
    from events.contracts import Item

    return Item(type="track", messageId=f"m{n}", userId="u")


def _statements(conn: psycopg.Connection[Any]) -> int:
    """How many statements this connection has prepared or run so far, by the server's own count."""
    row = conn.execute("select count(*) from pg_prepared_statements").fetchone()
    return int(row[0]) if row else 0
