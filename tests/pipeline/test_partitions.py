"""Partitions by time: made when needed, dropped when done, and never with anything in them that is still wanted."""

from datetime import UTC, datetime, timedelta

import pytest

import events.services as events
from common import pg
from events import partitions

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2026, 12, 31, 23, tzinfo=UTC), "events_event_2026_12"),
        (datetime(2024, 1, 1, tzinfo=UTC), "events_event_2024_01"),
        (datetime(2023, 12, 31, tzinfo=UTC), "events_event_2023"),
    ],
)
def test_the_log_is_cut_by_month_and_long_past_by_year(moment: datetime, name: str) -> None:
    found, start, end = partitions.log_span(moment)
    assert found == name
    assert start <= moment < end


def test_names_of_partitions_sort_in_order_of_time() -> None:
    moments = [datetime(2021, 5, 1, tzinfo=UTC) + timedelta(days=40 * n) for n in range(60)]
    names = [partitions.log_span(moment)[0] for moment in moments]
    assert names == sorted(names)


def test_an_hour_of_the_inbox_goes_only_when_all_of_it_is_applied() -> None:
    past = NOW - timedelta(hours=5)
    name = partitions.inbox_span(past)[0]
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=past)
        conn.execute("insert into events_inbox (received_at, source_id, events, body) values (%s, 1, 1, '')", [past])
        assert name not in events.drop_done_inbox(conn, now=NOW)
        with conn.transaction():
            events.settle(conn, events.claim(conn, events=10), now=NOW)
        assert name in events.drop_done_inbox(conn, now=NOW)
