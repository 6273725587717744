"""Broadcasts: whom they reach, when, and who has to agree."""

import pytest

from campaigns import selectors, services
from campaigns.contracts import NotNow
from tests.campaigns.journeys_world import Shop, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_broadcast_reaches_exactly_whom_its_audience_told_and_finishes(shop: Shop) -> None:
    slug = shop.segment("Pro", {"trait": "plan", "is": "eq", "value": "pro"})
    for number in range(50):
        shop.identify(f"u{number}", plan="pro" if number < 40 else "free")
    spec = {
        "entry": {"kind": "broadcast", "segment": slug}, "holdout": 50,
        "steps": [{"kind": "trait", "id": "say", "traits": {"told": 1}}],
    }  # fmt: skip
    made = services.create_campaign(name="News", spec=spec, by="ann", now=shop.now)
    audience = services.audience_of(made.id, now=shop.now)
    assert audience is not None
    assert (audience.members, audience.not_again) == (40, 0)
    # At one half, all 40 on one side have the probability 2 / 2**40 = 1.8e-12.
    assert 0 < audience.held_out < 40
    services.start_campaign(made.id, by="ann", now=shop.now, may_mass=False)
    shop.identify("late", plan="pro")
    shop.run(seconds=1)
    shop.run(seconds=1)
    found = shop.states(made)
    # Whoever entered the segment after the start is not of those who were counted.
    assert (found["finished"], found["held_out"]) == (audience.recipients, audience.held_out)
    again = selectors.campaign(made.id)
    assert again is not None
    assert again.state == "finished"


def test_each_is_reached_at_his_own_time_of_day(shop: Shop) -> None:
    slug = shop.segment("All", {"trait": "plan", "is": "exists"})
    shop.identify("tokyo", plan="pro", timezone="Asia/Tokyo")
    shop.identify("york", plan="pro", timezone="America/New_York")
    shop.identify("nowhere", plan="pro", timezone="../etc")
    campaign = shop.start({
        "entry": {"kind": "broadcast", "segment": slug, "at": "2026-11-04T09:00:00+00:00", "local": True},
        "steps": [{"kind": "exit", "id": "end"}],
    })  # fmt: skip
    for hours, done in ((39, 0), (1, 1), (8, 1), (1, 2), (4, 2), (1, 3)):
        shop.run(hours=hours)
        assert shop.states(campaign).get("finished", 0) == done, shop.now


def test_a_recurring_broadcast_goes_out_each_time_and_makes_up_for_one_that_was_missed(shop: Shop) -> None:
    slug = shop.segment("All", {"trait": "plan", "is": "exists"})
    shop.identify("ann", plan="pro")
    campaign = shop.start({
        "entry": {"kind": "broadcast", "segment": slug, "at": "2026-11-02T09:00:00+00:00", "every": "day"},
        "again": "always", "steps": [{"kind": "exit", "id": "end"}],
    })  # fmt: skip
    shop.run(minutes=30)
    assert shop.states(campaign) == {}
    shop.run(hours=1)
    shop.run(days=1)
    assert shop.states(campaign) == {"finished": 2}
    shop.run(days=5)
    assert shop.states(campaign) == {"finished": 3}


def test_a_large_broadcast_waits_for_a_second_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.journeys.services.APPROVE_ABOVE", 2)
    slug = shop.segment("All", {"trait": "plan", "is": "exists"})
    for user in ("a", "b", "c"):
        shop.identify(user, plan="pro")
    spec = {"entry": {"kind": "broadcast", "segment": slug}, "steps": [{"kind": "exit", "id": "end"}]}
    made = services.create_campaign(name="Big", spec=spec, by="ann", now=shop.now)
    asked = services.start_campaign(made.id, by="ann", now=shop.now, may_mass=False)
    assert (asked.state, asked.asked and asked.asked.audience.recipients) == ("draft", 3)
    with pytest.raises(NotNow, match="Somebody else"):
        services.approve_campaign(made.id, by="ann", now=shop.now)
    shop.identify("d", plan="pro")
    with pytest.raises(NotNow, match="4 recipients"):
        services.approve_campaign(made.id, by="bob", now=shop.now)
    services.decline_campaign(made.id, by="bob", now=shop.now)
    services.start_campaign(made.id, by="ann", now=shop.now, may_mass=False)
    assert services.approve_campaign(made.id, by="bob", now=shop.now).state == "running"
    shop.run()
    assert shop.states(made) == {"finished": 4}
