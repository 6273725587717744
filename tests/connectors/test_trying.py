"""A sync is tried with one person: seen, sent once, told in words, and taken back when the person is no member."""

import json
import uuid
from typing import Any

import pytest

from common.http import AllowList
from common.models import AuditEntry
from connectors import selectors, services
from connectors.contracts import Exchange, SyncView, Tried
from connectors.destinations.recording import HIDDEN, RecordingHttp
from connectors.syncs import people, planning, trying
from connectors.syncs.models import Delivery, Run, Sent, Sync
from connectors.syncs.rendering import render_people
from connectors.syncs.turn import turn
from tests.connectors.receiver import Receiver, Reply, in_turn, members_at, receiving
from tests.connectors.world import BY, World

MAPPING = {
    "profile_id": {"@path": "profile.id"},
    "identifier": {"value": {"@path": "target.value"}},
    "traits": {"plan": {"@path": "profile.traits.plan"}},
}


@pytest.fixture
def sync(world: World, receiver: Receiver) -> SyncView:
    """Person 1 is a member, person 2 is not; nothing was sent yet."""
    world.person(1, "ann@example.com", plan="pro")
    world.person(2, "bob@example.com", plan="free")
    world.person(3)
    world.enter(1)
    return world.sync(world.webhook(receiver), mapping=MAPPING, identifier_kind="email")


def attempt(world: World, sync: SyncView, profile_id: int, *, send: bool = True) -> Tried:
    return services.try_sync(sync_id=sync.id, profile_id=profile_id, send=send, by=BY, now=world.now)


def test_a_dry_run_shows_the_payload_and_touches_nothing(world: World, receiver: Receiver, sync: SyncView) -> None:
    shown = attempt(world, sync, 1, send=False)
    assert (shown.is_member, shown.operation, shown.rows, shown.sent) == (True, "add", 1, False)
    assert shown.fields == {"profile_id": "1", "identifier": {"value": "ann@example.com"}, "traits": {"plan": "pro"}}
    assert receiver.calls == []
    assert not Run.objects.exists()
    assert not Sent.objects.exists()
    assert not AuditEntry.objects.filter(action="sync.tested").exists()


def test_a_member_is_sent_once_and_not_again_by_the_first_run(world: World, receiver: Receiver, sync: SyncView) -> None:
    tried = attempt(world, sync, 1)
    assert (tried.outcome, tried.code, tried.removal_planned) == ("delivered", "http_200", False)
    assert len(receiver.calls) == 1
    assert receiver.calls[0].event["data"] == tried.fields
    world.until_idle(sync)
    assert len(receiver.calls) == 1, "the first run finds what the test has sent"
    entry = AuditEntry.objects.get(action="sync.tested")
    assert (entry.actor, entry.after["run_id"], entry.after["operation"]) == (BY, tried.run_id, "add")
    assert "ann" not in json.dumps([entry.summary, entry.after])


def test_whoever_is_no_member_is_taken_off_again_by_the_next_turn(
    world: World, receiver: Receiver, sync: SyncView
) -> None:
    world.until_idle(sync)
    tried = attempt(world, sync, 2)
    assert (tried.outcome, tried.is_member, tried.removal_planned) == ("delivered", False, True)
    assert members_at(receiver.events()) == {"1", "2"}
    world.turn(sync)
    assert members_at(receiver.events()) == {"1"}
    run = selectors.run(tried.run_id or 0)
    assert run is not None
    assert (run.kind, run.state, run.delivered.added, run.delivered.removed, run.waiting) == ("test", "done", 1, 1, 0)
    assert list(Sent.objects.values_list("profile_id", flat=True)) == [1]


