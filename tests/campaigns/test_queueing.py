"""Who gets a message, by which channel and when, decided once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import services
from campaigns.contracts import SendingNotPossible
from campaigns.sending.models import Send
from identity import services as identities
from tests.campaigns.sending_world import START, World, hours, queue

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_consented_is_queued_and_asking_again_answers_the_same(world: World) -> None:
    ann = world.person("ann")
    first, twin = queue([world.request(ann), world.request(ann)])
    assert (first.state, first.channel, first.reason, first.due_at) == ("queued", "email", "", START)
    assert (twin.send_id, twin.existing) == (first.send_id, True)
    again = queue([world.request(ann)], now=START + hours(5))[0]
    assert (again.send_id, again.existing, Send.objects.count()) == (first.send_id, True, 1)
    assert queue([world.request(ann, step="second")])[0].state == "queued"


def test_every_reason_not_to_send_is_written_down(world: World) -> None:
    services.keep_group(
        key="offers", name="Offers", description="", channels=["email"], opt_out=True, by="ann", now=START
    )  # fmt: skip
    offers = world.make_template("Offers", group="offers")
    cases = {
        "no_consent": world.request(world.person("silent", consents=None)),
        "unsubscribed": world.request(world.person("left", consent_offers=False), template_id=offers),
        "suppressed": world.request(world.person("bounced", email_status="bounced")),
        "no_contact_point": world.request(world.person("mute"), channels=("sms",)),
        "no_channel": world.request(world.person("app"), channels=("webpush",)),
        "no_template": world.request(world.id_of("app"), template_id=10**9, step="other"),
        "too_late": world.request(world.id_of("app"), send_by=START - hours(1), step="late"),
        "no_profile": world.request(10**12),
    }
    outcomes = queue(list(cases.values()))
    assert {reason: (one.state, one.reason) for reason, one in zip(cases, outcomes, strict=True)} == {
        reason: ("skipped", reason) for reason in cases
    }
    assert set(Send.objects.values_list("reason", flat=True)) == set(cases)
    assert queue(list(cases.values()))[0].existing
    said_nothing = world.request(world.person("new"), template_id=offers)
    assert queue([said_nothing])[0].state == "queued"
    assert queue([world.request(world.id_of("bounced"), message_class="transactional", step="x")])[0].reason == (
        "suppressed"
    )


def test_a_fallback_is_taken_where_the_first_channel_does_not_reach(world: World) -> None:
    ann = world.person("ann", phone="+493012345678", **{"consent_news.email": False})
    both = queue([world.request(ann, channels=("email", "sms"))])[0]
    assert (both.state, both.channel) == ("queued", "sms")
    nobody = world.person("nobody", consents=False)
    assert queue([world.request(nobody, channels=("email", "sms"))])[0].reason == "no_consent"


def test_quiet_hours_are_those_of_the_persons_own_clock(world: World) -> None:
    world.policy(quiet_from=21 * 60, quiet_until=8 * 60, zone="Europe/Berlin")
    tokyo = world.person("tokyo", timezone="Asia/Tokyo")
    berlin = world.person("berlin")
    noon = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)  # 21:30 in Tokyo, 13:30 in Berlin
    late, early = queue([world.request(tokyo), world.request(berlin)], now=noon)
    assert (late.state, late.reason, late.due_at) == ("queued", "quiet_hours", noon.replace(hour=23, minute=0))
    assert early.due_at == noon
    urgent = world.request(tokyo, step="code", message_class="transactional", purpose="")
    assert queue([urgent], now=noon)[0].due_at == noon
    over = world.request(tokyo, step="over", send_by=noon + hours(2))
    assert (queue([over], now=noon)[0].state, queue([over], now=noon)[0].reason) == ("skipped", "quiet_hours")


def test_caps_hold_and_a_higher_priority_goes_first(world: World) -> None:
    world.policy(caps=[{"channel": "email", "message_class": "", "most": 2, "hours": 24}])
    ann = world.person("ann")
    asked = [world.request(ann, step=f"s{n}", priority=n) for n in range(4)]
    assert [one.reason for one in queue(asked)] == ["frequency_cap", "frequency_cap", "", ""]
    # What waits yields to what is more important; what is less important does not get its place.
    assert queue([world.request(ann, step="alarm", priority=9)])[0].state == "queued"
    assert queue([world.request(ann, step="more", priority=0)])[0].reason == "frequency_cap"
    later = START + hours(25)
    assert queue([world.request(ann, step="next", not_before=later)])[0].due_at == later


def test_the_survivor_of_a_merge_inherits_what_was_sent(world: World) -> None:
    world.policy(caps=[{"channel": "", "message_class": "", "most": 1, "hours": 24}])
    a, b = world.person("a"), world.person("b", known=False)
    first = queue([world.request(a)])[0]
    assert identities.merge(a, b, by="ann", reason="the same", now=START).done
    for asked in (a, b):
        again = queue([world.request(asked)])[0]
        assert (again.send_id, again.existing) == (first.send_id, True)
        assert queue([world.request(asked, step=f"other{asked}")])[0].reason == "frequency_cap"


def test_the_holdout_gets_no_marketing_and_keeps_its_share(world: World) -> None:
    world.policy(holdout=50)
    people = [world.person(f"p{n}") for n in range(60)]
    outcomes = queue([world.request(one) for one in people])
    held = [one.reason for one in outcomes].count("holdout")
    # Drawn by ids that differ from run to run. Of 60 at one half, fewer than 8 or more than 52 are held out by chance
    # with probability 2 * sum(C(60, k), k < 8) / 2**60 = 7.7e-10.
    assert 8 <= held <= 52
    plain = [world.request(one, step="t", message_class="transactional", purpose="") for one in people]
    assert {one.reason for one in queue(plain)} == {""}


def test_the_number_of_statements_does_not_grow_with_the_batch(world: World) -> None:
    people = [world.person(f"p{n}") for n in range(12)]
    counts = []
    for step, size in (("one", 1), ("many", 12)):
        with CaptureQueriesContext(connection) as caught:
            queue([world.request(one, step=step) for one in people[:size]])
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_a_request_that_is_wrong_writes_nothing(world: World) -> None:
    ann = world.person("ann")
    for wrong in (world.request(ann, purpose=""), world.request(ann, channels=("fax",)), world.request(ann, origin="")):
        with pytest.raises(SendingNotPossible):
            queue([world.request(ann), wrong])
    assert not Send.objects.exists()


def test_what_is_not_before_its_time_is_due_then(world: World) -> None:
    ann = world.person("ann")
    later = START + timedelta(days=3)
    assert queue([world.request(ann, not_before=later)])[0].due_at == later
