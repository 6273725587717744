"""The scorecard on the real database: the play applied, its truth beside it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import zstandard
from django.core.cache import cache

import events.services as events
from cdp.demo.messages import CHANNELS, days_to_today, to_wire
from cdp.demo.shopping import households
from cdp.demo.stories import Play, write_play
from cdp.demo.truth import scorecard, store_truth
from cdp.models import DemoTruth
from cdp.pipeline.run import Applier
from common import pg
from tests.applying import apply_all

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def play() -> Play:
    return write_play(only=households(others=0)[:60])


@pytest.fixture
def conn(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    cache.clear()
    with pg.connect(autocommit=True) as made:
        events.ensure_inbox(made, now=NOW)
        yield made
    cache.clear()


def _apply(conn: psycopg.Connection[Any], play: Play) -> None:
    for number, channel in enumerate(CHANNELS, start=1):
        batch = to_wire(play.messages, channel=channel, shift=days_to_today(NOW))
        document = json.dumps({"batch": batch}).encode()
        events.store(
            conn, source_id=number, document=document, events=len(batch), client_ip=None, received_at=NOW,
            compressor=zstandard.ZstdCompressor(level=1),
        )  # fmt: skip
    applier = Applier()
    apply_all(applier, now=NOW)
    applier.close()


def test_without_a_play_there_is_no_scorecard(conn: psycopg.Connection[Any]) -> None:
    assert scorecard() is None


def test_the_truth_alone_is_no_scorecard_while_nobody_has_arrived(conn: psycopg.Connection[Any], play: Play) -> None:
    store_truth(play.truth())
    assert scorecard() is None


def test_storing_the_truth_twice_stores_it_once(conn: psycopg.Connection[Any], play: Play) -> None:
    store_truth(play.truth())
    rows = DemoTruth.objects.count()
    store_truth(play.truth())
    assert DemoTruth.objects.count() == rows > 0


def test_the_truth_covers_every_identifier_that_the_pipeline_found(conn: psycopg.Connection[Any], play: Play) -> None:
    store_truth(play.truth())
    _apply(conn, play)
    found = set(conn.execute("select kind, value from identity_identifier").fetchall())
    assert found == set(DemoTruth.objects.values_list("kind", "value"))


def test_the_scorecard_grades_the_people_who_have_arrived(conn: psycopg.Connection[Any], play: Play) -> None:
    store_truth(play.truth())
    _apply(conn, play)
    card = scorecard()
    assert card is not None
    seen = {person for people in play.truth().values() if len(people) == 1 for person in people}
    assert card.people == len(seen)
    assert card.grades.pairwise.precision > 0.5
    assert scorecard() == card, "kept for a while"
