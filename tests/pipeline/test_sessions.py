"""Visits are told from the log alone: the same whatever the order in which events came, and whoever bore them."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import selectors
from events.contracts import SessionView

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
_EVENT = """
insert into events_event
    (identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties, envelope)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_numbers = count()


@pytest.fixture
def log(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("create table events_event_of_all_times partition of events_event default")


def happens(minutes: float, *, who: int = 1, source: int = 1, kind: str = "track", **more: Any) -> None:
    at = NOON + timedelta(minutes=minutes)
    properties, named = json.dumps(more.pop("properties", {})), more.pop("named", None)
    envelope = json.dumps({"context": more, **({"name": named} if named else {})})
    with connection.cursor() as cursor:
        cursor.execute(_EVENT, [who, at, at, source, kind, "E", f"m{next(_numbers)}", properties, envelope])


def visits(*, ids: tuple[int, ...] = (1,), minutes: int = 30, **more: Any) -> list[SessionView]:
    return selectors.sessions(
        identifier_ids=ids, source_ids=(1, 2), before=NOON + timedelta(days=99), gap=timedelta(minutes=minutes), **more
    )


def test_a_pause_of_more_than_half_an_hour_ends_a_visit_and_midnight_does_not(log: None) -> None:
    for minute in (0, 30, 61, 11 * 60 + 50, 12 * 60 + 10):
        happens(minute)
    assert [(one.events, one.seconds) for one in visits()] == [(2, 1200.0), (1, 0.0), (2, 1800.0)]


def test_a_visit_tells_where_it_began_and_ended_and_what_brought_it(log: None) -> None:
    happens(1, kind="page", properties={"path": "/b"})
    happens(0, kind="page", properties={"path": "/a"}, page={"referrer": "https://search.example/"},
            campaign={"name": "spring"})  # fmt: skip
    happens(2)
    happens(3, kind="screen", named="Basket", source=2)
    (one,) = visits()
    assert (one.entry, one.exit, one.pages, one.events) == ("/a", "Basket", 3, 4)
    assert (one.referrer, one.campaign, one.source_ids) == ("https://search.example/", "spring", (1, 2))


def test_what_servers_tell_is_no_visit(log: None) -> None:
    happens(0, source=9)
    assert visits() == []


def test_two_browsers_of_one_person_are_one_visit_when_they_are_merged(log: None) -> None:
    happens(0, who=1)
    happens(10, who=2)
    assert [one.events for one in visits(ids=(1,))] == [1]
    assert [one.events for one in visits(ids=(1, 2))] == [2]


def test_pages_of_visits_go_back_in_time(log: None) -> None:
    for hour in range(5):
        happens(hour * 60)
    first = visits(limit=2)
    rest = selectors.sessions(identifier_ids=(1,), source_ids=(1,), before=first[-1].started_at)
    assert [one.started_at.hour for one in [*first, *rest]] == [16, 15, 14, 13, 12]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.lists(st.integers(0, 300), max_size=30), gap=st.sampled_from([1, 30, 60]))
def test_visits_are_those_of_the_sorted_events(log: None, minutes: list[int], gap: int) -> None:
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute("delete from events_event")
    for minute in minutes:
        happens(minute)
    runs: list[list[int]] = []
    for minute in sorted(minutes):
        if not runs or minute - runs[-1][-1] > gap:
            runs.append([])
        runs[-1].append(minute)
    found = [(one.events, one.seconds / 60) for one in reversed(visits(minutes=gap))]
    assert found == [(len(run), run[-1] - run[0]) for run in runs]