def test_a_worker_that_dies_while_testing_leaves_nobody_at_the_channel(
    world: World, receiver: Receiver, sync: SyncView
) -> None:
    world.until_idle(sync)
    row = Sync.objects.select_related("destination").get(pk=sync.id)
    (target,) = render_people(people.read_people([2]).values(), planning.recipe_of(row)).targets
    shown = attempt(world, sync, 2, send=False)
    begun = trying._begin(row, target, shown, token=uuid.uuid4(), by=BY, via="ui", now=world.now)
    world.turn(sync)
    assert members_at(receiver.events()) == {"1"}, "the removal does not overtake the row"
    world.later(minutes=2)
    world.until_idle(sync)
    told = [call for call in receiver.calls if call.event["data"]["profile_id"] == "2"]
    assert [call.event["type"] for call in told] == ["segment.member_added", "segment.member_removed"]
    assert told[0].message_id == begun.payload.id
    assert members_at(receiver.events()) == {"1"}


def test_a_second_test_of_somebody_there_is_an_update(world: World, receiver: Receiver, sync: SyncView) -> None:
    world.until_idle(sync)
    tried = attempt(world, sync, 1)
    assert tried.operation == "update"
    assert receiver.calls[-1].event["type"] == "profile.updated"
    assert Sent.objects.get().present


def test_somebody_without_the_identifier_gives_no_row_and_is_told_why(
    world: World, receiver: Receiver, sync: SyncView
) -> None:
    tried = attempt(world, sync, 3)
    assert (tried.sent, tried.rows, tried.skipped) == (False, 0, ("no email",))
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("reply", "outcome", "words", "state"),
    [
        (Reply(400), "refused", "The channel refused this row", "failed"),
        (Reply(503), "unknown", "not known what the channel did", "dead"),
        (Reply(cut=True), "unknown", "not known what the channel did", "dead"),
        (Reply(401), "unusable", "The account cannot work", "dead"),
    ],
)
def test_a_failure_is_told_in_words_tried_once_and_mended_by_the_next_run(
    world: World, receiver: Receiver, sync: SyncView, reply: Reply, outcome: str, words: str, state: str
) -> None:
    receiver.script = lambda call, before: reply
    tried = attempt(world, sync, 1)
    assert tried.outcome == outcome
    assert words in tried.told
    assert len(receiver.calls) == 1
    assert Delivery.objects.get().state == state
    destination = selectors.destination(sync.destination_id)
    assert destination is not None
    assert (destination.state, destination.rest_until) == ("active", None), "a test does not judge the destination"
    receiver.script = lambda call, before: Reply()
    world.until_idle(sync)
    assert members_at(receiver.events()) == {"1"}


def test_nothing_is_sent_while_the_destination_is_paused_but_a_paused_sync_can_be_tried(
    world: World, receiver: Receiver, sync: SyncView
) -> None:
    services.pause_sync(sync_id=sync.id, by=BY)
    assert attempt(world, sync, 1).outcome == "delivered"
    services.pause_destination(destination_id=sync.destination_id, by=BY)
    with pytest.raises(services.NotPossible, match="paused"):
        attempt(world, sync, 1)
    assert attempt(world, sync, 1, send=False).fields
    assert len(receiver.calls) == 1


def test_a_test_waits_for_what_is_on_its_way_and_for_the_turn(world: World, receiver: Receiver, sync: SyncView) -> None:
    receiver.script = in_turn(Reply(503))
    world.turn(sync)
    with pytest.raises(services.NotPossible, match=r"on its way|rests"):
        attempt(world, sync, 1)
    services.resume_destination(destination_id=sync.destination_id, by=BY)
    with pytest.raises(services.NotPossible, match="on its way"):
        attempt(world, sync, 1)
    with turn(sync.id), pytest.raises(services.NotPossible, match="at work"):
        attempt(world, sync, 2)
    with pytest.raises(services.NotPossible, match="Nobody"):
        attempt(world, sync, 99)


