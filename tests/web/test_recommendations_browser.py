"""Recommendations and lifetime value in a real browser: learned with the keyboard, and every page is whole."""

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
    "recommendations/", "recommendations/try/?item=a3", "recommendations/items/", "recommendations/rules/", "lifetime/",
)  # fmt: skip


def _told(who: int, step: int, event: str, days: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "track", "event": event, "userId": f"buyer-{who}", "messageId": f"{event}-{who}-{step}",
        "timestamp": (clock.now() - timedelta(days=days)).isoformat(), "properties": more,
    }  # fmt: skip


@pytest.fixture
def buyers(shop: Shop) -> None:
    """A hundred and twenty customers: each views seven things of one kind, and half of them order every month."""
    services.keep_setting({"history_sources": [shop.source]}, by="ann", now=clock.now())
    calls = []
    for n in range(120):
        for step in range(7):
            item = f"{'ab'[n % 2]}{(n // 2 + step * 3) % 10}"
            product = {"product_id": item, "name": f"A thing called {item}", "category": "Things > Fine", "price": 9.5}
            calls.append(_told(n, step, "Product Viewed", 40 - step, **product))
        calls += [
            _told(n, step, "Order Completed", 300 - 30 * step - n % 9, order_id=f"{n}-{step}", revenue=20 + n % 7)
            for step in range(9 if n % 2 else 1)
        ]
    _send(shop.source, calls)


def test_people_are_offered_items_customers_have_a_value_and_every_page_is_whole(
    visitor: Visitor, shop: Shop, buyers: None
) -> None:
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/insights/recommendations/")
    page.focus("text=Learn now")
    keys.press("Enter")
    page.wait_for_selector("text=computing")
    services.run_waiting(now=clock.now(), after=follow_moves)
    page.wait_for_selector("text=NDCG at 10")
    visitor.open("/insights/lifetime/")
    page.focus("text=Compute now")
    keys.press("Enter")
    page.wait_for_selector("text=computing")
    services.run_waiting(now=clock.now(), after=follow_moves)
    page.wait_for_selector("[data-chart=chart-lifetime-deciles] canvas")
    services.request_run(kind="recommendations", by="ann", now=clock.now())
    services.run_waiting(now=clock.now(), after=follow_moves)
    visitor.open("/insights/recommendations/")
    page.wait_for_selector("[data-chart=chart-recommendation-runs] canvas")
    places = [*(f"/insights/{where}" for where in PAGES), f"/profiles/{shop.anna}/recommended/"]
    assert [told for where in places for told in _look(visitor, where)] == []
