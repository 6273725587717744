"""From the ledger to the channel: what is sent, in which order, and what is remembered."""

import csv
import json
from datetime import timedelta

import pytest
import standardwebhooks
from psycopg import DatabaseError

from common import pg
from connectors import selectors, services
from connectors.contracts import Counts, InvalidSettings
from connectors.syncs.models import Delivery, Sent
from tests.connectors.receiver import Receiver, Reply, in_turn, members_at
from tests.connectors.world import BY, World

pytestmark = pytest.mark.django_db


def test_the_first_run_sends_all_members_and_the_channel_holds_exactly_them(world: World, receiver: Receiver) -> None:
    world.people(range(1, 41))
    world.enter(*range(1, 41))
    world.leave(5, 6)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    assert members_at(receiver.events()) == {str(n) for n in range(1, 41) if n not in (5, 6)}
    run = world.latest_run(sync)
    assert (run.state, run.planned, run.delivered, run.failed) == ("done", Counts(38), Counts(38), Counts())
    view = selectors.sync(sync.id)
    assert view is not None
    assert (view.lag, view.sent, view.pending, view.failed) == (0, 38, 0, 0)
    assert selectors.pending_deliveries() == 0


def test_what_is_sent_is_signed_and_says_who_and_why(world: World, receiver: Receiver) -> None:
    world.person(1, "ann@example.com", city="Oslo")
    world.enter(1)
    destination = world.webhook(receiver)
    mapping = {
        "profile_id": {"@path": "profile.id"},
        "segment": {"@path": "segment.slug"},
        "traits": {"city": {"@path": "profile.traits.city"}},
    }
    world.turn(world.sync(destination, mapping=mapping))
    (call,) = receiver.calls
    webhook = standardwebhooks.Webhook(destination.shown_once["secret"])
    # The reference implementation compares with the wall clock, this world has its own.
    signature = webhook.sign(call.message_id, world.now, call.body.decode())
    assert call.headers["webhook-timestamp"] == str(int(world.now.timestamp()))
    assert call.headers["webhook-signature"] == signature
    assert call.event["type"] == "segment.member_added"
    assert call.event["data"] == {"profile_id": "1", "segment": "vips", "traits": {"city": "Oslo"}}


def test_entering_and_leaving_follow_the_ledger(world: World, receiver: Receiver) -> None:
    world.people(range(1, 4))
    world.enter(1, 2)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.enter(3)
    world.leave(1)
    assert selectors.pending_deliveries() == 1
    world.turn(sync)
    assert members_at(receiver.events()) == {"2", "3"}
    assert world.latest_run(sync).planned == Counts(added=1, removed=1)
    assert set(Sent.objects.values_list("profile_id", flat=True)) == {2, 3}


def test_who_enters_and_leaves_between_two_turns_is_never_sent(world: World, receiver: Receiver) -> None:
    world.people(range(1, 3))
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.enter(1, 2)
    world.leave(1)
    world.turn(sync)
    assert members_at(receiver.events()) == {"2"}
    assert len(receiver.calls) == 1


def test_changes_of_other_segments_move_the_cursor_and_send_nothing(world: World, receiver: Receiver) -> None:
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.sql(
        """insert into segments_change (segment_id, profile_id, entered, at, reason, version)
           values (99, 1, true, now(), 'event', 1)"""
    )
    world.turn(sync)
    view = selectors.sync(sync.id)
    assert view is not None
    assert (view.lag, receiver.calls, len(selectors.runs(sync_id=sync.id))) == (0, [], 1)


def test_a_full_run_sends_only_what_differs(world: World, receiver: Receiver) -> None:
    world.people(range(1, 6))
    world.enter(*range(1, 6))
    mapping = {"profile_id": {"@path": "profile.id"}, "traits": {"plan": {"@path": "profile.traits.plan"}}}
    sync = world.sync(world.webhook(receiver), mapping=mapping)
    world.turn(sync)
    world.set_traits(3, plan="gold")
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert world.latest_run(sync).planned == Counts(changed=1)
    assert receiver.calls[-1].event["type"] == "profile.updated"
    assert receiver.calls[-1].event["data"]["traits"] == {"plan": "gold"}
    services.run_now(sync_id=sync.id, by=BY)
    world.turn(sync)
    assert world.latest_run(sync).planned == Counts()
    assert world.open_runs(sync) == 0


