"""Several workers, killed workers: real processes and real connections."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections

from connectors import services
from connectors.syncs import delivering
from connectors.syncs.models import Delivery, Run
from connectors.syncs.rate import Budget
from tests.connectors.receiver import Receiver, Reply, members_at
from tests.connectors.world import World

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import django; django.setup()
from datetime import datetime
from connectors.services import deliver_due
from django.db import connections
connections.databases["default"]["NAME"] = {database!r}
deliver_due(sync_id={sync_id}, now=datetime.fromisoformat({now!r}))
"""


@pytest.fixture
def workers() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def start_worker(world: World, sync_id: int) -> subprocess.Popen[bytes]:
    """A process of its own that takes one turn, on the database of this test and with its permissions."""
    code = WORKER.format(database=connection.settings_dict["NAME"], sync_id=sync_id, now=world.now.isoformat())
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "cdp.settings"),
        "CDP_OUTBOUND_ALLOW": "127.0.0.1",
        "CDP_DROP_FOLDER": django_settings.DROP_FOLDER,
    }
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment)


def test_a_worker_killed_between_sending_and_settling_costs_at_most_a_repeat_with_the_same_id(
    world: World, receiver: Receiver, workers: list[subprocess.Popen[bytes]]
) -> None:
    world.people(range(1, 31))
    world.enter(*range(1, 31))
    sync = world.sync(world.webhook(receiver))
    killed, begun = threading.Event(), threading.Event()

    def kill_on_the_fifth_call(call: object, before: int) -> Reply:
        # The request is here, its answer is not: the worst moment.
        if not killed.is_set() and len(receiver.calls) >= 5:
            killed.set()
            assert begun.wait(120)
            workers[0].send_signal(signal.SIGKILL)
        return Reply(cut=True) if killed.is_set() and workers[0].poll() is not None and before == 0 else Reply()

    receiver.script = kill_on_the_fifth_call
    workers.append(start_worker(world, sync.id))
    begun.set()
    assert workers[0].wait(timeout=300) == -signal.SIGKILL
    receiver.script = lambda call, before: Reply()
    on_the_way = Delivery.objects.filter(state="in_flight").count()
    assert on_the_way > 0
    # Within the lease the rows stay away from everybody; afterwards they are sent under the ids they had.
    before = len(receiver.calls)
    services.deliver_due(sync_id=sync.id, now=world.now + timedelta(seconds=5))
    assert Delivery.objects.filter(state="in_flight").count() == on_the_way
    assert (
        len({call.message_id for call in receiver.calls[before:]} & {c.message_id for c in receiver.calls[:before]})
        == 0
    )
    services.deliver_due(sync_id=sync.id, now=world.now + delivering.LEASE + timedelta(seconds=5))
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert members_at(receiver.events()) == {str(n) for n in range(1, 31)}
    assert len({call.message_id for call in receiver.calls}) == 30
    bodies: dict[str, set[bytes]] = {}
    for call in receiver.calls:
        bodies.setdefault(call.message_id, set()).add(call.body)
    assert all(len(found) == 1 for found in bodies.values())


def test_a_file_of_a_killed_worker_is_written_again_under_its_name_and_no_row_twice(world: World) -> None:
    world.people(range(1, 101))
    world.enter(*range(1, 101))
    sync = world.sync(world.filedrop(format="ndjson"))
    world.turn(sync)
    files = {path.name: path.read_bytes() for path in world.drop_folder.iterdir()}
    # As a worker leaves it that wrote the file and died before the verdicts were written.
    world.sql(
        """update connectors_delivery set state = 'in_flight', in_flight_since = %s, settled_at = null, batch = %s,
           payload = jsonb_build_object('key', jsonb_build_object('profile_id', profile_id::text))""",
        world.now, next(iter(files)).split("-")[1].split(".")[0] + "0" * 20,
    )  # fmt: skip
    world.later(minutes=5)
    world.turn(sync)
    assert {path.name for path in world.drop_folder.iterdir()} == set(files)
    assert world.states(sync) == {"delivered": 100}


