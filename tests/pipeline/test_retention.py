"""Retention: events go by the most specific rule, counters and memberships go along, and nothing else is touched."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import zstandard
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import events.services as events
from cdp import consistency
from cdp.pipeline import retention
from cdp.pipeline.run import Applier
from common import clock, jobs, pg
from common.models import AuditEntry, Job
from events import selectors as log
from events.contracts import RetentionRule
from segments import selectors as ledger
from segments import services as segments
from tests.applying import apply_all
from tests.connectors.killing import kill_worker

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Send = Callable[..., None]
TWICE = {"event": "Bought", "count": {"is": "gte", "value": 2}}
SINCE_LONG = {"event": "Bought", "first": {"is": "before", "value": "2026-06-01"}}
SPENT = {"event": "Bought", "sum": {"property": "total", "is": "gte", "value": 30}}


@pytest.fixture
def applier(transactional_db: None) -> Iterator[Applier]:
    made = Applier()
    yield made
    made.close()


@pytest.fixture
def send(applier: Applier) -> Send:
    """Applies events: (person, name, days ago)."""
    numbers = iter(range(10**7))
    compressor = zstandard.ZstdCompressor(level=1)

    def store(*told: tuple[str, str, int], source: int = 1, **more: Any) -> None:
        items = [
            {
                "type": "track", "event": name, "userId": person, "messageId": f"r{next(numbers)}",
                "timestamp": (NOW - timedelta(days=days)).isoformat(), "properties": {"total": 10}, **more,
            }
            for person, name, days in told
        ]  # fmt: skip
        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=NOW)
            events.store(
                conn, source_id=source, document=json.dumps({"batch": items}).encode(), events=len(items),
                client_ip=None, received_at=NOW, compressor=compressor,
            )  # fmt: skip
        apply_all(applier, now=NOW)

    return store


def keep(days: int | None, **about: Any) -> None:
    events.keep_retention(days=days, by="ann", now=NOW, **about)


def run(*, default_days: int = 0) -> dict[str, int]:
    """What a run came to."""
    retention.request_retention(by="ann", now=NOW)
    retention.run_retention(now=NOW, default_days=default_days)
    job = Job.objects.filter(kind=retention.KIND).latest("pk")
    assert (job.state, job.error) == ("succeeded", "")
    return {name: count for name, count in job.counts.items() if count}


def kept() -> list[tuple[str, int]]:
    """(name, days ago) of what is in the log."""
    return sorted((one.name, (NOW - one.occurred_at).days) for one in log.stream_events())


def expect_equal() -> None:
    """Both executors and all readers say the same of every segment."""
    assert set(segments.refresh_all(now=NOW).values()) <= {0}
    assert consistency.audit(now=NOW).problems == []


def test_events_go_by_their_age_and_counters_and_memberships_with_them(send: Send) -> None:
    ids = [
        segments.create_segment(name=name, rule=rule, by="ann", now=NOW).id
        for name, rule in (("Twice", TWICE), ("Long", SINCE_LONG), ("Spent", SPENT))
    ]
    send(("u1", "Bought", 300), ("u1", "Bought", 200), ("u1", "Bought", 10), ("u2", "Bought", 5), ("u2", "Seen", 300))
    assert [ledger.size(one) for one in ids] == [1, 1, 1]
    keep(100, event="Bought")
    assert run() == {"the event Bought, 100 days": 2, "memberships": 3}
    assert kept() == [("Bought", 5), ("Bought", 10), ("Seen", 300)]
    assert [ledger.size(one) for one in ids] == [0, 0, 0]
    assert {one.reason for one in ledger.changes(segment_id=ids[0], after_seq=0, limit=10) if not one.entered} == {
        "retention"
    }
    expect_equal()
    send(("u1", "Bought", 0))
    assert [ledger.size(one) for one in ids] == [1, 0, 0], "what is gone is not counted with what comes"
    expect_equal()
    assert AuditEntry.objects.get(action="retention.done").after == {"the event Bought, 100 days": 2, "memberships": 3}
    assert run() == {}


def test_the_most_specific_rule_decides(send: Send) -> None:
    send(("u1", "Order", 400), ("u1", "Seen", 400), ("u1", "Seen", 50))
    send(("u1", "Seen", 20), ("u1", "Order", 20), source=2)
    send(("u2", "Seen", 3), context={"consent": {"categoryPreferences": {"Analytics": True}}})
    send(("u2", "Seen", 90))
    keep(365)
    keep(None, event="Order")
    keep(10, source_id=2)
    keep(60, purpose="Analytics")
    assert run() == {"every event without consent to analytics, 60 days": 1, "every event of source 2, 10 days": 1}
    assert kept() == [("Order", 20), ("Order", 400), ("Seen", 3), ("Seen", 50), ("Seen", 90)]


def test_a_month_in_which_everything_is_over_goes_at_once_and_may_come_again(send: Send) -> None:
    segments.create_segment(name="Twice", rule=TWICE, by="ann", now=NOW)
    send(*[("u1", "Seen", 200 + n) for n in range(40)], ("u1", "Bought", 210), ("u1", "Bought", 1))
    assert run(default_days=100) == {"every event, 100 days": 41, "memberships": 1}
    with pg.connect() as conn:
        found = conn.execute("select count(*) from pg_class where relname = 'events_event_2026_04'").fetchone()
    assert found == (0,)
    send(("u1", "Bought", 215))
    assert kept() == [("Bought", 1), ("Bought", 215)]
    expect_equal()
    assert run(default_days=100)["every event, 100 days"] == 1
    expect_equal()


def test_a_run_that_is_killed_is_taken_up_again_and_takes_out_everything_once(send: Send) -> None:
    one = segments.create_segment(name="Twice", rule=TWICE, by="ann", now=NOW).id
    for start in range(0, 3_000, 1_500):
        send(*[(f"u{n}", "Bought", 200) for n in range(start, start + 1_500)])
        send(*[(f"u{n}", "Bought", 1) for n in range(start, start + 1_500)])
    assert ledger.size(one) == 3_000
    keep(100)
    retention.request_retention(by="ann", now=NOW)
    work = f"""
