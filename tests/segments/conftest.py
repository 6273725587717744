from collections.abc import Iterator

import psycopg
import pytest

from tests.segments.world import World


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def lasting(transactional_db: None) -> Iterator[World]:
    """A world of two people whose transactions are real, for what happens side by side."""
    made = World()
    made.person(1)
    made.person(2)
    yield made
    with psycopg.Cursor(made.conn) as cursor:
        cursor.execute("drop table events_event_of_all_times")