def test_a_test_before_the_first_fill_does_not_make_it_a_mass_change(
    world: World, receiver: Receiver, sync: SyncView
) -> None:
    attempt(world, sync, 1)
    world.enter(*world.people(range(100, 1200)))
    plain = world.sync(selectors.destination(sync.destination_id), name="All")  # type: ignore[arg-type]
    services.try_sync(sync_id=plain.id, profile_id=1, send=True, by=BY, now=world.now)
    services.deliver_due(sync_id=plain.id, now=world.now, max_batches=0)
    filling = selectors.runs(sync_id=plain.id)[0]
    assert (filling.kind, filling.state, filling.planned.added) == ("resync", "sending", 1100)


def test_secrets_are_masked_in_what_is_shown(world: World, receiver: Receiver, sync: SyncView) -> None:
    receiver.script = lambda call, before: Reply(body=json.dumps({"you": call.headers, "access_token": "t0p"}).encode())
    made = services.rotate_secret(destination_id=sync.destination_id, by=BY, now=world.now).shown_once["secret"]
    (exchange,) = attempt(world, sync, 1).exchanges
    told = repr([getattr(exchange, name) for name in exchange.__slots__])
    assert made not in told
    assert "t0p" not in told
    assert exchange.request_headers["webhook-signature"] == HIDDEN
    assert (exchange.method, exchange.status, exchange.url) == ("POST", 200, receiver.url)
    assert json.loads(exchange.request_body)["data"]["identifier"]["value"] == "ann@example.com"


def test_a_key_in_a_header_an_address_or_a_form_is_masked(world: World) -> None:
    with receiving(lambda call, before: Reply(body=b"echo of s3cret+key=")) as channel:
        with RecordingHttp(allow=AllowList.of(["127.0.0.1"]), secrets=["s3cret+key=", "k"]) as http:
            http.request(
                "POST", f"{channel.url}?access_token=abc&list=7&again=s3cret%2Bkey%3D",
                content=b"grant_type=refresh_token&client_secret=xyz&name=kim", headers={"api-key": "k", "x-list": "7"},
            )  # fmt: skip
        assert b"client_secret=xyz" in channel.calls[0].body, "the channel gets it whole"
    (seen,) = http.exchanges
    assert seen.url == f"{channel.url}?access_token={HIDDEN}&list=7&again={HIDDEN}"
    assert seen.request_body == f"grant_type=refresh_token&client_secret={HIDDEN}&name=kim"
    assert dict(seen.request_headers) == {"api-key": HIDDEN, "x-list": "7"}
    assert seen.response_body == f"echo of {HIDDEN}"


def test_whoever_may_not_see_people_sees_none_of_this_person(world: World, receiver: Receiver, sync: SyncView) -> None:
    world.set_traits(1, plan="pro", phone="+49 30 123", name="Ann Lee", first_name="Al")
    mapping: Any = {
        **MAPPING,
        "traits": {"all": {"@path": "profile.traits"}, "hi": {"@template": "Hi {{profile.traits.first_name}}, plAn"}},
    }
    services.change_mapping(sync_id=sync.id, mapping=mapping, by=BY)
    receiver.script = lambda call, before: Reply(body=b'{"error": "ann%40example.com and Ann+Lee are new"}')
    masked = selectors.conceal_tried(attempt(world, sync, 1))
    told = json.dumps(
        [masked.fields, [[getattr(e, n) for n in Exchange.__slots__] for e in masked.exchanges]], default=dict
    )
    assert not [one for one in ("ann@", "ann%40", "Ann Lee", "Ann+Lee", "+49 30", "Al,") if one in told]
    assert masked.fields["traits"]["all"]["plan"] == "pro"
    assert masked.personal == ()


def test_a_channel_of_files_is_tried_without_http(world: World) -> None:
    world.person(1, "ann@example.com")
    world.enter(1)
    sync = world.sync(world.filedrop())
    tried = attempt(world, sync, 1)
    assert (tried.outcome, tried.exchanges) == ("delivered", ())
    assert len(list(world.drop_folder.rglob("*.csv"))) == 1
