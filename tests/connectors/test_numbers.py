"""The numbers of a sync: every member in one group, and tries of a run that add up."""

import pytest

from connectors import selectors, services
from connectors.contracts import SyncNumbers, SyncView
from connectors.syncs.numbers import sync_numbers as counted
from tests.connectors.receiver import Call, Receiver, Reply
from tests.connectors.world import BY, World


def numbers(sync: SyncView) -> SyncNumbers:
    found = selectors.sync_numbers(sync.id)
    assert found is not None
    groups = (found.there, found.waiting, found.rejected, found.skipped, found.missing)
    assert sum(groups) == found.members
    return found


@pytest.fixture
def sync(world: World, receiver: Receiver) -> SyncView:
    """Eight members: four are taken, one is refused, one fails for a while, two have no e-mail address."""
    for profile_id in range(1, 7):
        world.person(profile_id, f"p{profile_id}@example.com")
    world.person(7)
    world.person(8)
    world.enter(*range(1, 9))

    def script(call: Call, before: int) -> Reply:
        who = call.event["data"]["profile_id"]
        return Reply(400) if who == "5" else Reply(503 if who == "6" and before < 2 else 200)

    receiver.script = script
    return world.sync(world.webhook(receiver), identifier_kind="email")


def test_every_member_is_in_one_group_at_each_stage(world: World, sync: SyncView) -> None:
    assert numbers(sync).members == 0, "the sync has not begun to read the ledger"
    world.turn(sync)
    begun = numbers(sync)
    assert (begun.members, begun.there, begun.waiting, begun.rejected, begun.skipped) == (8, 4, 1, 1, 2)
    assert (begun.with_row, begun.match_rate, begun.rows_there, begun.rows_on_the_way) == (6, 0.75, 4, 1)
    world.until_idle(sync)
    done = numbers(sync)
    assert (done.there, done.waiting, done.rejected, done.skipped, done.missing) == (5, 0, 1, 2, 0)


def test_planned_rows_and_tries_of_a_run_add_up(world: World, receiver: Receiver, sync: SyncView) -> None:
    world.turn(sync)
    world.until_idle(sync)
    run = world.latest_run(sync)
    assert (run.planned.total, run.delivered.total, run.failed.total, run.waiting) == (6, 5, 1, 0)
    assert run.tries == len(receiver.calls) == 8
    assert run.retried == 2
    services.retry_failed(sync_id=sync.id, by=BY, now=world.now)
    world.until_idle(sync)
    again = world.latest_run(sync)
    assert (again.tries, again.retried, again.waiting) == (len(receiver.calls), 3, 0)


def test_who_is_on_the_way_out_is_told_apart_from_members(world: World, receiver: Receiver, sync: SyncView) -> None:
    world.until_idle(sync)
    world.leave(1)
    receiver.script = lambda call, before: Reply(503)
    world.turn(sync)
    found = numbers(sync)
    assert (found.members, found.leaving, found.extra) == (7, 1, 0)


def test_of_very_many_without_a_row_a_sample_is_read(world: World, receiver: Receiver) -> None:
    world.enter(*world.people(range(1, 101)))
    sync = world.sync(world.webhook(receiver), identifier_kind="phone")
    world.turn(sync)
    found = counted(sync.id, most_read=10)
    assert found is not None
    assert (found.estimated, found.skipped, found.missing) == (True, 100, 0)
