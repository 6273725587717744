"""Predictions in a real browser: from the meter to scores with the keyboard, and every page is whole."""

import pytest

from cdp.pipeline.follow import follow_moves
from common import clock
from insights import services
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.web.browser import Visitor
from tests.web.conftest import Shop
from tests.web.test_browser import _look

pytestmark = pytest.mark.browser


def test_a_prediction_is_checked_trained_and_scored_and_every_page_is_whole(visitor: Visitor, shop: Shop) -> None:
    sender = Sender()
    crowd.fill(sender, clock.now())
    sender.close()
    person = sender.profile("u2")
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/insights/predictions/new/?as=buy")
    page.focus("[name=groups][value=sex]")
    keys.press("Space")
    page.focus("[name=check]")
    keys.press("Enter")
    page.wait_for_selector("#meter >> text=Enough to learn from")
    found = _look(visitor, "/insights/predictions/new/?as=churn")
    visitor.open("/insights/predictions/new/")
    page.focus("[name=groups][value=sex]")
    keys.press("Space")
    page.focus("[name=create]")
    keys.press("Enter")
    page.wait_for_url("**/insights/predictions/buy/")
    services.run_waiting(now=clock.now(), after=follow_moves)
    page.wait_for_selector("h2:has-text('Versions')")
    services.plan_runs(now=clock.now())
    services.run_waiting(now=clock.now(), after=follow_moves)
    visitor.open("/insights/predictions/buy/")
    page.wait_for_selector("[data-chart=chart-scores] canvas")
    for where in ("predictions/", "predictions/buy/", "predictions/buy/1/"):
        found += _look(visitor, f"/insights/{where}")
    found += _look(visitor, f"/profiles/{person}/scores/")
    assert found == []
