"""The whole demo, small, over HTTP into the real database."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import psycopg
import pytest
import zstandard
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections

import events.services as events
from campaigns import selectors as campaigns
from campaigns import services as campaigning_services
from campaigns.journeys.running import run_once
from cdp.demo import campaigning
from cdp.demo.player import PlayFailed
from cdp.demo.segments import SEGMENTS
from cdp.demo.services import already_played, look_back, play_demo, scorecard
from cdp.demo.shopping import households
from cdp.demo.stories import Play, write_play
from cdp.models import DemoPlay
from cdp.pipeline.follow import follow_moves
from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import selectors as connectors
from connectors.sources.ingestion import Ingestion
from insights import selectors as insights
from insights import services as insights_services
from segments import selectors as segments
from tests.applying import apply_all


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Door:
    """The ingestion API, which can be told to refuse everything after some requests."""

    def __init__(self, application: Ingestion) -> None:
        self.application = application
        self.closes_after = 1_000_000

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        self.closes_after -= 1
        if self.closes_after < 0:
            start("403 Forbidden", [("Content-Length", "2")])
            return [b"{}"]
        return self.application(environ, start)


@pytest.fixture(scope="module")
def play() -> Play:
    return write_play(only=households(others=0)[:40])


@pytest.fixture
def conn(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    cache.clear()
    with pg.connect(autocommit=True) as made:
        events.ensure_inbox(made, now=clock.now())
        yield made
    cache.clear()


@pytest.fixture
def door() -> Door:
    return Door(Ingestion(nudge=lambda: None, key_seconds=0))


@pytest.fixture
def url(conn: psycopg.Connection[Any], door: Door) -> Iterator[str]:
    server = WSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(door)

    def serve() -> None:
        server.serve_forever()
        # The ingestion API and Django keep a connection for each thread, so it is this thread that must let go of them.
        door.application.close()
        connections.close_all()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _apply() -> None:
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()


def _stored(conn: psycopg.Connection[Any]) -> tuple[int, int]:
    row = conn.execute("select count(*), count(distinct message_id) from events_event").fetchone()
    assert row is not None
    return row[0], row[1]


def beside() -> int:
    """How many messages the web shop sends beside the play, as they stand in what was made of it."""
    experiment = campaigns.experiment("delivery-promise")
    assert experiment is not None
    play = write_play(only=households(others=0)[:40])
    return len(campaigning.visits(experiment, play.messages, play.people, shift=timedelta()))


def test_everything_that_is_played_arrives_and_is_graded(
    conn: psycopg.Connection[Any], url: str, play: Play, tmp_path: Path
) -> None:
    sent = play_demo(base_url=url, folder=tmp_path, now=clock.now(), play=play)
    _apply()
    assert sum(one.refused for one in sent) == 0
    assert _stored(conn) == (len(play.messages) + beside(), len(play.messages) + beside())
    assert beside() > 10
    # What the shop's bandit shows comes from a source of its own, of kind `server`.
    assert {source.kind for source in connectors.sources()} == {"web", "mobile", "email", "offline", "server"}
    assert {one.slug for one in SEGMENTS} <= {segment.slug for segment in segments.segments()}
    assert (tmp_path / "loyalty.csv").exists()
    assert already_played()
    card = scorecard()
    assert card is not None
    assert card.people > 0


def test_campaigns_experiments_and_messages_are_not_empty_when_the_demo_was_played(
    conn: psycopg.Connection[Any], url: str, play: Play, tmp_path: Path
) -> None:
    play_demo(base_url=url, folder=tmp_path, now=clock.now(), play=play)
    _apply()
    while run_once(now=clock.now()):
        pass
    while campaigning_services.send_due("inapp", now=clock.now(), suppressed=lambda _: set()):
        pass
    _apply()
    assert look_back()
    experiment, campaign = campaigns.experiments()[0], campaigns.campaigns()[0]
    [found] = campaigns.results(experiment.id)
    assert found.health.people > 10
    results = campaigns.campaign_results(campaign.id, now=clock.now())
    # Who is held out is chance; that carts let people in and each reminder is asked for is not.
    assert results.treated.entered + results.held_out.entered > 5
    assert sum(one.asked for one in results.messages) == results.steps[1].came
    assert sum(one.waiting + one.failed for one in results.messages) == 0


def test_the_pages_of_insights_are_not_empty_when_the_demo_was_played(
    conn: psycopg.Connection[Any], url: str, play: Play, tmp_path: Path
) -> None:
    play_demo(base_url=url, folder=tmp_path, now=clock.now(), play=play)
    _apply()
    assert look_back()
    asked = insights.runs()
    assert look_back()
    assert insights.runs() == asked
    assert {one.kind for one in asked} == {
        "rfm", "cohorts", "engagement", "lifetime", "recommendations", "clusters", "training",
    }  # fmt: skip
    assert insights_services.run_waiting(now=clock.now(), after=follow_moves) == len(asked)
    # Forty households are too few to group or to learn from, and the pages say so; the rest is there.
    ended = {one.kind: one.state for one in insights.runs()}
    assert {kind for kind, state in ended.items() if state == "done"} >= {"rfm", "cohorts", "engagement"}
    assert [one.name for one in insights.funnels()] == ["From a look to an order"]
    assert [one.name for one in insights.baselines()] == ["The quarter before"]
    insights_services.keep_up(clock_now=clock.now, after=follow_moves, at_most=600)
    assert {one.name: one.people > 0 for one in insights.kept_features()} == {
        "recency_days": True, "revenue_90d": True,
    }  # fmt: skip


def test_a_play_that_was_cut_short_is_taken_up_without_counting_anything_twice(
    conn: psycopg.Connection[Any], door: Door, url: str, play: Play, tmp_path: Path
) -> None:
    door.closes_after = 7
    with pytest.raises(PlayFailed):
        play_demo(base_url=url, folder=tmp_path, now=clock.now(), play=play)
    _apply()
    arrived, _ = _stored(conn)
    assert 0 < arrived < len(play.messages) + beside()
    assert not already_played()
    door.closes_after = 1_000_000
    play_demo(base_url=url, folder=tmp_path, now=clock.now(), play=play)
    _apply()
    assert _stored(conn) == (len(play.messages) + beside(), len(play.messages) + beside())
    # Four channels, what experiments show, and what campaigns say.
    assert len(connectors.sources()) == 6
    assert len(campaigns.campaigns()) == len(campaigns.experiments()) == 1


def _command(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("play_demo", "--format", "json", *arguments, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_the_command_plays_once_for_each_database(conn: psycopg.Connection[Any], url: str) -> None:
    DemoPlay.objects.create(shift_days=0, started_at=clock.now(), finished_at=clock.now())
    assert _command("--base-url", url) == {
        "played": False,
        "reason": "the demo has been played in this database",
    }


def test_insights_that_a_killed_player_did_not_ask_for_any_more_are_asked_for_by_the_next(
    conn: psycopg.Connection[Any], url: str, play: Play, tmp_path: Path
) -> None:
    play_demo(base_url=url, folder=tmp_path, now=clock.now(), play=play)
    _apply()
    assert insights.runs() == []
    assert _command("--base-url", url)["played"] is False
    asked = insights.runs()
    assert {one.kind for one in asked} >= {"rfm", "clusters", "training"}
    # What somebody removed afterwards stays removed.
    [funnel] = insights.funnels()
    insights_services.remove_funnel(funnel_id=funnel.id, by="ann", now=clock.now())
    assert _command("--base-url", url)["played"] is False
    assert (insights.funnels(), insights.runs()) == ([], asked)


def test_the_command_leaves_a_database_with_events_of_its_own_alone_when_asked(
    conn: psycopg.Connection[Any], url: str
) -> None:
    event = {"type": "track", "event": "Seen", "userId": "u1", "messageId": "m1"}
    events.store(
        conn, source_id=1, document=json.dumps({"batch": [event]}).encode(), events=1, client_ip=None,
        received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip
    assert _command("--if-first", "--base-url", url)["played"] is False
