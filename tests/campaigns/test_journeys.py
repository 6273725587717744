"""Campaigns end to end: people enter by what they do, wait, are told apart, and leave."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns import selectors, services
from campaigns.contracts import InvalidCampaign, NotNow
from campaigns.journeys.models import Instance
from events import selectors as log
from identity import selectors as identity
from identity import services as people
from segments import selectors as segments
from segments import services as segmenting
from tests.campaigns.journeys_world import START, Shop, cart, first_of, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_who_leaves_a_cart_is_reminded_within_the_hour_unless_he_buys(shop: Shop) -> None:
    campaign = shop.start(cart())
    shop.track("ann", "Cart Abandoned")
    shop.track("bob", "Cart Abandoned")
    shop.run(seconds=5)
    assert shop.states(campaign) == {"active": 2}
    shop.run(minutes=20)
    shop.track("bob", "Order Completed", revenue=20)
    shop.run(seconds=1)
    assert shop.path("bob") == ["buys: happened", "bought: end"]
    shop.run(minutes=25)
    assert shop.path("ann") == ["buys: timed_out", "remind: next"]
    view = identity.profile_view(shop.profile("ann"))
    assert view is not None
    assert view.traits["reminded"] is True
    bob = identity.profile_view(shop.profile("bob"))
    assert bob is not None
    assert "reminded" not in bob.traits
    claim = next(one for one in identity.provenance(shop.profile("ann")) if one.key == "reminded")
    assert claim.source_id not in (0, shop.source)


def test_the_wait_counts_from_the_event_and_an_old_event_lets_nobody_in(shop: Shop) -> None:
    campaign = shop.start(cart())
    shop.now += timedelta(hours=30)
    shop.track("ann", "Cart Abandoned", at=shop.now - timedelta(minutes=50))
    shop.track("bob", "Cart Abandoned", at=shop.now - timedelta(hours=25))
    shop.run()
    assert shop.states(campaign) == {"finished": 1}
    assert shop.path("ann") == ["buys: timed_out", "remind: next"]


def test_the_same_event_twice_and_a_second_cart_meanwhile_let_in_once(shop: Shop) -> None:
    campaign = shop.start(cart())
    call = {"type": "track", "userId": "ann", "event": "Cart Abandoned", "messageId": "twice", "properties": {}}
    shop.send(call, call)
    shop.send(call)
    shop.track("ann", "Cart Abandoned", at=shop.now + timedelta(seconds=1))
    shop.run(seconds=10)
    assert shop.states(campaign) == {"active": 1}
    shop.run(hours=1)
    shop.track("ann", "Cart Abandoned")
    shop.run(seconds=1)
    assert shop.states(campaign) == {"finished": 1, "active": 1}


def test_each_order_enters_by_its_id_and_filters_are_heeded(shop: Shop) -> None:
    spec = cart(
        entry={"kind": "event", "event": "Order Shipped", "key": "order_id",
               "where": [{"property": "total", "is": "gte", "value": 50}]},
        again="never",
    )  # fmt: skip
    campaign = shop.start(spec)
    for order, total in (("o1", 60), ("o2", 70), ("o1", 60), ("o3", 10)):
        shop.track("ann", "Order Shipped", order_id=order, total=total)
    shop.track("ann", "Order Shipped", total=90)
    shop.run(seconds=1)
    assert sorted(one.key for one in selectors.instances(campaign_id=campaign.id)) == ["o1", "o2"]


def test_who_enters_a_segment_enters_by_the_ledger_also_when_only_time_brought_him_there(shop: Shop) -> None:
    slug = shop.segment("Quiet", {"event": "Visited", "last": {"is": "more_than_ago", "value": {"days": 3}}})
    shop.track("ann", "Visited")
    campaign = shop.start({
        "entry": {"kind": "segment", "segment": slug}, "again": "always",
        "steps": [{"kind": "list", "id": "put", "list": "win-back"}],
    }, name="Early") if segmenting.create_list(slug="win-back", name="", by="ann", now=shop.now) else None  # fmt: skip
    assert campaign is not None
    shop.run(days=2)
    assert shop.states(campaign) == {}
    shop.run(days=2)
    assert shop.states(campaign) == {"finished": 1}
    assert segments.list_entries("win-back") == [shop.profile("ann")]
    shop.track("ann", "Visited")
    shop.run(days=4)
    assert shop.states(campaign) == {"finished": 2}


def test_ways_are_chosen_by_segment_trait_and_event_and_people_finish_on_their_version(shop: Shop) -> None:
    vip = shop.segment("Vip", {"trait": "spent", "is": "gte", "value": 1000})
    steps: list[dict[str, Any]] = [
        {"kind": "wait", "id": "rest", "minutes": 10, "next": "which"},
        {"kind": "branch", "id": "which", "cases": [
            {"when": {"segment": vip}, "next": "end"},
            {"when": {"trait": "score", "is": "gt", "value": 0.7}, "next": "end"},
            {"when": {"event": "Viewed", "where": [{"property": "page", "is": "eq", "value": "sale"}]}, "next": "end"},
        ]},
        {"kind": "exit", "id": "end"},
    ]  # fmt: skip
    campaign = shop.start({"entry": {"kind": "event", "event": "Signed Up"}, "steps": steps})
    shop.identify("vip", spent=2000)
    shop.identify("hot", score=0.9)
    for user in ("vip", "hot", "seer", "other"):
        shop.track(user, "Signed Up")
    shop.track("seer", "Viewed", at=shop.now + timedelta(seconds=1), page="sale")
    shop.run(seconds=2)
    services.change_campaign(
        campaign.id, spec={"entry": {"kind": "event", "event": "Signed Up"}, "steps": steps[2:]}, by="ann", now=shop.now
    )
    services.start_campaign(campaign.id, by="ann", now=shop.now, may_mass=True)
    shop.track("new", "Signed Up")
    shop.run(minutes=10)
    ways = {user: shop.path(user)[1] for user in ("vip", "hot", "seer", "other")}
    assert ways == {
        "vip": "which: case 1",
        "hot": "which: case 2",
        "seer": "which: case 3",
        "other": "which: otherwise",
    }
    assert shop.path("new") == ["end: end"]


def test_an_experiment_decides_the_way_and_its_exposures_are_counted(shop: Shop) -> None:
    made = services.create_experiment(
        name="Offer", variants=[{"key": "a", "name": "A", "weight": 1.0}, {"key": "b", "name": "B", "weight": 1.0}],
        metrics=[{"name": "Orders", "kind": "conversion", "event": "Order Completed"}], by="ann", now=START,
    )  # fmt: skip
    services.start_experiment(made.id, by="ann", now=START)
    shop.start({"entry": {"kind": "event", "event": "Signed Up"}, "steps": [
        {"kind": "experiment", "id": "test", "experiment": "offer", "variants": {"a": "", "b": ""}},
    ]})  # fmt: skip
    shop.send(*({"type": "track", "userId": f"u{n}", "event": "Signed Up", "properties": {}} for n in range(40)))
    shop.run(seconds=5)
    # All 40 in one variant have the probability 2 / 2**40 = 1.8e-12.
    assert {shop.path(f"u{n}")[0] for n in range(40)} == {"test: variant a", "test: variant b"}
    assert services.analyse(made.id, now=shop.now + timedelta(minutes=1)).health.people == 40


def test_goal_and_exit_events_end_a_journey_at_once(shop: Shop) -> None:
    campaign = shop.start({
        "entry": {"kind": "event", "event": "Signed Up"},
        "goal": {"event": "Order Completed", "minutes": 600}, "leaving": {"event": "Unsubscribed"},
        "steps": [{"kind": "wait", "id": "rest", "minutes": 1000}],
    })  # fmt: skip
    for user in ("ann", "bob", "cat"):
        shop.track(user, "Signed Up")
    shop.run(minutes=1)
    shop.track("ann", "Order Completed")
    shop.track("bob", "Unsubscribed")
    shop.run(seconds=1)
    assert shop.states(campaign) == {"goal": 1, "left": 1, "active": 1}


def test_pausing_keeps_people_where_they_are_and_stopping_ends_it_for_all(shop: Shop) -> None:
    campaign = shop.start(cart())
    shop.track("ann", "Cart Abandoned")
    shop.run(seconds=1)
    told = services.pause_campaign(campaign.id, by="ann", now=shop.now)
    assert (told.inside, told.passed_acts) == (1, 0)
    shop.track("bob", "Cart Abandoned")
    shop.run(hours=1)
    assert shop.states(campaign) == {"active": 1}
    services.resume_campaign(campaign.id, by="ann", now=shop.now)
    shop.run()
    assert shop.path("ann") == ["buys: timed_out", "remind: next"]
    shop.track("cat", "Cart Abandoned")
    shop.run(seconds=1)
    told = services.stop_campaign(campaign.id, by="ann", now=shop.now)
    assert (told.inside, told.passed_acts) == (1, 1)
    shop.run(hours=1)
    assert shop.states(campaign) == {"finished": 1, "stopped": 1}
    with pytest.raises(NotNow):
        services.start_campaign(campaign.id, by="ann", now=shop.now, may_mass=True)


def test_of_two_who_turn_out_to_be_one_the_older_journey_goes_on(shop: Shop) -> None:
    campaign = shop.start(cart(again="never"))
    first, second = "first-device", "second-device"
    for device in (first, second):
        shop.send({"type": "track", "anonymousId": device, "event": "Cart Abandoned", "properties": {}})
    shop.run(minutes=1)
    one, other = (identity.find_profile("anonymous_id", device) for device in (first, second))
    assert one is not None
    assert other is not None
    assert people.merge(one, other, by="ann", reason="the same", now=shop.now).done
    shop.send({"type": "track", "anonymousId": second, "event": "Order Completed", "properties": {}})
    shop.run(minutes=1)
    assert shop.states(campaign) == {"finished": 1, "merged": 1}
    shop.send({"type": "track", "anonymousId": second, "event": "Cart Abandoned", "properties": {}})
    shop.run(hours=1)
    assert shop.states(campaign) == {"finished": 1, "merged": 1}


def test_conversions_are_compared_with_those_who_were_held_out(shop: Shop) -> None:
    campaign = shop.start(cart(
        goal={"event": "Order Completed", "minutes": 120, "ends": True,
              "where": [{"property": "revenue", "is": "gt", "value": 0}]}, holdout=50,
    ))  # fmt: skip
    shop.send(*({"type": "track", "userId": f"u{n}", "event": "Cart Abandoned", "properties": {}} for n in range(200)))
    shop.run(minutes=50)
    held = {
        one.profile_id for one in selectors.instances(campaign_id=campaign.id, limit=500) if one.state == "held_out"
    }
    # Chance says who is held out; of each side the same share buys, whoever that is. Of 200 at one half, fewer than 57
    # on one side have the probability 5e-10, and with 57 of 200 either way the interval is above nothing.
    buyers = first_of(set(range(200)), held, shop, held_share=0.2, treated_share=0.7)
    orders = [
        {"type": "track", "userId": f"u{n}", "event": "Order Completed",
         "properties": {"revenue": 5 if n in buyers else 0}}
        for n in range(200)
    ]  # fmt: skip
    shop.send(*orders)
    shop.run(minutes=1)
    early = selectors.campaign_results(campaign.id, now=shop.now)
    assert (early.treated.measured, early.difference) == (0, None)
    found = selectors.campaign_results(campaign.id, now=shop.now + timedelta(hours=2))
    assert found.treated.entered + found.held_out.entered == found.treated.measured + found.held_out.measured == 200
    assert found.held_out.rate is not None
    assert found.treated.rate is not None
    assert found.treated.rate > 0.6
    assert found.held_out.rate < 0.3
    assert found.difference is not None
    assert 0 < found.difference.low < found.difference.points < found.difference.high
    assert [one.left for one in found.steps][0] == {"timed_out": found.treated.entered}


def test_a_person_who_is_erased_leaves_no_journey(shop: Shop) -> None:
    from cdp import erasing
    from privacy import services as privacy

    shop.start(cart())
    shop.track("ann", "Cart Abandoned")
    shop.track("bob", "Cart Abandoned")
    shop.run(hours=1)
    shop.track("ann", "Cart Abandoned")
    privacy.request_erasure(profile_id=shop.profile("ann"), by="ann", now=shop.now)
    erasing.run_erasures(now=shop.now)
    assert [one.person_id for one in Instance.objects.all()] == [shop.profile("bob")]
    shop.run(hours=1)
    assert Instance.objects.count() == 1


def test_what_cannot_run_is_refused_with_the_place(shop: Shop) -> None:
    with pytest.raises(InvalidCampaign) as wrong:
        services.create_campaign(name="X", spec={"entry": {"kind": "event"}}, by="ann", now=START)
    assert list(wrong.value.problems) == ["/entry"]
    spec = {
        "entry": {"kind": "segment", "segment": "nowhere"},
        "steps": [
            {"kind": "wait", "id": "a", "minutes": 0, "next": "b"},
            {"kind": "wait", "id": "b", "minutes": 5, "next": "a"},
        ],
    }  # fmt: skip
    made = services.create_campaign(name="X", spec=spec, by="ann", now=START)
    with pytest.raises(InvalidCampaign, match="leads back to itself") as wrong:
        services.start_campaign(made.id, by="ann", now=START, may_mass=True)
    assert "/steps/0/minutes" in wrong.value.problems
    spec["steps"] = [{"kind": "exit", "id": "a"}]
    services.change_campaign(made.id, spec=spec, by="ann", now=START)
    with pytest.raises(InvalidCampaign, match="no segment nowhere"):
        services.start_campaign(made.id, by="ann", now=START, may_mass=True)


def test_events_of_journeys_are_on_the_timeline(shop: Shop) -> None:
    shop.start(cart())
    shop.track("ann", "Cart Abandoned")
    shop.run(hours=1)
    ids = identity.identifier_ids(shop.profile("ann"))
    kinds = [one.type for one in log.timeline(identifier_ids=ids, before=shop.now + timedelta(minutes=1))]
    assert kinds.count("identify") == 1
