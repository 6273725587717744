"""Rules that a worker publishes: how far it is shows, it can be stopped, and a kill costs nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from cdp.environment import PROJECT_FOLDER
from common import jobs, pg
from common.models import AuditEntry, Job
from segments import selectors, services
from segments.contracts import PublicationView, SegmentView
from segments.language import read
from segments.models import Measure
from tests.segments.world import NOON, World

RULE = read('count("Order" in last 30 days) >= 2')
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def world(lasting: World) -> World:
    lasting.happens(1, NOON - timedelta(days=1), "Order")
    lasting.happens(1, NOON - timedelta(days=2), "Order")
    lasting.happens(2, NOON - timedelta(days=1), "Order")
    lasting.apply(NOON)
    return lasting


def ask(segment: SegmentView | None = None, rule: Any = RULE, **details: Any) -> PublicationView:
    given = details or ({} if segment else {"name": "Buyers"})
    return services.request_publication(rule=rule, by="ada", now=NOON, segment=segment, details=given)


def now_is(publication_id: int) -> PublicationView:
    found = selectors.publication(publication_id)
    assert found is not None
    return found


@contextmanager
def log_is_locked() -> Iterator[None]:
    """Whoever counts the past waits meanwhile."""
    with closing(pg.connect()) as other:
        other.execute("lock table events_event in access exclusive mode")
        yield


def soon(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_a_worker_publishes_what_was_asked_for(world: World) -> None:
    asked = ask(name="Buyers", tags=["shop"], description="Twice or more.")
    assert (asked.state, asked.segment_id, selectors.segment("buyers")) == ("waiting", None, None)
    assert services.run_publications(now=LATER) == 1
    done = now_is(asked.id)
    made = selectors.segment("buyers")
    assert made is not None
    assert (done.state, done.segment_id, done.error) == ("done", made.id, "")
    assert (made.size, made.tags, made.description, made.owner) == (1, ("shop",), "Twice or more.", "ada")
    assert world.stored(made.id) == {1} == world.oracle(RULE, now=LATER)
    job = Job.objects.get(pk=asked.job_id)
    assert (job.state, job.counts) == ("succeeded", {"people": 1})
    assert [one.action for one in AuditEntry.objects.all()] == ["segment.created"]
    assert services.run_publications(now=LATER) == 0


def test_the_next_version_keeps_its_details_and_note(world: World) -> None:
    made = world.segment(read("everyone"), slug="all")
    asked = services.request_publication(
        rule=RULE, by="ada", now=NOON, segment=made, details={"review_on": NOON.date()}, note="Narrower."
    )
    services.run_publications(now=LATER)
    changed = selectors.segment(made.id)
    assert changed is not None
    assert (changed.version, changed.size, changed.review_on) == (2, 1, NOON.date())
    assert [one.note for one in selectors.versions(made.id)][0] == "Narrower."
    assert now_is(asked.id).state == "done"


def test_somebody_who_was_faster_wins(world: World) -> None:
    made = world.segment(read("everyone"), slug="all")
    asked = ask(made)
    services.change_rule(segment_id=made.id, rule=read("plan is set"), by="bob", now=NOON)
    services.run_publications(now=LATER)
    assert now_is(asked.id).state == "failed"
    assert "Somebody changed the segment" in now_is(asked.id).error
    assert selectors.segment(made.id).version == 2  # type: ignore[union-attr]


def test_a_name_that_is_taken_is_told_when_asking_and_when_publishing(world: World) -> None:
    first = ask()
    second = ask()
    services.run_publications(now=LATER)
    assert (now_is(first.id).state, now_is(second.id).state) == ("done", "failed")
    assert "slug buyers exists already" in now_is(second.id).error
    with pytest.raises(services.SlugTaken):
        ask()


def test_one_is_stopped_while_its_past_is_being_counted(world: World) -> None:
    asked = ask()
    with log_is_locked():
        worker = threading.Thread(target=_run_in_thread)
        worker.start()
        soon(lambda: Job.objects.get(pk=asked.job_id).stage == "counting the past of Order")
        jobs.cancel(asked.job_id)
        worker.join(timeout=180)
        assert not worker.is_alive()
    assert now_is(asked.id).state == "cancelled"
    assert Job.objects.get(pk=asked.job_id).state == "cancelled"
    assert selectors.segment("buyers") is None
    assert not Measure.objects.exists()
    again = ask()
    assert services.run_publications(now=LATER) == 1
    assert now_is(again.id).state == "done"


def _run_in_thread() -> None:
    try:
        services.run_publications(now=LATER)
    finally:
        connection.close()


_WORKER = """
import django, os
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = os.environ["WORKER_DATABASE"]
from common import clock
from segments import services
services.run_publications(now=clock.now())
"""


@pytest.mark.processes
def test_a_worker_that_is_killed_leaves_the_rule_to_the_next(world: World) -> None:
    asked = ask()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cdp.settings",
        "WORKER_DATABASE": connection.settings_dict["NAME"],
    }
    with log_is_locked():
        worker = subprocess.Popen([sys.executable, "-c", _WORKER], cwd=PROJECT_FOLDER, env=environment)
        try:
            soon(lambda: Measure.objects.filter(filling=True).exists())
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert now_is(asked.id).state == "waiting"
    soon(lambda: services.run_publications(now=LATER))
    assert now_is(asked.id).state == "done"
    made = selectors.segment("buyers")
    assert made is not None
    assert world.stored(made.id) == {1} == world.oracle(RULE, now=LATER)
    assert not Measure.objects.filter(filling=True).exists()


def test_what_is_small_or_counted_already_is_published_at_once(world: World, settings: Any) -> None:
    settings.PUBLISH_AT_ONCE_EVENTS = 10**12
    assert not services.takes_long(RULE)
    settings.PUBLISH_AT_ONCE_EVENTS = -1
    assert services.takes_long(RULE)
    assert not services.takes_long(read("plan is set"))
    world.segment(RULE, slug="counted")
    assert not services.takes_long(RULE)
