"""What a channel lost comes back with the next full comparison, and nobody else's members are touched."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors import selectors, services
from connectors.contracts import SyncView
from tests.connectors.receiver import Reply
from tests.connectors.vendors import mailchimp
from tests.connectors.vendors.iterable import Iterable
from tests.connectors.vendors.vendor import said
from tests.connectors.world import BY, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Iterator[Iterable]:
    made = Iterable()
    yield made
    made.close()


@pytest.fixture
def sync(world: World, channel: Iterable) -> SyncView:
    for one in range(1, 9):
        world.person(one, f"person{one}@example.com")
    world.enter(*range(1, 7))
    destination = services.create_destination(
        kind="iterable", name="List", settings={"base_url": channel.url}, secrets={"api_key": "key-1"}, by=BY,
        now=world.now, calls_per_second=5000,
    )  # fmt: skip
    made = world.sync(destination, mapping={"list_id": "12", "email": {"@path": "target.value"}})
    world.until_idle(made)
    return made


def everybody(*numbers: int) -> set[str]:
    return {f"person{one}@example.com" for one in numbers}


def compared(world: World, sync: SyncView) -> Any:
    world.later(minutes=5)
    services.run_now(sync_id=sync.id, by=BY)
    world.until_idle(sync)
    return world.latest_run(sync)


def test_whom_the_channel_lost_is_sent_again(world: World, channel: Iterable, sync: SyncView) -> None:
    assert set(channel.members) == everybody(1, 2, 3, 4, 5, 6)
    del channel.members["person2@example.com"], channel.members["person5@example.com"]
    run = compared(world, sync)
    assert (run.forgotten, run.foreign, run.planned.added) == (2, 0, 2)
    assert set(channel.members) == everybody(1, 2, 3, 4, 5, 6)
    assert compared(world, sync).forgotten == 0


def test_who_left_meanwhile_is_not_brought_back(world: World, channel: Iterable, sync: SyncView) -> None:
    del channel.members["person2@example.com"]
    world.leave(2, 3)
    run = compared(world, sync)
    assert set(channel.members) == everybody(1, 4, 5, 6)
    assert run.forgotten == 1


def test_members_of_others_are_counted_and_stay(world: World, channel: Iterable, sync: SyncView) -> None:
    channel.members["friend@example.org"] = {}
    run = compared(world, sync)
    assert (run.forgotten, run.foreign, run.planned.total) == (0, 1, 0)
    assert "friend@example.org" in channel.members


def test_rows_on_the_way_are_not_judged(world: World, channel: Iterable, sync: SyncView) -> None:
    channel.faults = [Reply(503)]
    world.enter(7)
    world.turn(sync)
    assert set(channel.members) == everybody(1, 2, 3, 4, 5, 6)
    run = compared(world, sync)
    assert (run.forgotten, run.foreign) == (0, 0)
    assert set(channel.members) == everybody(1, 2, 3, 4, 5, 6, 7)


def test_a_channel_that_cannot_be_asked_does_not_stop_the_comparison(
    world: World, channel: Iterable, sync: SyncView
) -> None:
    world.enter(8)
    channel.faults = [Reply(500)]
    run = compared(world, sync)
    assert "500" in run.read_back_problem
    assert "person8@example.com" in channel.members
    view = selectors.sync(sync.id)
    assert view is not None
    assert view.state == "active"


def test_an_answer_that_the_code_cannot_read_does_not_stop_the_comparison(world: World) -> None:
    channel = mailchimp.Mailchimp()
    world.person(1, "person1@example.com")
    world.enter(1)
    destination = services.create_destination(
        kind="mailchimp", name="Audience", settings={"base_url": channel.url}, secrets={"api_key": "key-us21"}, by=BY,
        now=world.now, calls_per_second=5000,
    )  # fmt: skip
    mapping = {"list_id": "aud", "segment_id": "12", "email": {"@path": "target.value"}}
    sync = world.sync(destination, mapping=mapping)
    world.until_idle(sync)
    channel.faults = [said(200, {"members": [{"unlike": "what was expected"}]})]
    run = compared(world, sync)
    assert run.read_back_problem == "The destination's code failed (KeyError)."
    assert compared(world, sync).read_back_problem == ""
    assert set(channel.members) == {"person1@example.com"}
    channel.close()


def test_a_channel_that_asked_for_a_rest_is_not_asked_who_is_there(
    world: World, channel: Iterable, sync: SyncView
) -> None:
    channel.faults = [Reply(429, {"retry-after": "600"})]
    world.enter(7)
    world.turn(sync)
    calls = len(channel.calls)
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert len(channel.calls) == calls
    assert "rest" in world.latest_run(sync).read_back_problem