def test_several_workers_on_one_sync_send_nobody_twice(
    world: World, receiver: Receiver, workers: list[subprocess.Popen[bytes]]
) -> None:
    world.people(range(1, 201))
    world.enter(*range(1, 201))
    sync = world.sync(world.webhook(receiver))
    workers += [start_worker(world, sync.id) for _ in range(3)]
    for worker in workers:
        assert worker.wait(timeout=300) == 0
    world.until_idle(sync)
    assert members_at(receiver.events()) == {str(n) for n in range(1, 201)}
    # A call that was not answered in time is made once more, by whoever has the turn then, and counted as an attempt.
    attempts = dict(Delivery.objects.values_list("key", "attempts"))
    assert Counter(call.message_id for call in receiver.calls) <= Counter(attempts)
    assert sum(attempts.values()) == 200 + sum(Run.objects.values_list("retried", flat=True))
    assert world.states(sync) == {"delivered": 200}


def test_two_claims_at_once_never_give_the_same_row(world: World, receiver: Receiver) -> None:
    """Even if two workers believe that the turn is theirs."""
    import uuid

    world.people(range(1, 301))
    world.enter(*range(1, 301))
    receiver.script = lambda call, before: Reply(status=503)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.sql("update connectors_delivery set next_attempt_at = %s", world.now)
    taken: list[list[int]] = []
    start = threading.Barrier(4)

    def claim_all() -> None:
        try:
            start.wait()
            while claimed := delivering.claim(sync_id=sync.id, token=uuid.uuid4(), limit=7, now=world.now):
                taken.append([row.id for row in claimed])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [row for batch in taken for row in batch]
    assert len(ids) == len(set(ids)) == 300


def test_a_verdict_that_comes_after_the_row_was_given_to_another_is_ignored(world: World, receiver: Receiver) -> None:
    import uuid

    from connectors.destinations.kit import Delivered

    world.person(1)
    world.enter(1)
    receiver.script = lambda call, before: Reply(status=503)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.later(minutes=11)
    first, second = uuid.uuid4(), uuid.uuid4()
    late = delivering.claim(sync_id=sync.id, token=first, limit=5, now=world.now)
    world.sql("update connectors_delivery set state = 'pending', claim = null")
    assert len(delivering.claim(sync_id=sync.id, token=second, limit=5, now=world.now)) == 1
    worked = delivering.settle(
        sync_id=sync.id, token=first, claimed=late, verdicts=[Delivered()], together=False, now=world.now
    )
    assert worked.delivered == 0
    assert world.states(sync) == {"in_flight": 1}


def test_while_somebody_has_the_turn_another_worker_leaves_at_once(world: World, receiver: Receiver) -> None:
    world.person(1)
    world.enter(1)
    sync = world.sync(world.webhook(receiver))
    stopped: list[str] = []

    def meanwhile(call: object, before: int) -> Reply:
        """The other comes while the call of the first is on its way."""
        try:
            stopped.append(world.turn(sync).stopped)
        finally:
            connections.close_all()
        return Reply()

    receiver.script = meanwhile
    world.turn(sync)
    assert stopped == ["somebody has the turn"]
    assert world.states(sync) == {"delivered": 1}


def test_the_rate_is_shared_by_all_who_ask_redis() -> None:
    one, two = Budget(django_settings.REDIS_URL), Budget(django_settings.REDIS_URL)
    key = int(time.time() * 1000) % 1_000_000_000
    began = time.monotonic()
    waits = [keeper.reserve(key, calls=10, per_second=10) for keeper in (one, two, one)]
    passed = time.monotonic() - began  # what goes by between two calls need not be waited for
    for wait, second in zip(waits, (0, 1, 2), strict=True):
        assert max(0, second - passed) - 0.1 <= wait <= second + 0.1


def test_without_redis_the_rate_is_a_quarter_and_deliveries_go_on(
    world: World, receiver: Receiver, settings: object
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    keeper = Budget("redis://127.0.0.1:1/0")
    began = time.monotonic()
    assert keeper.reserve(1, calls=10, per_second=10) == 0
    wait = keeper.reserve(1, calls=10, per_second=10)
    assert 4 - (time.monotonic() - began) - 0.2 <= wait <= 4.2
    world.person(1)
    world.enter(1)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    assert world.states(sync) == {"delivered": 1}
