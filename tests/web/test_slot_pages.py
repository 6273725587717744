"""Slots, bandits and holdouts on their pages."""

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import selectors
from segments import selectors as segments
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_slot_gets_a_content_and_a_rule_and_is_seen_as_a_person(shop: Shop) -> None:
    client = signed_in("marketer")
    made = client.post(reverse("web:new_slot"), {
        "name": "Hero", "fields_": "title, things", "default": "title: Hello\nthings: [1, 2]",
    })  # fmt: skip
    slot = selectors.slot("hero")
    assert slot is not None
    where = reverse("web:slot", args=[slot.id])
    assert made.headers["Location"] == where
    assert slot.document.default == {"title": "Hello", "things": [1, 2]}
    refused = client.post(where, {"do": "content", "key": "a", "fields_": "title: <b>no</b>", "weight": "1"})
    assert (refused.status_code, "without markup" in text_of(refused)) == (422, True)
    client.post(where, {"do": "content", "key": "mine", "fields_": "title: Mine: really", "weight": "2"})
    wrong = client.post(where, {"do": "rule", "name": "R", "rule": "plan ~ 3", "contents": ["mine"]})
    assert wrong.status_code == 422
    regulars = segments.segment(shop.segment)
    assert regulars is not None
    for name, segment in (("Second", ""), ("First", regulars.slug)):
        client.post(where, {"do": "rule", "name": name, "segment": segment, "contents": ["mine"]})
    steer = reverse("web:steer_slot", args=[slot.id])
    client.post(steer, {"do": "up", "at": "1"})
    slot = selectors.slot("hero")
    assert slot is not None
    assert [one.name for one in slot.document.rules] == ["First", "Second"]
    assert slot.document.contents[0].fields == {"title": "Mine: really"}
    _seen_and_taken_back(client, shop, slot.id, regulars.slug)


def _seen_and_taken_back(client: Client, shop: Shop, slot_id: int, regulars: str) -> None:
    preview, steer = (reverse(f"web:{name}", args=[slot_id]) for name in ("preview_slot", "steer_slot"))
    seen = text_of(client.get(preview, {"who": str(shop.anna)}))
    assert f"the segment {regulars}" in seen
    assert "title: Mine: really" in seen
    assert "Nobody found" in text_of(client.get(preview, {"who": "nobody-at-all"}))
    client.post(steer, {"do": "drop_rule", "at": "0"})
    client.post(steer, {"do": "restore", "version": "1"})
    slot = selectors.slot("hero")
    assert slot is not None
    assert (slot.version, slot.document.rules) == (7, ())
    client.post(steer, {"do": "delete"})
    assert selectors.slot("hero") is None


def test_a_bandit_and_a_holdout_are_made_on_pages(shop: Shop) -> None:
    client = signed_in("marketer")
    client.post(reverse("web:bandits"), {
        "name": "Picture", "arms": "Big picture\nSmall", "reward": "Order Completed", "window_hours": "24",
        "depends_on": "context device: mobile, desktop", "explore": "0.1", "half_life_hours": "168",
    })  # fmt: skip
    made = selectors.bandit("picture")
    assert made is not None
    assert ([one.key for one in made.arms], made.context[0].values) == (["big-picture", "small"], ("mobile", "desktop"))
    page = reverse("web:bandit", args=[made.id])
    assert "Nothing learned yet" in text_of(client.get(page))
    client.post(reverse("web:steer_bandit", args=[made.id]), {"do": "stop"})
    assert "stopped" in text_of(client.get(page))
    client.post(reverse("web:new_holdout"), {"name": "Everything", "percent": "5", "event": "Order Completed"})
    holdout = selectors.experiment("everything")
    assert holdout is not None
    assert (holdout.kind, holdout.variants[0].weight) == ("holdout", 5.0)
    assert "of every slot the default content" in text_of(client.get(reverse("web:experiment", args=[holdout.id])))


def test_the_shop_is_a_part_of_the_demo_alone(shop: Shop) -> None:
    from cdp.demo.setting import create_segments
    from cdp.demo.storefront import create_storefront
    from common import clock

    client = signed_in("viewer")
    assert client.get("/shop/").status_code == 404
    client.logout()
    create_segments(by="demo", now=clock.now())
    create_storefront(shop.source, by="demo", now=clock.now())
    create_storefront(shop.source, by="demo", now=clock.now())
    page = client.get("/shop/")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert [one.slug for one in selectors.slots() if one.slug.startswith("shop-")] == [
        "shop-banner", "shop-cart", "shop-recommendations",
    ]  # fmt: skip
