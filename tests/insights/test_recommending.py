"""Recommendations end to end: events, a run, and what people are offered."""

import re
import sys
from datetime import timedelta
from typing import Any

import pytest

from cdp.erasing import run_erasures
from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from identity import services as identity_services
from insights import selectors, services
from insights.contracts import BadRecommendation, Rules
from insights.models import Item, Recommender, Run, Taste
from privacy import services as privacy
from segments import services as segment_services
from tests.connectors.killing import kill_worker, wait_until
from tests.insights.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)


_SLOW = """
import insights.recommendations.computing as computing
from cdp.pipeline.follow import follow_moves
from insights import services
computing._WRITE_AT_ONCE = 1
progress = computing.jobs.progress
rest = resting(0.05, steps=40)
computing.jobs.progress = lambda *told, **more: (progress(*told, **more), rest())
services.run_waiting(now=clock.now(), after=follow_moves)
"""


def told(user: str, event: str, item: str, *, days: float = 5, **more: Any) -> dict[str, Any]:
    product = {"product_id": item, "name": f"Item {item}", "category": f"{item[0]} > all", "price": 10, **more}
    who = {"anonymousId": f"browser of {user}"} if "@" in user else {"userId": user}
    at = (clock.now() - timedelta(days=days)).isoformat()
    return {"type": "track", "event": event, **who, "timestamp": at, "properties": product}


def bought(user: str, *items: str, days: float = 5, order: str = "") -> dict[str, Any]:
    products = [{"product_id": one, "name": f"Item {one}", "category": f"{one[0]} > all", "price": 10} for one in items]
    at = (clock.now() - timedelta(days=days)).isoformat()
    properties = {"order_id": order or f"o-{user}-{days}-{'-'.join(items)}", "products": products, "revenue": 10}
    return {"type": "track", "event": "Order Completed", "userId": user, "timestamp": at, "properties": properties}


def run() -> None:
    services.request_run(kind="recommendations", by="ann", now=clock.now())
    assert services.run_waiting(now=clock.now(), after=follow_moves) == 1
    row = Run.objects.order_by("-pk")[0]
    assert row.state == "done", row.error


def offered(user: str | None, sender: Sender, **more: Any) -> list[str]:
    found = selectors.recommend(profile_id=sender.profile(user) if user else None, now=clock.now(), **more)
    return [one.item.id for one in found.items]


@pytest.fixture
def shop(sender: Sender) -> Sender:
    """Two tastes: forty people like items a0 to a9, forty b0 to b9; each has not yet touched some of theirs. One item
    is known to nobody."""
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    calls = []
    for number in range(80):
        kind = "ab"[number % 2]
        for step in range(7):
            item = f"{kind}{(number // 2 + step * 3) % 10}"
            calls.append(told(f"u{number}", "Product Viewed", item, days=40 - step * 5))
        calls.append(bought(f"u{number}", f"{kind}{(number // 2 + 1) % 10}", days=2))
    sender.send(*calls)
    services.keep_items([{"id": "new", "name": "Brand new", "category": "n"}], by="ann", now=clock.now())
    return sender


def test_before_there_is_anything_the_answer_is_empty_and_after_a_catalogue_what_is_new(sender: Sender) -> None:
    empty = selectors.recommend(profile_id=None, now=clock.now())
    assert (list(empty.items), empty.fallback, empty.model_version) == ([], True, None)
    services.keep_items([{"id": "1"}, {"id": "2", "in_stock": False}], by="ann", now=clock.now())
    found = selectors.recommend(profile_id=12345, context=["1", "unknown"], now=clock.now())
    assert (list(found.items), found.fallback) == ([], True)
    found = selectors.recommend(profile_id=None, context=["unknown"], now=clock.now())
    assert [(one.item.id, one.fallback) for one in found.items] == [("1", True)]
    services.request_run(kind="recommendations", by="ann", now=clock.now())
    services.run_waiting(now=clock.now(), after=follow_moves)
    assert offered(None, sender) == ["1"], "a catalogue without any event is a model too"


def test_a_run_without_a_catalogue_says_what_to_do(sender: Sender) -> None:
    services.request_run(kind="recommendations", by="ann", now=clock.now())
    services.run_waiting(now=clock.now(), after=follow_moves)
    row = Run.objects.get()
    assert row.state == "failed"
    assert "The catalogue is empty" in row.error


