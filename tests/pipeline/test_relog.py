"""Replay of the log: what older rules left out is derived, nothing twice, and nobody who was erased comes back."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zstandard
from django.db import connection, transaction

import events.services as events
from cdp import erasing
from cdp.pipeline import replays
from cdp.pipeline.follow import follow_moves
from cdp.pipeline.run import Applier
from common import clock, pg, turns
from events import selectors as log
from events.contracts import LogFilter
from identity import selectors as people
from identity import services as identity
from insights import services as insights
from privacy import services as privacy
from segments import selectors as ledger
from segments import services as segments
from tests.applying import apply_all
from tests.connectors.killing import kill_worker

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Send = Callable[..., None]


@pytest.fixture
def applier(transactional_db: None) -> Iterator[Applier]:
    made = Applier()
    yield made
    made.close()


@pytest.fixture
def send(applier: Applier) -> Send:
    numbers = iter(range(10**7))
    compressor = zstandard.ZstdCompressor(level=1)

    def store(*items: dict[str, Any], source: int = 1) -> None:
        made = [
            {"messageId": f"m{next(numbers)}", "timestamp": (NOW - timedelta(days=3)).isoformat(), **one}
            for one in items
        ]
        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=NOW)
            events.store(
                conn, source_id=source, document=json.dumps({"batch": made}).encode(), events=len(made),
                client_ip=None, received_at=NOW, compressor=compressor,
            )  # fmt: skip
        apply_all(applier, now=NOW)

    return store


def visitors(count: int) -> list[dict[str, Any]]:
    """People who browse, sign in with an e-mail address, and buy on two devices."""
    return [
        call
        for n in range(count)
        for call in (
            {"type": "track", "event": "Seen", "anonymousId": f"a{n}"},
            {
                "type": "identify", "anonymousId": f"a{n}", "userId": f"u{n}",
                "traits": {"email": f"u{n}@example.org", "plan": "pro" if n % 2 else "free"},
            },
            {"type": "track", "event": "Bought", "anonymousId": f"a{n}", "userId": f"u{n}"},
            {
                "type": "track", "event": "Bought", "anonymousId": f"b{n}",
                "context": {"traits": {"email": f"u{n}@example.org"}},
            },
        )
    ]  # fmt: skip


def as_older_rules_left_it() -> None:
    """Links and claims that a rule of today finds are not there, and events hang on what was known of them then."""
    with transaction.atomic(), connection.cursor() as cursor:
        turns.take(pg.raw(), "older")
        cursor.execute("delete from identity_link")
        cursor.execute("delete from identity_claim")
        cursor.execute(
            "update events_event e set identifier_id = i.id from identity_identifier i"
            " where i.kind = 'anonymous_id' and i.value = e.envelope::jsonb ->> 'anonymousId'"
        )
    identity.rebuild_profiles(now=NOW, after=follow_moves)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select id from identity_identifier")
        ids = [row[0] for row in cursor.fetchall()]
        turns.take(pg.raw(), "older")
        segments.recount(pg.raw(), identifier_ids=ids, names={"Bought", "Seen"}, now=NOW, reason="replay")


def told() -> Any:
    """Who is who with which traits, what hangs where, and who is in which segment."""
    with connection.cursor() as cursor:
        cursor.execute("select id, profile_id, kind || ':' || value from identity_identifier")
        rows = cursor.fetchall()
        cursor.execute("select id, traits::text from identity_profile")
        traits = dict(cursor.fetchall())
        cursor.execute("select message_id, identifier_id from events_event")
        hung = cursor.fetchall()
    names = {one: name for one, _, name in rows}
    groups: dict[int, set[str]] = {}
    for _, profile, name in rows:
        groups.setdefault(profile, set()).add(name)
    members = {
        segment.slug: sorted(sorted(groups[one]) for one in ledger.members(segment.id)) for segment in ledger.segments()
    }
    return (
        sorted((sorted(group), traits[profile]) for profile, group in groups.items()),
        sorted((message, names[one]) for message, one in hung),
        members,
    )


def replay(**fits: Any) -> dict[str, int]:
    made = replays.request_log_replay(fits=LogFilter(**fits), by="ann", now=NOW)
    replays.run_replays(now=NOW, after=lambda: None)
    found = log.replay(made.id)
    assert found is not None
    assert (found.state, found.error) == ("done", "")
    return dict(found.counts)


def two_segments() -> None:
    segments.create_segment(
        name="Twice", rule={"event": "Bought", "count": {"is": "gte", "value": 2}}, by="ann", now=NOW
    )  # fmt: skip
    segments.create_segment(name="Pro", rule={"trait": "plan", "is": "eq", "value": "pro"}, by="ann", now=NOW)


def test_what_older_rules_left_out_is_derived_from_the_log_and_once_only(send: Send, applier: Applier) -> None:
    two_segments()
    send(*visitors(40))
    right = told()
    as_older_rules_left_it()
    assert told() != right
    came_to = replay()
    assert told() == right
    assert came_to["events"] == 160
    assert came_to["events_on_other_identifiers"] > 0
    assert set(segments.refresh_all(now=NOW).values()) == {0}
    again = replay()
    assert {name: count for name, count in again.items() if count} == {"events": 160}
    send({"type": "track", "event": "Bought", "anonymousId": "b7"})
    assert people.find_profile("anonymous_id", "b7") == people.find_profile("user_id", "u7"), "the applier knows of it"
    assert identity.rebuild_profiles(now=NOW).healthy


def test_kept_features_follow_events_that_hang_elsewhere(send: Send) -> None:
    def keep_up() -> None:
        insights.keep_up(clock_now=lambda: NOW + timedelta(hours=1), after=follow_moves, at_most=600)

    insights.declare_feature(name="bought", measure="count", event="Bought", by="ann", now=NOW)
    insights.keep_feature(name="bought", by="ann", now=NOW)
    send(*visitors(10))
    keep_up()
    right = told()
    assert '"feature_bought": 2' in str(right)
    as_older_rules_left_it()
    assert replay()["events_on_other_identifiers"] > 0
    keep_up()
    assert told() == right


def test_what_people_chose_is_recorded_once_however_often_the_log_is_read(send: Send) -> None:
    def chose(minutes: int, granted: bool, event: str) -> dict[str, Any]:
        at = (NOW - timedelta(days=2) + timedelta(minutes=minutes)).isoformat()
        consent = {"categoryPreferences": {"News": granted}}
        return {"type": "track", "event": event, "userId": "u", "timestamp": at, "context": {"consent": consent}}

    updated = "Segment Consent Preference Updated"
    send(chose(1, True, "Seen"), chose(2, True, "Seen"), chose(4, True, updated))
    send(chose(3, False, "Seen"), chose(5, True, "Seen"), chose(6, False, updated), chose(7, True, updated))
    who = people.find_profile("user_id", "u") or 0
    before = people.consent_history(who)
    assert [one[:3] for one in people.consent_answers(who)] == [("news", "", True)]
    assert replay()["events"] == 7
    assert people.consent_history(who) == before


def test_only_what_fits_is_replayed_and_was_counted(send: Send) -> None:
    send(*visitors(3))
    send({"type": "track", "event": "Bought", "userId": "x"}, source=2)
    send({"type": "track", "event": "Bought", "userId": "x", "timestamp": (NOW - timedelta(days=90)).isoformat()})
    profile = people.find_profile("user_id", "x")
    for fits, expected in (
        ({}, 14),
        ({"event": "Bought"}, 8),
        ({"event": "$identify"}, 3),
        ({"source_id": 2}, 1),
        ({"since": NOW - timedelta(days=10), "event": "Bought"}, 7),
        ({"until": NOW - timedelta(days=10)}, 1),
        ({"profile_id": profile}, 2),
        ({"profile_id": 10**9}, 0),
    ):
        wanted = LogFilter(**fits)  # type: ignore[arg-type]
        assert log.count_events(wanted, ids=replays.identifiers_of(wanted)) == (expected, False)
        assert replay(**fits).get("events", 0) == expected


def test_a_replay_that_is_killed_ends_as_if_nothing_had_been(send: Send) -> None:
    two_segments()
    send(*visitors(400))
    right = told()
    as_older_rules_left_it()
    made = replays.request_log_replay(fits=LogFilter(), by="ann", now=NOW)
    work = f"""
