"""Pages and API of recommendations: the catalogue, trying, rules, and answers that never fail."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import clock
from insights import selectors, services
from insights.contracts import Rules
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(sender: Sender) -> Sender:
    calls = [
        {"type": "track", "event": "Product Viewed", "userId": f"u{n}", "timestamp": _ago(20 - step),
         "properties": {"product_id": f"{'ab'[n % 2]}{(n // 2 + step) % 8}", "name": f"Thing {step}", "price": 5}}
        for n in range(30) for step in range(7)
    ]  # fmt: skip
    sender.send(*calls)
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    return sender


def _ago(days: int) -> str:
    return (clock.now() - timedelta(days=days)).isoformat()


def work() -> None:
    services.run_waiting(now=clock.now(), after=follow_moves)


def upload(text: bytes) -> Any:
    return {"file": SimpleUploadedFile("items.csv", text, content_type="text/csv")}


def test_a_marketer_takes_in_a_catalogue_learns_and_tries_and_a_viewer_looks_on(shop: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    overview, catalogue = reverse("web:recommendations"), reverse("web:catalogue")
    assert "Nothing is learned yet" in text_of(viewer.get(overview))
    good = (
        b'product_id,name,category,price,in_stock,colour\na0,A fine thing,Things > Fine,"1,200.50",yes,red\nb0,,,,no,\n'
    )
    assert marketer.post(catalogue, upload(good)).status_code == 302
    for bad, words in (
        (b"name\nx\n", "one of them is id"), (b"id,price\na,free\n", "line 2: price is a number"),
        (b"id\n\xff\n", "not UTF-8"), (b"id,in_stock\na,perhaps\n", "in_stock is true or false"),
        (b"id,url\na,javascript:alert(1)\n", "begins with https"),
    ):  # fmt: skip
        refused = marketer.post(catalogue, upload(bad))
        assert refused.status_code == 422
        assert words in text_of(refused)
    assert viewer.post(catalogue, upload(good)).status_code == 403
    shown = text_of(viewer.get(catalogue, {"q": "fine"}))
    assert "A fine thing" in shown
    assert "1200.50" in shown
    item = selectors.item("a0")
    assert item is not None
    assert (item.price, item.attributes) == (1200.5, {"colour": "red"})
    assert marketer.post(reverse("web:ask_rfm", args=["recommendations"])).status_code == 302
    assert "computing" in text_of(viewer.get(overview))
    work()
    assert "NDCG at 10" in text_of(viewer.get(overview))
    assert "Thing" in text_of(viewer.get(catalogue)), "products of events are learned"
    person = shop.profile("u0")
    tried = text_of(viewer.get(reverse("web:try_recommendations"), {"who": "user_id:u0", "item": "a3"}))
    assert f"Profile {person}" in tried
    assert "a stranger is offered" in text_of(viewer.get(reverse("web:try_recommendations"), {"who": "nobody"}))
    assert "Offered now" in text_of(viewer.get(reverse("web:profile_recommended", args=[person])))
    assert marketer.post(reverse("web:remove_item"), {"item": "a0"}).status_code == 302
    assert selectors.item("a0") is None
    work()


def test_rules_are_kept_on_their_page_and_wrong_ones_are_said_at_their_field(shop: Sender) -> None:
    one_of_each_role()
    marketer, page = signed_in("marketer"), reverse("web:recommendation_rules")
    told = {
        "signals": '[{"event": "Song Played", "weight": 2}]', "half_life_days": "400", "exclude_consumed": "on",
        "not_categories": "Hidden\nSecret > More", "most_price": "99.5",
    }  # fmt: skip
    assert marketer.post(page, told).status_code == 302
    kept = selectors.recommendation_setting()
    assert (kept.signals[0].event, kept.half_life_days) == ("Song Played", 400)
    assert kept.rules == Rules(in_stock_only=False, not_categories=("Hidden", "Secret > More"), most_price=99.5)
    for field, value, words in (
        ("signals", '[{"event": "x", "weight": -1}]', "above 0"), ("signals", "[]", "This field is required"),
        ("signals", '["x"]', "a list of objects"), ("least_price", "100", "not above most_price"),
    ):  # fmt: skip
        refused = marketer.post(page, {**told, field: value})
        assert refused.status_code == 422
        assert words in text_of(refused)
    assert "Song Played" in text_of(marketer.get(page))


def test_the_api_keeps_a_catalogue_recommends_to_anybody_and_names_what_is_wrong(shop: Sender) -> None:
    writer, reader = holder("segments:write", "segments:read"), holder("profiles:read")
    assert reader.get("/recommendations?profile=12345&items=unknown").json() == {
        "items": [], "fallback": True, "model_version": None, "as_of": None,
    }  # fmt: skip
    items = [{"id": f"a{n}", "name": f"A {n}", "price": 10 * n, "category": "A"} for n in range(8)]
    assert writer.post("/items", {"items": items}).json() == {"kept": 8}
    wrong = writer.post("/items", {"items": [*items, {"id": "x", "url": "ftp://x"}]})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/items/8")
    assert writer.get("/items/a3").json()["price"] == 30
    page = writer.get("/items?limit=5").json()
    rest = writer.get(f"/items?limit=5&cursor={page['next_cursor']}").json()
    assert [one["id"] for one in page["data"] + rest["data"]] == [f"a{n}" for n in range(8)]
    assert reader.post("/items", {"items": items}).status_code == 403
    assert writer.delete("/items/a7").status_code == 204
    assert writer.get("/items/a7").status_code == 404


def test_the_api_recommends_to_anybody_by_rules(shop: Sender) -> None:
    writer, reader = holder("segments:write", "segments:read"), holder("profiles:read")
    items = [{"id": f"a{n}", "name": f"A {n}", "price": 10 * n, "category": "A"} for n in range(8)]
    writer.post("/items", {"items": items})
    assert writer.post("/insights/runs", {"kind": "recommendations"}).status_code == 202
    work()
    versions = writer.get("/insights/recommendations").json()["data"]
    assert [(one["version"], one["live"]) for one in versions] == [(1, True)]
    found = reader.get("/recommendations?profile=user_id:u0&count=3").json()
    assert not found["fallback"]
    assert [one["item"]["id"][0] for one in found["items"]] == ["a", "a", "a"]
    beside = reader.get("/recommendations?items=b1,nothing&count=2").json()
    assert [one["item"]["id"][0] for one in beside["items"]] == ["b", "b"]
    rules = {"most_price": 20, "categories": ["A"]}
    cheap = reader.post("/recommendations", {"profile": "user_id:u0", "rules": rules, "count": 50}).json()
    assert {one["item"]["id"] for one in cheap["items"]} <= {"a0", "a1", "a2"}
    assert reader.get("/recommendations?count=0").status_code == 422
    assert reader.get("/recommendations?count=x").status_code == 422
    refused = reader.post("/recommendations", {"rules": {"least_price": 5, "most_price": 1}})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/rules/least_price")
    setting = writer.post("/insights/recommendations/setting", {"rules": {"not_items": ["a1"]}}).json()
    assert setting["rules"]["not_items"] == ["a1"]
    assert setting["rules"]["in_stock_only"] is True
    assert "a1" not in [one["item"]["id"] for one in reader.get("/recommendations?count=50").json()["items"]]
    bad = writer.post("/insights/recommendations/setting", {"signals": []})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/signals")