from datetime import datetime
from cdp.pipeline import retention
retention._SLICE = 100
retention.Courtesy.give_way = resting(0, steps=10)
retention.run_retention(now=datetime.fromisoformat({NOW.isoformat()!r}))
"""
    kill_worker(work, when=lambda: ledger.size(one) <= 2_800)
    assert 0 < ledger.size(one) < 3_000
    expect_equal()
    left = len(kept())
    assert run() == {"every event, 100 days": 3_000, "memberships": 3_000}
    assert (ledger.size(one), len(kept()), left > 3_000) == (0, 3_000, True)
    expect_equal()


def test_it_waits_while_the_past_of_a_rule_is_counted_and_stops_when_it_is_asked_to(send: Send) -> None:
    send(("u1", "Bought", 200))
    keep(100)
    job = retention.request_retention(by="ann", now=NOW)
    with segments.prepared(TWICE, now=NOW):
        retention.run_retention(now=NOW)
    assert kept() == [("Bought", 200)]
    assert Job.objects.get(pk=job).stage == "waiting until a segment is published"
    jobs.cancel(job)
    keep(100, event="Bought")
    retention.run_retention(now=NOW)
    assert Job.objects.get(pk=job).state == "cancelled"


def test_the_clock_runs_it_once_a_day(send: Send) -> None:
    send(("u1", "Bought", 200))
    assert not retention.run_retention(now=clock.now())
    assert not Job.objects.filter(kind=retention.KIND).exists()
    keep(100)
    retention.run_retention(now=clock.now())
    assert kept() == []
    send(("u1", "Bought", 200))
    retention.run_retention(now=clock.now())
    assert kept() == [("Bought", 200)]
    retention.run_retention(now=clock.now() + retention.EVERY)
    assert kept() == []


def test_what_would_go_is_counted_before(send: Send) -> None:
    send(("u1", "Bought", 200), ("u1", "Seen", 150), ("u1", "Seen", 10))
    keep(100)
    draft = events.checked_rule(days=5, event="Seen")
    found, estimated = log.due_events([*log.retention_rules(), draft], now=NOW)
    by_rule = {rule: due.count for rule, due in found.items()}
    assert (by_rule, estimated) == ({log.retention_rules()[0].id: 1, -1: 2}, False)
    with pytest.raises(events.BadRule):
        events.checked_rule(days=0)


about = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["", "A", "B"]), "source_id": st.sampled_from([None, 1, 2]),
        "purpose": st.sampled_from(["", "ads"]), "days": st.sampled_from([None, 5, 50, 500]),
    }
)  # fmt: skip
happened = st.tuples(
    st.sampled_from(["A", "B", "C"]), st.sampled_from([1, 2]), st.booleans(), st.sampled_from([1, 20, 200, 2000])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.lists(about, max_size=6, unique_by=lambda one: (one["event"], one["source_id"], one["purpose"])),
    told=st.lists(happened, min_size=1, max_size=8),
)
def test_the_database_decides_as_the_rules_say(db: None, rules: list[dict[str, Any]], told: list[Any]) -> None:
    made = [RetentionRule(id=place, **one) for place, one in enumerate(rules)]
    with transaction.atomic():
        _told(told)
        expiry = events.Expiry(made, now=NOW)
        with psycopg.Cursor(pg.raw()) as cursor:
            query = f"select e.message_id from events_event e where e.occurred_at < {expiry.horizon}"
            found = {row[0] for row in cursor.execute(query, expiry.params).fetchall()}
        transaction.set_rollback(True)
    assert found == {f"m{place}" for place, one in enumerate(told) if _goes(made, *one)}


def _goes(rules: list[RetentionRule], name: str, source: int, agreed: bool, days: int) -> bool:
    fitting = [
        one for one in rules
        if one.event in ("", name) and one.source_id in (None, source) and not (one.purpose and agreed)
    ]  # fmt: skip
    decides = max(fitting, key=lambda one: one.rank, default=None)
    return decides is not None and decides.days is not None and days > decides.days


def _told(told: list[Any]) -> None:
    conn = pg.raw()
    conn.execute("create table events_event_ever partition of events_event default")
    for place, (name, source, agreed, days) in enumerate(told):
        conn.execute(
            "insert into identity_identifier (id, kind, value, component_id, profile_id, first_seen_at)"
            " overriding system value values (%s, 'user_id', %s, %s, %s, %s)",
            [place + 1, f"u{place}", place + 1, place + 1, NOW],
        )
        conn.execute(
            "insert into identity_profile (id, traits, created_at, updated_at) values (%s, %s, %s, %s)",
            [place + 1, json.dumps({"consent_ads": agreed}), NOW, NOW],
        )
        conn.execute(
            "insert into events_event (identifier_id, occurred_at, received_at, source_id, type, name, message_id,"
            " envelope) values (%s, %s, %s, %s, 'track', %s, %s, '{}')",
            [place + 1, NOW - timedelta(days=days), NOW, source, name, f"m{place}"],
        )
