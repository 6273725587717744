"""A channel that may send so many a second hands no more over, however many workers do it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis
from django.conf import LazySettings, settings
from django.db import connections

from campaigns import services
from campaigns.sending.models import Send
from campaigns.sending.pacing import TooSoon, place_of, wait_for_place
from cdp.environment import PROJECT_FOLDER
from tests.campaigns.sending_world import START, World, queue
from tests.connectors.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def valkey() -> Iterator[redis.Redis]:
    made = redis.Redis.from_url(settings.REDIS_URL)
    for key in made.scan_iter("cdp:pace:*"):
        made.delete(key)
    yield made
    made.close()


def places(channel: str, per_second: float, *, tries: int) -> list[int]:
    """The instants that were given out, in microseconds."""
    found = []
    for _ in range(tries):
        try:
            found.append(place_of(channel, per_second)[0])
        except TooSoon:
            break
    return found


def apart(found: list[int]) -> int:
    return min(later - earlier for earlier, later in zip(sorted(found), sorted(found)[1:], strict=False))


def test_places_of_all_workers_together_are_as_far_apart_as_the_rate_asks() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [one for told in pool.map(lambda _: places("sms", 100, tries=20), range(4)) for one in told]
    assert len(found) == 80
    assert apart(found) >= 10_000
    # Another channel has places of its own.
    assert len(places("email", 100, tries=1)) == 1


_TAKES_PLACES = """
import sys, redis
from campaigns.sending.pacing import TooSoon, place_of
client = redis.Redis.from_url(sys.argv[1])
while True:
    try:
        print(place_of("sms", 50, client)[0], flush=True)
    except TooSoon:
        pass
"""


def test_a_worker_that_is_killed_leaves_its_places_empty() -> None:
    command = [sys.executable, "-c", _TAKES_PLACES, settings.REDIS_URL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_FOLDER) as worker:
        assert worker.stdout is not None
        found = [int(worker.stdout.readline()) for _ in range(5)]
        worker.kill()
        found += [int(line) for line in worker.stdout.read().split()]
    while not (ours := places("sms", 50, tries=1)):
        time.sleep(0.05)
    assert apart(found + ours) >= 20_000
    assert min(ours) > max(found)


def test_nobody_is_asked_to_wait_for_long_and_one_message_in_ten_seconds_is_a_rate_too() -> None:
    # Fifty places are more than eight minutes: who comes later is told that it is too soon.
    found = places("sms", 0.1, tries=50)
    assert 1 < len(found) < 50
    assert apart(found) >= 10_000_000
    waits: list[float] = []
    assert all(wait_for_place("sms", 10, wait=waits.append) for _ in range(3))
    assert wait_for_place("email", None, wait=waits.append)
    assert all(0 < one <= 1 for one in waits)


def test_a_clock_that_was_set_back_holds_no_channel_up(valkey: redis.Redis) -> None:
    [first] = places("sms", 10, tries=1)
    valkey.set("cdp:pace:sms", first + int(timedelta(days=1).total_seconds()) * 1_000_000)
    assert len(places("sms", 10, tries=2)) == 2


def test_a_channel_with_a_rate_waits_while_nobody_can_tell_how_much_it_sent(
    settings: LazySettings, world: World
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert not wait_for_place("sms", 10)


@pytest.fixture
def hook(world: World, settings: LazySettings) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiving() as made:
        yield made


def set_up(hook: Receiver, per_second: float) -> None:
    services.keep_channel("webhook", "webhook", {"url": hook.url}, by="ann", now=START, per_second=per_second)


def ask_for(world: World, number: int) -> None:
    world.policy()
    queue([world.request(world.person(f"p{n}"), channels=("webhook",)) for n in range(number)])


def turn(_: int = 0) -> int:
    try:
        return services.send_due("webhook", now=START, suppressed=lambda _: set())
    finally:
        connections.close_all()


def test_workers_side_by_side_hand_over_each_message_once_and_together_keep_to_the_rate(
    world: World, hook: Receiver, valkey: redis.Redis
) -> None:
    set_up(hook, 20)
    ask_for(world, 12)
    [began] = places("webhook", 20, tries=1)
    while Send.objects.exclude(state="sent").exists():
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(turn, range(3)))
    assert len({call.headers["webhook-id"] for call in hook.calls}) == len(hook.calls) == 12
    # Twelve places of 50 ms were taken: who came next got none before the twelve were over.
    [after] = places("webhook", 20, tries=1)
    assert after - began >= 13 * 50_000


def test_a_rate_that_is_too_slow_or_no_number_is_refused(world: World, hook: Receiver) -> None:
    for wrong in (0, -1, 0.01, 10_001, float("nan"), float("inf")):
        with pytest.raises(services.InvalidPolicy) as why:
            set_up(hook, wrong)
        assert list(why.value.problems) == ["/per_second"]
