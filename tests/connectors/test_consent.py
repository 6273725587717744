"""A sync that asks for a consent sends nobody without it, and takes off whoever withdraws."""

import json

import pytest

from common import pg
from connectors import selectors, services
from connectors.contracts import InvalidSettings
from tests.connectors.receiver import Receiver
from tests.connectors.world import BY, World


def sent(receiver: Receiver) -> list[tuple[str, str]]:
    told = [json.loads(call.body) for call in receiver.calls]
    return [(one["type"].partition(".")[2], one["data"]["profile_id"]) for one in told]


def test_only_those_who_consented_are_sent_and_who_withdraws_is_taken_off(world: World, receiver: Receiver) -> None:
    world.person(1, consent_advertising=True)
    world.person(2, consent_advertising=False)
    world.person(3)
    world.person(4, consent_advertising="yes")
    world.enter(1, 2, 3, 4)
    sync = world.sync(world.webhook(receiver), consent="advertising")
    world.until_idle(sync)
    assert sent(receiver) == [("member_added", "1")]
    numbers = selectors.sync_numbers(sync.id)
    assert numbers is not None
    assert (numbers.there, numbers.skipped) == (1, 3)
    assert selectors.runs(sync_id=sync.id)[-1].skip_reasons == {"no consent: advertising": 3}

    world.set_traits(1, consent_advertising=False)
    world.set_traits(2, consent_advertising=True)
    world.later(minutes=1)
    services.note_changed(pg.raw(), profile_ids=[1, 2], now=world.now)
    world.until_idle(sync)
    assert sorted(sent(receiver)[1:]) == [("member_added", "2"), ("member_removed", "1")]


def test_asking_for_a_consent_later_takes_the_others_off(world: World, receiver: Receiver) -> None:
    world.person(1, consent_advertising=True)
    world.person(2)
    world.enter(1, 2)
    sync = world.sync(world.webhook(receiver))
    world.until_idle(sync)
    services.change_consent(sync_id=sync.id, consent=" Advertising ", by=BY)
    world.later(minutes=1)
    world.until_idle(sync)
    assert sent(receiver)[2:] == [("member_removed", "2")]
    services.change_consent(sync_id=sync.id, consent="", by=BY)
    world.later(minutes=1)
    world.until_idle(sync)
    assert sent(receiver)[3:] == [("member_added", "2")]


def test_a_purpose_is_a_word(world: World, receiver: Receiver) -> None:
    sync = world.sync(world.webhook(receiver))
    with pytest.raises(InvalidSettings, match="small letters"):
        services.change_consent(sync_id=sync.id, consent="ads; drop", by=BY)
    with pytest.raises(InvalidSettings):
        world.sync(world.webhook(receiver, name="Other"), consent="a b")


def test_a_test_with_one_person_tells_that_they_did_not_consent(world: World, receiver: Receiver) -> None:
    world.person(1)
    sync = world.sync(world.webhook(receiver), consent="advertising")
    tried = services.try_sync(sync_id=sync.id, profile_id=1, send=True, by=BY, now=world.now)
    assert (tried.sent, tried.skipped) == (False, ("no consent: advertising",))
    assert receiver.calls == []


def test_a_member_who_becomes_reachable_is_sent_at_once(world: World, receiver: Receiver) -> None:
    world.person(1)
    world.enter(1)
    sync = world.sync(world.webhook(receiver), identifier_kind="email")
    world.until_idle(sync)
    assert sent(receiver) == []
    world.add_email(1, "ana@example.com")
    world.later(minutes=1)
    services.note_changed(pg.raw(), profile_ids=[1], now=world.now)
    world.until_idle(sync)
    assert sent(receiver) == [("member_added", "1")]
    assert world.sql("select count(*) from connectors_unreached") == [(0,)]


def test_whoever_leaves_unreached_is_forgotten(world: World, receiver: Receiver) -> None:
    world.person(1)
    world.enter(1)
    sync = world.sync(world.webhook(receiver), identifier_kind="email")
    world.until_idle(sync)
    assert world.sql("select count(*) from connectors_unreached") == [(1,)]
    world.leave(1)
    world.later(minutes=1)
    world.until_idle(sync)
    assert world.sql("select count(*) from connectors_unreached") == [(0,)]
    world.add_email(1, "ana@example.com")
    services.note_changed(pg.raw(), profile_ids=[1], now=world.now)
    world.until_idle(sync)
    assert sent(receiver) == []


def test_several_purposes_and_the_word_about_the_channel_count(world: World, receiver: Receiver) -> None:
    world.person(1, consent_newsletter=True, consent_profiling=True)
    world.person(2, consent_newsletter=True)
    world.person(3, **{"consent_newsletter": True, "consent_profiling": True, "consent_newsletter.email": False})
    world.person(4, **{"consent_newsletter": False, "consent_profiling": True, "consent_newsletter.email": True})
    world.enter(1, 2, 3, 4)
    sync = world.sync(world.webhook(receiver), consent="newsletter, Profiling", consent_channel="email")
    assert (sync.consent, sync.consent_words) == ("newsletter,profiling", "newsletter and profiling by email")
    world.until_idle(sync)
    assert sorted(sent(receiver)) == [("member_added", "1"), ("member_added", "4")]
    assert selectors.runs(sync_id=sync.id)[-1].skip_reasons == {
        "no consent: profiling by email": 1, "no consent: newsletter by email": 1,
    }  # fmt: skip
    with pytest.raises(InvalidSettings, match="consent_channel"):
        services.change_consent(sync_id=sync.id, consent="newsletter", channel="E-Mail!", by=BY)
