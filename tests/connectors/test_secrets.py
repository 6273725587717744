"""Secrets: encrypted at rest, shown once, in no log, in no answer."""

import json
import logging
from datetime import timedelta

import pytest

from common.models import AuditEntry
from connectors import selectors, services
from connectors.contracts import InvalidSettings
from connectors.destinations.models import Destination
from connectors.destinations.services import reveal
from tests.connectors.receiver import Receiver, Reply
from tests.connectors.world import BY, World

pytestmark = pytest.mark.django_db
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def everything_stored(world: World) -> str:
    """All rows of this app's tables and of the audit log, as text."""
    tables = [row[0] for row in world.sql("select tablename from pg_tables where tablename ~ '^(connectors|common)_'")]
    return "\n".join(str(world.sql(f"select t::text from {table} t")) for table in tables)


def test_a_secret_is_neither_in_the_database_nor_in_a_log_nor_in_a_view(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.people(range(1, 3))
    world.enter(1, 2)
    receiver.script = lambda call, before: Reply(status=401)
    destination = world.webhook(receiver, secrets={"secret": SECRET})
    sync = world.sync(destination)
    world.turn(sync)
    services.test_destination(destination_id=destination.id, now=world.now)
    key = SECRET.removeprefix("whsec_")
    told = f"{selectors.destinations()} {selectors.syncs()} {selectors.runs(sync_id=sync.id)} {caplog.text}"
    assert key not in everything_stored(world)
    assert key not in told
    assert receiver.calls


def test_a_broken_destination_does_not_log_what_it_was_to_send(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world.person(1, "ann@example.com")
    world.enter(1)
    destination = world.webhook(receiver)
    sync = world.sync(destination, identifier_kind="email")
    Destination.objects.filter(pk=destination.id).update(settings={"address": "renamed by a faulty release"})
    world.turn(sync)
    assert "KeyError" in caplog.text
    assert "ann@example.com" not in caplog.text
    (row,) = selectors.run_rows(run_id=world.latest_run(sync).id)
    assert (row.state, row.code) == ("pending", "broken_destination")


def test_a_made_secret_is_shown_once(world: World, receiver: Receiver) -> None:
    made = world.webhook(receiver)
    assert made.shown_once["secret"].startswith("whsec_")
    again = selectors.destination(made.id)
    assert again is not None
    assert (again.shown_once, again.secrets_set) == ({}, ("secret",))
    assert made.shown_once["secret"] not in repr(made)


def test_after_a_rotation_both_secrets_sign_for_a_day(world: World, receiver: Receiver) -> None:
    made = world.webhook(receiver)
    rotated = services.rotate_secret(destination_id=made.id, by=BY, now=world.now)
    assert rotated.shown_once["secret"] != made.shown_once["secret"]
    assert services.test_destination(destination_id=made.id, now=world.now).ok
    assert services.test_destination(destination_id=made.id, now=world.now + timedelta(hours=25)).ok
    assert [len(call.headers["webhook-signature"].split()) for call in receiver.calls] == [2, 1]


def test_an_empty_secret_in_a_change_keeps_the_old_one(world: World, receiver: Receiver) -> None:
    made = world.webhook(receiver, secrets={"secret": SECRET})
    services.update_destination(destination_id=made.id, secrets={"secret": ""}, name="Renamed", by=BY)
    assert reveal(Destination.objects.get(pk=made.id)) == {"secret": SECRET}


def test_a_lost_secret_key_pauses_the_destination_with_what_to_do(
    world: World, receiver: Receiver, settings: object
) -> None:
    world.person(1)
    world.enter(1)
    destination = world.webhook(receiver)
    sync = world.sync(destination)
    settings.SECRET_KEY = "another"  # type: ignore[attr-defined]
    world.turn(sync)
    view = selectors.destination(destination.id)
    assert view is not None
    assert view.state == "paused"
    assert "CDP_SECRET_KEY" in view.state_reason


@pytest.mark.parametrize(
    ("kind", "given", "secrets", "part"),
    [
        ("webhook", {}, {}, "Address is required"),
        ("webhook", {"url": "ftp://x"}, {}, "https://"),
        ("webhook", {"url": "https://user:pass@x.example/"}, {}, "user name"),
        ("webhook", {"url": "https://x.example", "colour": "red"}, {}, "no such setting"),
        ("webhook", {"url": "https://x.example"}, {"secret": "short"}, "base64"),
        ("filedrop", {"folder": "../x"}, {}, "relative folders"),
        ("filedrop", {"format": "xlsx"}, {}, "one of csv, ndjson"),
        ("carrier-pigeon", {}, {}, "Choose from"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(
    world: World, kind: str, given: dict[str, str], secrets: dict[str, str], part: str
) -> None:
    with pytest.raises(InvalidSettings, match=part):
        services.create_destination(kind=kind, name="X", settings=given, secrets=secrets, by=BY, now=world.now)
    assert not Destination.objects.exists()


def test_what_people_do_is_audited_without_secrets(world: World, receiver: Receiver) -> None:
    made = world.webhook(receiver, secrets={"secret": SECRET})
    sync = world.sync(made)
    services.pause_destination(destination_id=made.id, by=BY)
    services.resume_destination(destination_id=made.id, by=BY)
    services.rotate_secret(destination_id=made.id, by=BY)
    services.pause_sync(sync_id=sync.id, by=BY)
    services.run_now(sync_id=sync.id, by=BY)
    entries = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert entries == [
        "destination.created", "sync.created", "destination.paused", "destination.resumed",
        "destination.secret_rotated", "sync.paused", "sync.run_asked",
    ]  # fmt: skip
    assert SECRET not in json.dumps(list(AuditEntry.objects.values_list("before", "after", "summary")), default=str)


@pytest.mark.parametrize(("reply", "ok", "code"), [(Reply(), True, "ok"), (Reply(status=401), False, "http_401")])
def test_a_test_says_how_it_went(world: World, receiver: Receiver, reply: Reply, ok: bool, code: str) -> None:
    receiver.script = lambda call, before: reply
    made = world.webhook(receiver)
    tested = services.test_destination(destination_id=made.id, now=world.now)
    assert (tested.ok, tested.code) == (ok, code)
    assert receiver.calls[0].event["type"] == "webhook.test"
    view = selectors.destination(made.id)
    assert view is not None
    assert (view.last_tested_at, view.last_test_result) == (world.now, tested.message)