from datetime import datetime
from cdp.pipeline import relog, replays
# Also where the log begins with pages that are empty.
relog._FIRST_PAGES, relog._MOST_PAGES, relog._EVENTS_A_STEP = 2, 2, 50
from events import selectors as log
rest = resting(0.2, steps=3)
# How many pages are empty depends on the tests before this one: they do not count.
replays.run_replays(
    now=datetime.fromisoformat({NOW.isoformat()!r}),
    after=lambda: rest() if log.replay({made.id}).counts.get("events") else None,
)
"""
    kill_worker(work, when=lambda: (log.replay(made.id) or made).counts.get("events", 0) > 0)
    halfway = log.replay(made.id)
    assert halfway is not None
    assert 0 < halfway.counts["events"] < 1_600
    replays.run_replays(now=NOW, after=lambda: None)
    found = log.replay(made.id)
    assert found is not None
    assert found.state == "done"
    assert told() == right
    assert set(segments.refresh_all(now=NOW).values()) == {0}


def test_who_is_suppressed_or_erased_does_not_come_back(send: Send) -> None:
    send(*visitors(2))
    gone = people.find_profile("user_id", "u0")
    assert gone is not None
    privacy.request_erasure(profile_id=gone, by="ann", now=clock.now())
    erasing.run_erasures(now=clock.now())
    events_left = len(list(log.stream_events()))
    assert replay()["events"] == events_left
    assert people.find_profile("user_id", "u0") is None
    assert people.find_profile("email", "u0@example.org") is None