def test_a_full_run_comes_by_itself_once_a_day(world: World, receiver: Receiver) -> None:
    world.person(1)
    world.enter(1)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    assert services.deliver_all_due(now=world.now + timedelta(hours=23)) == 0
    assert services.deliver_all_due(now=world.now + timedelta(hours=24)) == 1
    assert world.latest_run(sync).kind == "resync"


def test_a_person_who_was_sent_and_changed_is_compared_without_a_full_run(world: World, receiver: Receiver) -> None:
    world.people(range(1, 3))
    world.enter(1)
    mapping = {"profile_id": {"@path": "profile.id"}, "traits": {"plan": {"@path": "profile.traits.plan"}}}
    sync = world.sync(world.webhook(receiver), mapping=mapping)
    world.turn(sync)
    world.set_traits(1, plan="gold")
    services.note_changed(pg.raw(), profile_ids=[1, 2], now=world.now)
    assert services.deliver_all_due(now=world.now) == 1
    assert receiver.calls[-1].event["data"] == {"profile_id": "1", "traits": {"plan": "gold"}}
    services.note_changed(pg.raw(), profile_ids=[1], now=world.now)
    services.deliver_all_due(now=world.now)
    assert len(receiver.calls) == 2
    assert selectors.pending_deliveries() == 0


EMAILS = {"profile_id": {"@path": "profile.id"}, "identifier": {"value": {"@path": "target.value"}}}


def held_emails(receiver: Receiver) -> set[str]:
    held: set[str] = set()
    for event in receiver.events():
        value = event["data"]["identifier"]["value"]
        (held.discard if event["type"] == "segment.member_removed" else held.add)(value)
    return held


def test_each_address_of_a_person_is_sent_and_a_person_without_is_skipped_with_the_reason(
    world: World, receiver: Receiver
) -> None:
    world.person(1, "a@example.com")
    world.add_email(1, "b@example.com")
    world.person(2)
    world.enter(1, 2)
    sync = world.sync(world.webhook(receiver), identifier_kind="email", mapping=EMAILS)
    world.turn(sync)
    assert held_emails(receiver) == {"a@example.com", "b@example.com"}
    run = world.latest_run(sync)
    assert (run.planned, run.skipped, run.skip_reasons) == (Counts(added=2), 1, {"no email": 1})
    assert [row.label for row in selectors.run_rows(run_id=run.id)] == ["a•••@example.com", "b•••@example.com"]


def test_a_removal_names_the_address_that_was_sent_though_it_is_gone_from_the_profile(
    world: World, receiver: Receiver
) -> None:
    world.person(1, "old@example.com")
    world.enter(1)
    sync = world.sync(world.webhook(receiver), identifier_kind="email", mapping=EMAILS)
    world.turn(sync)
    world.sql("delete from identity_identifier where kind = 'email'")
    world.leave(1)
    world.turn(sync)
    assert receiver.calls[-1].event["type"] == "segment.member_removed"
    assert receiver.calls[-1].event["data"] == {"profile_id": "1", "identifier": {"value": "old@example.com"}}
    assert not Sent.objects.exists()


def test_a_merged_persons_address_stays_with_the_channel_when_the_survivor_is_a_member(
    world: World, receiver: Receiver
) -> None:
    world.person(1, "one@example.com")
    world.person(2, "two@example.com")
    world.enter(1, 2)
    sync = world.sync(world.webhook(receiver), identifier_kind="email", mapping=EMAILS)
    world.turn(sync)
    world.merge(survivor=1, retired=2)
    world.leave(2, reason="merge")
    world.turn(sync)
    assert held_emails(receiver) == {"one@example.com", "two@example.com"}
    assert set(Sent.objects.values_list("profile_id", flat=True)) == {1}
    world.leave(1)
    world.turn(sync)
    assert held_emails(receiver) == set()


def test_a_merged_persons_address_is_removed_when_the_survivor_is_no_member(world: World, receiver: Receiver) -> None:
    world.person(1, "one@example.com")
    world.person(2, "two@example.com")
    world.enter(2)
    sync = world.sync(world.webhook(receiver), identifier_kind="email", mapping=EMAILS)
    world.turn(sync)
    world.merge(survivor=1, retired=2)
    world.leave(2, reason="merge")
    world.turn(sync)
    assert held_emails(receiver) == set()


