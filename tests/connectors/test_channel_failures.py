"""What becomes of rows when the channel misbehaves, when the account is wrong, and when it is too much at once."""

from datetime import timedelta

import pytest

from connectors import selectors, services
from connectors.contracts import Counts
from connectors.services import NotPossible
from connectors.syncs.models import Delivery, Sent
from tests.connectors.receiver import Receiver, Reply, in_turn, members_at
from tests.connectors.world import BY, World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "bad",
    [
        Reply(status=500),
        Reply(status=503, headers={"retry-after": "30"}),
        Reply(status=429),
        Reply(status=429, headers={"retry-after": "30"}),
        Reply(status=408),
        Reply(status=302, headers={"location": "http://127.0.0.1:9/"}),
        Reply(cut=True),
        Reply(raw=b"not http at all\r\n\r\n"),
    ],
    ids=["500", "503-retry-after", "429", "429-retry-after", "408", "redirect", "cut", "malformed"],
)
def test_a_passing_failure_is_tried_again_under_the_same_id(world: World, receiver: Receiver, bad: Reply) -> None:
    world.person(1)
    world.enter(1)
    receiver.script = in_turn(bad, bad, Reply())
    sync = world.sync(world.webhook(receiver))
    world.until_idle(sync)
    assert world.states(sync) == {"delivered": 1}
    assert len(receiver.calls) == 3
    assert len({call.message_id for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    # Each try has its own time and so its own signature.
    assert len({call.headers["webhook-timestamp"] for call in receiver.calls}) == 3
    assert len({call.headers["webhook-signature"] for call in receiver.calls}) == 3


def test_the_time_that_the_channel_asked_for_is_kept_for_all_its_rows(world: World, receiver: Receiver) -> None:
    world.people(range(1, 3))
    world.enter(1)
    receiver.script = in_turn(Reply(status=429, headers={"retry-after": "3600"}), Reply())
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.enter(2)
    world.later(minutes=59)
    assert world.turn(sync).stopped == "the destination rests"
    assert len(receiver.calls) == 1
    world.later(minutes=2)
    world.turn(sync)
    assert members_at(receiver.events()) == {"1", "2"}


def test_after_eight_tries_a_row_is_given_up_and_can_be_sent_again_by_a_person(
    world: World, receiver: Receiver
) -> None:
    world.person(1)
    world.enter(1)
    receiver.script = lambda call, before: Reply(status=500 if before < 8 else 200)
    sync = world.sync(world.webhook(receiver))
    world.until_idle(sync)
    assert len(receiver.calls) == 8
    (row,) = selectors.failed_deliveries(sync_id=sync.id)
    assert (row.state, row.attempts, row.code) == ("dead", 8, "http_500")
    assert "Given up after 8 tries" in row.message
    assert world.latest_run(sync).failed == Counts(added=1)
    world.later(hours=1)
    assert services.retry_failed(sync_id=sync.id, by=BY, now=world.now) == 1
    world.turn(sync)
    assert world.states(sync) == {"delivered": 1}
    assert len({call.message_id for call in receiver.calls}) == 1
    run = world.latest_run(sync)
    assert (run.state, run.delivered, run.failed) == ("done", Counts(added=1), Counts())


def test_who_leaves_after_a_row_was_given_up_is_removed_as_nobody_knows_what_arrived(
    world: World, receiver: Receiver
) -> None:
    world.person(1)
    world.enter(1)
    receiver.script = lambda call, before: Reply(cut=True) if before < 8 and len(receiver.calls) < 9 else Reply()
    sync = world.sync(world.webhook(receiver))
    world.until_idle(sync)
    world.leave(1)
    world.later(hours=1)
    world.until_idle(sync)
    assert receiver.calls[-1].event["type"] == "segment.member_removed"
    assert not Sent.objects.exists()


def test_each_row_has_its_own_outcome(world: World, receiver: Receiver) -> None:
    world.people(range(1, 21))
    world.enter(*range(1, 21))
    receiver.script = lambda call, before: Reply(status=422 if int(call.event["data"]["profile_id"]) % 5 == 0 else 200)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    run = world.latest_run(sync)
    assert (run.state, run.delivered, run.failed) == ("done", Counts(added=16), Counts(added=4))
    failed = selectors.run_rows(run_id=run.id, state="failed")
    assert [row.profile_id for row in failed] == [5, 10, 15, 20]
    assert {(row.code, row.message) for row in failed} == {("http_422", "The endpoint answered 422.")}


def test_rows_that_were_refused_are_tried_again_by_the_next_full_run(world: World, receiver: Receiver) -> None:
    world.people(range(1, 3))
    world.enter(1, 2)
    receiver.script = lambda call, before: Reply(
        status=422 if len(receiver.calls) <= 2 and call.event["data"]["profile_id"] == "2" else 200
    )
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert world.latest_run(sync).planned == Counts(added=1)
    assert world.latest_run(sync).delivered == Counts(added=1)


def test_a_refused_removal_is_tried_again_by_the_next_full_run(world: World, receiver: Receiver) -> None:
    world.person(1)
    world.enter(1)
    removals = iter([Reply(status=422), Reply()])
    receiver.script = lambda call, before: next(removals) if "removed" in call.event["type"] else Reply()
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.leave(1)
    world.turn(sync)
    assert Sent.objects.count() == 1
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert not Sent.objects.exists()
    assert members_at([call.event for call in receiver.calls]) == set()


def test_an_old_failure_is_not_sent_again_over_something_newer(world: World, receiver: Receiver) -> None:
    world.person(1)
    world.enter(1)
    receiver.script = lambda call, before: Reply(status=422 if len(receiver.calls) == 1 else 200)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert services.retry_failed(sync_id=sync.id, by=BY, now=world.now) == 0


@pytest.mark.parametrize(("status", "part"), [(401, "answered 401"), (410, "gone")])
def test_a_refused_account_pauses_the_destination_says_why_and_keeps_the_rows(
    world: World, receiver: Receiver, status: int, part: str
) -> None:
    world.people(range(1, 101))
    world.enter(*range(1, 101))
    receiver.script = lambda call, before: Reply(status=status)
    destination = world.webhook(receiver)
    sync = world.sync(destination)
    for _ in range(12):
        world.turn(sync)
        world.later(minutes=11)
    view = selectors.destination(destination.id)
    assert view is not None
    assert view.state == "paused"
    assert part in view.state_reason
    assert len(receiver.calls) <= 16
    assert world.states(sync) == {"pending": 100}
    receiver.script = lambda call, before: Reply()
    services.resume_destination(destination_id=destination.id, by=BY)
    world.turn(sync)
    assert world.states(sync) == {"delivered": 100}


def test_a_dead_channel_is_asked_less_and_less_and_the_rows_keep_their_tries(world: World, receiver: Receiver) -> None:
    world.people(range(1, 201))
    world.enter(*range(1, 201))
    receiver.script = lambda call, before: Reply(status=502)
    sync = world.sync(world.webhook(receiver))
    for _ in range(60):
        world.turn(sync)
        world.later(seconds=1)
    # A minute of asking every second would have been 960 calls.
    assert len(receiver.calls) <= 16 * 8
    assert Delivery.objects.filter(attempts=0).count() >= 80
    receiver.script = lambda call, before: Reply()
    world.until_idle(sync)
    assert world.states(sync) == {"delivered": 200}


def test_one_dead_channel_delays_no_other(world: World, receiver: Receiver) -> None:
    world.people(range(1, 6))
    world.enter(*range(1, 6))
    dead = services.create_destination(
        kind="webhook", name="Dead", settings={"url": "http://127.0.0.1:9/"}, by=BY, now=world.now
    )
    world.sync(dead, name="to the dead")
    sync = world.sync(world.webhook(receiver), name="to the living")
    handed: list[int] = []
    assert services.deliver_all_due(now=world.now, dispatch=handed.append) == 2
    assert sorted(handed)[1] == sync.id
    services.deliver_all_due(now=world.now)
    assert world.states(sync) == {"delivered": 5}


def test_a_private_address_that_nobody_permitted_pauses_the_destination(
    world: World, receiver: Receiver, settings: object
) -> None:
    settings.OUTBOUND_ALLOW = []  # type: ignore[attr-defined]
    world.person(1)
    world.enter(1)
    destination = world.webhook(receiver)
    sync = world.sync(destination)
    world.turn(sync)
    view = selectors.destination(destination.id)
    assert view is not None
    assert (view.state, receiver.calls) == ("paused", [])
    assert "CDP_OUTBOUND_ALLOW" in view.state_reason
    assert world.states(sync) == {"pending": 1}


def test_a_paused_sync_plans_and_sends_nothing_and_goes_on_from_its_cursor(world: World, receiver: Receiver) -> None:
    world.people(range(1, 4))
    world.enter(1)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    services.pause_sync(sync_id=sync.id, by=BY)
    world.enter(2)
    world.turn(sync)
    assert selectors.pending_deliveries() == 0
    assert len(receiver.calls) == 1
    services.resume_sync(sync_id=sync.id, by=BY)
    world.enter(3)
    world.turn(sync)
    assert members_at(receiver.events()) == {"1", "2", "3"}


def mass_leave(world: World) -> None:
    world.people(range(1, 3001))
    world.enter(*range(1, 3001))


def test_a_mass_change_waits_for_a_person_and_goes_on_when_approved(world: World) -> None:
    mass_leave(world)
    sync = world.sync(world.filedrop(format="ndjson"))
    world.turn(sync)
    assert world.latest_run(sync).state == "done"
    world.leave(*range(1, 1502))
    world.turn(sync)
    run = world.latest_run(sync)
    assert (run.state, run.expected_removes, run.sent_before) == ("needs_approval", 1501, 3000)
    assert world.states(sync) == {"delivered": 3000}
    assert selectors.pending_deliveries() == 0
    view = selectors.sync(sync.id)
    assert view is not None
    assert (view.waiting_run_id, view.lag) == (run.id, 1501)
    services.approve_run(run_id=run.id, by=BY)
    world.turn(sync)
    done = world.latest_run(sync)
    assert (done.state, done.delivered, done.approved_by) == ("done", Counts(removed=1501), BY)
    with pytest.raises(NotPossible):
        services.approve_run(run_id=run.id, by=BY)


def test_a_mass_change_that_is_declined_pauses_the_sync(world: World) -> None:
    mass_leave(world)
    sync = world.sync(world.filedrop())
    world.turn(sync)
    world.leave(*range(1, 1502))
    world.turn(sync)
    services.decline_run(run_id=world.latest_run(sync).id, by=BY, now=world.now)
    view = selectors.sync(sync.id)
    assert view is not None
    assert view.state == "paused"
    assert "1501 to remove" in view.state_reason
    assert world.states(sync) == {"delivered": 3000}


def test_a_full_run_that_would_remove_most_waits_too(world: World) -> None:
    mass_leave(world)
    sync = world.sync(world.filedrop())
    world.turn(sync)
    world.sql("delete from segments_change where profile_id > 1000")
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    run = world.latest_run(sync)
    assert (run.kind, run.state, run.expected_removes) == ("resync", "needs_approval", 2000)


def test_a_slow_rate_spreads_the_calls(world: World, receiver: Receiver) -> None:
    world.people(range(1, 13))
    world.enter(*range(1, 13))
    destination = world.webhook(receiver, calls_per_second=4)
    sync = world.sync(destination)
    started = world.now
    worked = world.turn(sync)
    assert worked.delivered == 12
    row = Delivery.objects.order_by("-settled_at").first()
    assert row is not None
    assert row.settled_at is not None
    assert row.settled_at - started >= timedelta(seconds=1.5)
