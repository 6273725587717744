"""Features of visits, e-mail, device, place and time: what they count, by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors import services as connectors
from insights.contracts import OrderSetting
from tests.insights.world import SPRING, Shop, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(shop: Shop) -> int:
    return connectors.create_source(name="Shop", kind="web", by="ann").id


def at(days: float, minutes: float = 0) -> datetime:
    return SPRING - timedelta(days=days) + timedelta(minutes=minutes)


def test_visits_are_of_websites_and_end_with_a_pause(shop: Shop, web: int) -> None:
    shop.person(1)
    shop.person(2)
    for minutes in (0, 10, 30, 61, 65):
        shop.tells(1, "$page", at(3, minutes), source=web)
    shop.tells(1, "$page", at(60), source=web)
    shop.tells(1, "Loyalty Points", at(3, 45), source=web + 1)
    shop.tells(1, "$page", at(2), source=web, context={"robot": "Spider"})
    found = told("visits_30d", "visits_90d", "visit_minutes_90d", "dwell_seconds_90d", as_of=SPRING)
    assert found[1] == (2, 3, pytest.approx(34 / 3), pytest.approx(34 * 60 / 3))
    assert found[2] == (0, 0, None, None)
    assert told("visits_30d", as_of=at(3, 5))[1] == (1,)


def test_email_is_counted_and_answers_are_held_against_what_was_delivered(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    for name, times in (("Email Delivered", 4), ("Email Opened", 2), ("Email Link Clicked", 1)):
        for n in range(times):
            shop.tells(1, name, at(5 + n))
    shop.tells(2, "Email Opened", at(5))
    names = ("emails_delivered_90d", "emails_opened_90d", "emails_clicked_90d", "email_open_rate_90d",
             "email_click_rate_90d")  # fmt: skip
    found = told(*names, as_of=SPRING)
    assert found[1] == (4, 2, 1, 0.5, 0.25)
    assert found[2] == (0, 1, 0, None, None)


def test_device_and_place_are_those_of_the_latest_visit_that_told_them(shop: Shop, web: int) -> None:
    shop.person(1)
    shop.tells(1, "$page", at(9), source=web,
               context={"device": {"type": "tablet"}, "os": {"name": "iOS"},
                        "location": {"country": "NZ"}})  # fmt: skip
    shop.tells(1, "$page", at(3), source=web, context={"os": {"name": "Android"}, "timezone": "Europe/Berlin"})
    names = ("latest_device", "latest_system", "latest_country", "latest_city", "latest_time_zone")
    assert told(*names, as_of=SPRING)[1] == ("tablet", "Android", "NZ", None, "Europe/Berlin")
    assert told(*names, as_of=at(5))[1] == ("tablet", "iOS", "NZ", None, None)


def test_time_is_that_of_the_workspace_and_a_trend_looks_before(shop: Shop) -> None:
    shop.person(1)
    # 23:30 on a Friday in UTC is Saturday in Berlin.
    for days in (1, 8, 40):
        shop.tells(1, "Looked", datetime(2026, 2, 27, 23, 30, tzinfo=UTC) - timedelta(days=days - 1))
    shop.tells(1, "Looked", datetime(2026, 2, 25, 12, tzinfo=UTC))
    names = ("usual_hour", "weekend_share_90d", "events_trend", "events_30d", "active_days_30d")
    assert told(*names, as_of=SPRING)[1] == (23, 0, 0.5, 3, 3)
    berlin = OrderSetting(zone="Europe/Berlin")
    assert told(*names, as_of=SPRING, orders=berlin)[1] == (0, 0.5, 0.5, 3, 3)