def test_a_person_who_leaves_and_returns_while_the_channel_is_down_ends_up_there(
    world: World, receiver: Receiver
) -> None:
    world.person(1)
    world.enter(1)
    receiver.script = in_turn(Reply(status=503), Reply(status=503), Reply())
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    for act in (world.leave, world.enter, world.leave, world.enter):
        act(1)
        world.later(minutes=11)
        world.turn(sync)
    world.until_idle(sync)
    assert members_at(receiver.events()) == {"1"}
    assert world.states(sync) == {"delivered": Delivery.objects.count()}
    assert list(Sent.objects.values_list("present", flat=True)) == [True]


def test_deliveries_of_one_person_never_overtake_each_other(world: World, receiver: Receiver) -> None:
    """The add is refused for a while; the removal behind it waits its turn although it is due."""
    world.people(range(1, 3))
    world.enter(1, 2)
    order: list[tuple[str, str]] = []

    def script(call: object, before: int) -> Reply:
        event = call.event  # type: ignore[attr-defined]
        status = 503 if event["data"]["profile_id"] == "1" and event["type"].endswith("added") and before < 3 else 200
        if status == 200:
            order.append((event["data"]["profile_id"], event["type"]))
        return Reply(status=status)

    receiver.script = script
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    world.leave(1, 2)
    world.until_idle(sync)
    assert [kind for person, kind in order if person == "1"] == ["segment.member_added", "segment.member_removed"]
    assert [kind for person, kind in order if person == "2"] == ["segment.member_added", "segment.member_removed"]
    assert not Sent.objects.exists()


def test_the_cursor_and_the_deliveries_move_together(world: World) -> None:
    """A crash in the middle of a run goes on with the next slice, and plans nobody twice."""
    sync = world.sync(world.filedrop(format="ndjson"))
    world.turn(sync)
    world.people(range(1, 8001))
    world.enter(*range(1, 8001))
    world.sql(
        """create function pg_temp.crash() returns trigger language plpgsql as
           $$ begin raise exception 'the lights went out'; end $$;
           create trigger crash before insert on connectors_delivery
           for each row when (new.profile_id = 7000) execute function pg_temp.crash()"""
    )
    with pytest.raises(DatabaseError, match="lights went out"):
        world.turn(sync)
    assert Delivery.objects.filter(sync_id=sync.id).count() == 5000
    world.sql("drop trigger crash on connectors_delivery")
    world.turn(sync)
    assert Delivery.objects.filter(sync_id=sync.id).count() == 8000
    assert world.latest_run(sync).planned == Counts(added=8000)
    lines = [json.loads(line) for file in world.drop_folder.iterdir() for line in file.read_text().splitlines()]
    assert sorted(int(line["profile_id"]) for line in lines) == list(range(1, 8001))


def test_a_file_drop_writes_each_batch_as_one_file_with_the_same_columns(world: World) -> None:
    world.people(range(1, 6))
    world.enter(*range(1, 6))
    sync = world.sync(world.filedrop(folder="crm/daily", prefix="vips"))
    world.turn(sync)
    world.leave(2)
    world.turn(sync)
    first, second = sorted((world.drop_folder / "crm" / "daily").iterdir())
    with first.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["operation"], row["profile_id"], row["segment"]) for row in rows] == [
        ("add", str(n), "vips") for n in range(1, 6)
    ]
    with second.open(newline="") as file:
        (removal,) = csv.DictReader(file)
    assert (removal["operation"], removal["profile_id"], removal["segment"]) == ("remove", "2", "")


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"action": "fly"}, "action"),
        ({"mapping": {"profile_id": {"@path": "secret.key"}}}, "must begin with"),
        ({"mapping": {"nonsense": 1, "profile_id": "x"}}, "no field 'nonsense'"),
        ({"mapping": {"traits": {}}}, "Profile id is required"),
    ],
)
def test_a_sync_that_cannot_work_is_refused_with_the_reason(
    world: World, receiver: Receiver, wrong: dict[str, object], part: str
) -> None:
    destination = world.webhook(receiver)
    with pytest.raises(InvalidSettings, match=part):
        world.sync(destination, **wrong)


def test_old_delivered_rows_are_forgotten_and_failed_ones_kept(world: World, receiver: Receiver) -> None:
    world.people(range(1, 4))
    world.enter(1, 2, 3)
    receiver.script = lambda call, before: Reply(status=422 if call.event["data"]["profile_id"] == "2" else 200)
    sync = world.sync(world.webhook(receiver))
    world.turn(sync)
    assert services.keep_house(now=world.now + timedelta(days=29)) == 0
    assert services.keep_house(now=world.now + timedelta(days=31)) == 2
    assert world.states(sync) == {"failed": 1}
    assert world.latest_run(sync).delivered == Counts(added=2)
