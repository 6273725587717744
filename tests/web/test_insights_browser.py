"""Insights in a real browser: people are scored and grouped, and a group gets a name, with the keyboard alone."""

from datetime import timedelta
from typing import Any

import pytest

from cdp.pipeline.follow import follow_moves
from common import clock
from insights import services
from tests.web.browser import Visitor
from tests.web.conftest import Shop, _send
from tests.web.test_browser import _look

pytestmark = pytest.mark.browser
PAGES = (
    "",
    "cohorts/",
    "cohorts/?period=week&of=money",
    "cohorts/?event=Order+Completed&period=week&back=any",
    "features/",
    "orders/",
)


def _order(buyer: int, order: int) -> dict[str, Any]:
    return {
        "type": "track", "event": "Order Completed", "userId": f"buyer-{buyer}", "messageId": f"i-{buyer}-{order}",
        "timestamp": (clock.now() - timedelta(days=1 + buyer * 3)).isoformat(),
        "properties": {"revenue": 10 + buyer % 3 * 100, "order_id": f"{buyer}-{order}", "currency": "EUR"},
    }  # fmt: skip


@pytest.fixture
def buyers(shop: Shop) -> None:
    _send(shop.source, [_order(n, order) for n in range(60) for order in range(1 + n % 3 * 4)])


def test_people_are_scored_and_counted_and_every_page_is_whole(visitor: Visitor, buyers: None) -> None:
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/insights/rfm/")
    page.focus("text=Score now")
    keys.press("Enter")
    page.wait_for_selector("text=computing")
    services.run_waiting(now=clock.now(), after=follow_moves)
    page.wait_for_selector("[data-chart=chart-rfm-heat-map] canvas")
    page.focus("details.reveal summary")
    keys.press("Enter")
    assert "Champions: recency 5, value 5" in page.inner_text("table:has(caption:has-text('RFM scores'))")

    visitor.open("/insights/cohorts/")
    page.focus("text=Count now")
    keys.press("Enter")
    page.wait_for_selector("text=computing")
    services.run_waiting(now=clock.now(), after=follow_moves)
    page.wait_for_selector("[data-chart=chart-cohorts] canvas")
    assert [told for where in PAGES for told in _look(visitor, f"/insights/{where}")] == []


def test_sentiment_is_declared_and_counted_and_its_page_is_whole(visitor: Visitor, shop: Shop) -> None:
    texts = ("I love it, thank you!", "Terrible, it broke at once.", "Die Lieferung war gut")
    _send(shop.source, [
        {"type": "track", "event": "Reviewed", "userId": f"writer-{n}", "messageId": f"w-{n}",
         "properties": {"text": text}}
        for n, text in enumerate(texts)
    ])  # fmt: skip
    services.declare_feature(
        name="mood_of_reviews", measure="sentiment", event="Reviewed", property="text", by="ann", now=clock.now()
    )
    visitor.sign_in("marketer")
    visitor.open("/insights/features/")
    visitor.page.wait_for_selector("text=computing")
    services.run_waiting(now=clock.now(), after=follow_moves)
    visitor.page.wait_for_selector("text=1 positive, 0 neutral, 1 negative")
    assert _look(visitor, "/insights/features/") == []


def test_two_features_are_combined_and_a_mistake_is_where_the_eye_is(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/insights/features/")
    page.select_option("#c-left", "revenue_90d")
    page.select_option("#c-right", "orders_90d")
    page.fill("#c-name", "Per order")
    keys.press("Enter")
    page.wait_for_selector("[role=alert]:focus:has-text('small letters')")
    page.fill("#c-name", "per_order")
    keys.press("Enter")
    page.wait_for_selector("th:has-text('Revenue, 90 days ÷ Orders, 90 days')")
    assert _look(visitor, "/insights/features/") == []


def test_a_feature_is_kept_with_the_keyboard_and_its_page_is_whole(visitor: Visitor, buyers: None) -> None:
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/insights/features/")
    page.focus("button:has-text('Keep Frequency as a trait')")
    keys.press("Enter")
    page.wait_for_selector("code:has-text('feature_frequency')")
    services.keep_up(clock_now=clock.now, after=follow_moves, at_most=600)
    visitor.open("/insights/features/")
    page.wait_for_selector("text=all that came is in")
    assert _look(visitor, "/insights/features/") == []


def test_a_grouping_is_made_and_a_group_gets_a_name_with_the_keyboard_alone(visitor: Visitor, buyers: None) -> None:
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/insights/groups/")
    page.focus("[name=name]")
    keys.type("Customers")
    page.focus("[name=slug]")
    keys.type("main")
    page.focus("[name=groups]")
    keys.type("3")
    keys.press("Enter")
    page.wait_for_url("**/insights/groups/main/")
    services.run_waiting(now=clock.now(), after=follow_moves)
    page.wait_for_selector("[data-chart=chart-group-profiles] canvas")
    page.focus("[aria-label='Name of group c1']")
    keys.type("Friends")
    keys.press("Enter")
    page.wait_for_selector("th:has-text('Friends')")
    assert [told for where in ("groups/", "groups/main/") for told in _look(visitor, f"/insights/{where}")] == []
