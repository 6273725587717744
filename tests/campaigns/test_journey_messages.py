"""What journeys send: messages by the ledger of sends, and signed calls."""

import base64
import hmac
from typing import Any

import pytest
from django.conf import LazySettings

from campaigns import selectors, services
from campaigns.contracts import InvalidCampaign
from campaigns.journeys.examples import contents
from campaigns.sending.models import Send, SendingChannel
from connectors.destinations.webhook import signing
from tests.campaigns.journeys_world import START, Shop, cart, shop
from tests.connectors.receiver import Reply, receiving

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)


def reminding(**more: Any) -> dict[str, Any]:
    """The same with a message."""
    steps = cart()["steps"]
    steps[1] = {"kind": "send", "id": "remind", "template": "cart", "channels": ["sms", "email"]}
    return cart(steps=steps, purpose="news", **more)


def write(shop: Shop) -> None:
    """A channel without quiet hours, and the template `cart`."""
    SendingChannel.objects.create(channel="email", provider="none", changed_by="ann", changed_at=START)
    services.change_policy({"quiet_from": 0, "quiet_until": 0, "caps": []}, by="ann", now=START)
    made = services.create_template(
        name="Cart", message_class="marketing", contents=contents("Left", "{{ event.total }}"), by="ann", now=START
    )
    services.publish_template(made.id, 1, by="ann", now=START)


def test_a_message_is_asked_for_once_with_what_the_event_said_and_the_path_tells_what_was_decided(shop: Shop) -> None:
    write(shop)
    campaign = shop.start(reminding())
    shop.identify("ann", email="ann@example.org", consent_news=True)
    shop.identify("bob", email="bob@example.org")
    for user in ("ann", "bob"):
        shop.track(user, "Cart Abandoned", total=30)
    shop.run(hours=1)
    shop.run(hours=1)
    assert shop.path("ann") == ["buys: timed_out", "remind: queued"]
    assert shop.path("bob") == ["buys: timed_out", "remind: skipped: no_consent"]
    sends = Send.objects.filter(state="queued")
    assert [(one.origin, one.channel, one.variables) for one in sends] == [
        (f"campaign:{campaign.id}", "email", {"event": {"total": 30}})
    ]
    found = selectors.campaign_results(campaign.id, now=shop.now)
    assert [(one.step, one.asked, one.waiting, one.skipped) for one in found.messages] == [("remind", 2, 1, 1)]
    told = services.stop_campaign(campaign.id, by="ann", now=shop.now)
    assert (told.waiting, told.sent) == (1, 0)
    assert set(Send.objects.values_list("state", flat=True)) == {"cancelled", "skipped"}


def test_marketing_needs_a_purpose_and_a_template_that_is_published(shop: Shop) -> None:
    made = services.create_campaign(name="X", spec=reminding() | {"purpose": ""}, by="ann", now=START)
    with pytest.raises(InvalidCampaign) as wrong:
        services.start_campaign(made.id, by="ann", now=START, may_mass=True)
    assert list(wrong.value.problems) == ["/purpose"]
    services.change_campaign(made.id, spec=reminding(), by="ann", now=START)
    with pytest.raises(InvalidCampaign, match="no published template cart"):
        services.start_campaign(made.id, by="ann", now=START, may_mass=True)


def test_an_example_brings_drafts_of_its_templates(shop: Shop) -> None:
    for example in selectors.EXAMPLES:
        services.begin_example(example.slug, by="ann", now=START)
    assert {one.slug for one in selectors.templates()} == {
        slug for example in selectors.EXAMPLES for slug in example.messages
    }
    assert services.begin_example("welcome", by="ann", now=START).name == "Welcome 2"


def test_a_call_is_signed_tried_again_with_the_same_id_and_given_up_when_it_is_refused(
    shop: Shop, settings: LazySettings
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiving(lambda call, before: Reply(503 if not before else 200)) as busy:
        first = shop.start({
            "entry": {"kind": "event", "event": "Signed Up"},
            "steps": [{"kind": "webhook", "id": "tell", "url": busy.url}],
        })  # fmt: skip
        shop.track("ann", "Signed Up")
        shop.run(seconds=1)
        assert shop.states(first) == {"active": 1}
        shop.run(minutes=1)
    assert shop.path("ann") == ["tell: next"]
    assert len({call.message_id for call in busy.calls}) == 1
    assert busy.calls[0].event["data"]["profile_id"] == str(shop.profile("ann"))
    key = signing.key_of(selectors.signing_secret(first.id))
    signed = f"{busy.calls[0].message_id}.{busy.calls[0].headers['webhook-timestamp']}.".encode() + busy.calls[0].body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    assert busy.calls[0].headers["webhook-signature"] == wanted
    with receiving(lambda call, before: Reply(404)) as gone:
        shop.start({
            "entry": {"kind": "event", "event": "Left"}, "steps": [{"kind": "webhook", "id": "tell", "url": gone.url}],
        }, name="Other")  # fmt: skip
        shop.track("ann", "Left")
        shop.run(seconds=1)
    assert shop.path("ann") == ["tell: failed"]
    assert len(gone.calls) == 1