def test_a_run_by_spark_without_spark_says_what_is_missing(
    shop: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    for engine, says in (
        ("spark", r"pip install '.\[spark\]', and Java 17"),
        ("hadoop", "choose one of implicit, spark"),
    ):
        settings.RECOMMENDATION_ENGINE = engine
        services.request_run(kind="recommendations", by="ann", now=clock.now())
        services.run_waiting(now=clock.now(), after=follow_moves)
        row = Run.objects.order_by("-pk")[0]
        assert row.state == "failed"
        assert re.search(says, row.error)
    assert not Recommender.objects.exists()


def test_people_are_offered_what_people_like_them_liked_and_not_what_they_bought(shop: Sender) -> None:
    run()
    assert Item.objects.count() == 21
    found = selectors.recommend(profile_id=shop.profile("u0"), count=5, now=clock.now())
    assert not found.fallback
    assert found.model_version == 1
    assert all(one.item.id.startswith("a") and not one.fallback and one.reason for one in found.items)
    assert "a1" not in offered("u0", shop, count=50)
    assert "a1" in offered("u0", shop, count=50, filters=Rules(exclude_consumed=False))
    figures = Recommender.objects.get().figures
    assert figures["measures"]["model"]["people"] == 80
    assert figures["measures"]["model"]["ndcg"] > figures["measures"]["popular"]["ndcg"]
    assert figures["alarms"] == []


def test_with_four_items_one_is_offered_what_is_popular_and_with_five_what_one_likes(shop: Sender) -> None:
    shop.send(*(told("four", "Product Viewed", f"a{n}") for n in range(4)))
    shop.send(*(told("five", "Product Viewed", f"a{n}") for n in range(5)))
    run()
    four = selectors.recommend(profile_id=shop.profile("four"), now=clock.now())
    assert four.fallback
    assert all(one.fallback for one in four.items)
    five = selectors.recommend(profile_id=shop.profile("five"), count=3, now=clock.now())
    assert not five.fallback
    assert bytes(Taste.objects.get(pk=shop.profile("four")).vector) == b""
    assert len(Taste.objects.get(pk=shop.profile("five")).vector) % 4 == 0
    assert {one.item.id[0] for one in five.items} == {"a"}


def test_what_is_done_after_a_run_counts_at_once(shop: Sender) -> None:
    run()
    shop.send(*(told("late", "Product Viewed", f"b{n}", days=0) for n in range(5)))
    late = selectors.recommend(profile_id=shop.profile("late"), count=3, now=clock.now())
    assert not late.fallback
    assert {one.item.id[0] for one in late.items} == {"b"}
    first = offered("u0", shop, count=1)
    shop.send(bought("u0", first[0], days=0))
    assert first[0] not in offered("u0", shop, count=20)


def test_what_is_looked_at_leads_to_what_goes_together_with_it_even_for_nobody(shop: Sender) -> None:
    run()
    found = selectors.recommend(profile_id=None, context=["b3"], count=3, now=clock.now())
    assert not found.fallback
    assert {one.item.id[0] for one in found.items} == {"b"}
    assert "b3" not in [one.item.id for one in found.items]
    assert all(one.because == "b3" and "Item b3" in one.reason for one in found.items)
    services.keep_items([{"id": "b-new", "name": "Item b3 again", "category": "b > all"}], by="ann", now=clock.now())
    run()
    cold = selectors.recommend(profile_id=None, context=["b-new"], count=3, now=clock.now())
    assert not cold.fallback, "what nobody touched yet is described alike"
    assert cold.items[0].item.id == "b3"


def test_rules_hold_at_once_and_never_give_what_is_out_of_stock(shop: Sender) -> None:
    run()
    services.keep_items([{"id": "a3", "in_stock": False}, {"id": "a2", "price": 500}], by="ann", now=clock.now())
    usual = offered("u0", shop, count=50)
    assert "a3" not in usual
    assert "a2" in usual
    cheap = offered("u0", shop, count=50, filters=Rules(most_price=100))
    assert not {"a2", "new"} & set(cheap)
    assert {one[0] for one in offered("u0", shop, count=50, filters=Rules(categories=("b > all",)))} == {"b"}
    services.keep_recommendation_setting({"rules": {"not_categories": ["a > all"]}}, by="ann", now=clock.now())
    assert not any(one.startswith("a") for one in offered("u0", shop, count=50))
    services.remove_items(["b0"], by="ann", now=clock.now())
    assert "b0" not in offered(None, shop, count=50)
    with pytest.raises(BadRecommendation, match="count"):
        offered(None, shop, count=0)


def test_nobody_knows_the_person_then_the_segment_says_what_is_popular(shop: Sender) -> None:
    segment_services.create_segment(
        name="B", slug="b-people", by="ann", now=clock.now(),
        rule={"event": "Order Completed", "count": {"is": "gte", "value": 1}},
    )  # fmt: skip
    run()
    found = selectors.recommend(profile_id=None, segment="b-people", count=3, now=clock.now())
    assert found.fallback
    assert "Popular in the segment b-people." in {one.reason for one in found.items}
    other = selectors.recommend(profile_id=None, segment="nothing", count=3, now=clock.now())
    assert {one.reason for one in other.items} == {"Popular with everybody."}


def test_cancelled_orders_tell_nothing_and_low_ratings_only_that_one_knows_it(sender: Sender) -> None:
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    signals = [{"event": "Order Completed", "weight": 5, "consumes": True},
               {"event": "Rated", "weight": 1, "consumes": True, "property": "rating", "at_least": 4}]  # fmt: skip
    services.keep_recommendation_setting({"signals": signals}, by="ann", now=clock.now())
    services.keep_items([{"id": "p1"}], by="ann", now=clock.now())
    sender.send(
        bought("x", "p1", order="1"), bought("x", "p2", order="2"),
        {"type": "track", "event": "Order Cancelled", "userId": "x", "properties": {"order_id": "1"}},
        told("x", "Rated", "p3", rating=1), told("x", "Rated", "p4", rating=5),
    )  # fmt: skip
    run()
    assert set(offered("x", sender)) == {"p1"}, "the order of p1 was cancelled; the others are known to them"
    taste = Taste.objects.get()
    keys = dict(Item.objects.values_list("pk", "key"))
    assert {keys[one] for one in _ids(taste.latest)} == {"p2", "p4"}
    assert {keys[one] for one in _ids(taste.consumed)} == {"p2", "p3", "p4"}


def _ids(data: Any) -> list[int]:
    return [int.from_bytes(bytes(data)[at : at + 8], "little") for at in range(0, len(data), 8)]


def test_a_merge_moves_history_and_the_next_run_gives_factors_of_both(shop: Sender) -> None:
    halves = [("one", range(3)), ("two@example.org", range(3, 6))]
    shop.send(shop.identify("two@example.org"))
    shop.send(*(told(user, "Product Viewed", f"b{n}") for user, some in halves for n in some))
    run()
    one, two = shop.profile("one"), shop.profile("two@example.org")
    assert [len(Taste.objects.get(pk=person).vector) for person in (one, two)] == [0, 0]
    merged = identity_services.merge(one, two, by="ann", reason="", now=clock.now(), after=follow_moves)
    survivor = identity.current_ids([one])[one]
    assert selectors.recommend(profile_id=survivor, now=clock.now()).items
    run()
    assert len(Taste.objects.get(pk=survivor).vector) > 0
    assert Taste.objects.filter(pk__in=[one, two]).count() == 1
    identity_services.undo_decision(merged.decision_id or 0, by="ann", now=clock.now(), after=follow_moves)
    run()
    assert [len(Taste.objects.get(pk=person).vector) for person in (one, two)] == [0, 0]


def test_of_an_erased_person_nothing_is_left_and_a_run_under_way_brings_nothing_back(shop: Sender) -> None:
    secret = told("u0", "Product Viewed", "engraved", name="For U0-secret-name@example.org", days=1)
    shop.send({"type": "identify", "userId": "u0", "traits": {"email": "u0-secret-name@example.org"}}, secret)
    run()
    profile = shop.profile("u0")
    assert Taste.objects.filter(pk=profile).exists()
    row = services.request_run(kind="recommendations", by="ann", now=clock.now())
    privacy.request_erasure(profile_id=profile, by="ann", now=clock.now())
    run_erasures(now=clock.now())
    assert not Taste.objects.filter(pk=profile).exists()
    assert row.open
    assert not Item.objects.filter(key="engraved").exists(), "an item that only he told of names him"
    services.run_waiting(now=clock.now(), after=follow_moves)
    assert not Taste.objects.filter(pk=profile).exists()
    assert Recommender.objects.get(live=True).figures["people"] == 79


def test_what_was_tampered_with_is_not_used_and_people_are_still_answered(shop: Sender) -> None:
    run()
    row = Recommender.objects.get()
    body = bytearray(row.body)
    body[-1] ^= 1
    Recommender.objects.filter(pk=row.pk).update(body=bytes(body))
    from insights.recommendations import serving

    serving._loaded.clear()
    found = selectors.recommend(profile_id=shop.profile("u0"), now=clock.now())
    assert found.fallback
    assert found.items
    Recommender.objects.filter(pk=row.pk).update(body=bytes(row.body))
    profile = shop.profile("u1")
    Taste.objects.filter(pk=profile).update(vector=b"\x00\x00\x80?" * 4)
    assert selectors.recommend(profile_id=profile, now=clock.now()).items, "a row that does not match is left out"


def test_a_run_that_is_killed_is_done_again_and_the_version_before_serves_meanwhile(shop: Sender) -> None:
    run()
    before = offered(None, shop)
    services.request_run(kind="recommendations", by="ann", now=clock.now())
    kill_worker(_SLOW, when=lambda: Taste.objects.filter(version=2).count() > 2)
    assert Run.objects.filter(state="waiting").count() == 1
    assert 2 < Taste.objects.filter(version=2).count() < 80
    half = [selectors.recommend(profile_id=shop.profile(f"u{n}"), now=clock.now()) for n in range(0, 80, 8)]
    assert {(one.model_version, one.fallback) for one in half} == {(1, False)}
    assert offered(None, shop) == before
    wait_until(lambda: services.run_waiting(now=clock.now(), after=follow_moves) == 1)
    assert [row.version for row in Recommender.objects.filter(live=True)] == [2], "the version it had fitted"
    assert set(Taste.objects.values_list("version", flat=True)) == {2}


def test_the_clock_asks_daily_from_the_first_time_on(shop: Sender) -> None:
    assert services.plan_runs(now=clock.now()) == 0
    run()
    assert services.plan_runs(now=clock.now() + timedelta(hours=1)) == 0
    assert services.plan_runs(now=clock.now() + timedelta(days=1, hours=1)) == 1
