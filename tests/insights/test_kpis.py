"""KPIs: figures of days against a count by hand, kept right as events come late and people are put together."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from common import pg
from connectors import services as connectors
from insights import selectors, services
from insights.contracts import BadKpi, KpiReport, Period
from insights.kpis.compile import runs_of_days
from insights.kpis.counting import refresh_kpis
from insights.kpis.models import KpiDay, KpiState
from tests.insights.world import Shop

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def web(shop: Shop) -> int:
    return connectors.create_source(name="Shop", kind="web", by="ann").id


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def report(**asked: Any) -> KpiReport:
    return selectors.kpi_report(now=NOW, **{"days": 28, **asked})


def value(key: str, **asked: Any) -> float | None:
    return next(one.value for one in report(**asked).values if one.kpi.key == key)


def day(key: str, days: float) -> Any:
    return getattr(KpiDay.objects.get(by="", day=ago(days).date()), key)


def test_money_is_net_and_stands_on_the_day_of_the_order(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    shop.orders(1, ago(10), 30.10, "a")
    shop.orders(1, ago(5), 20.20, "b")
    shop.orders(2, ago(5), 50, "c")
    shop.tells(1, "Order Refunded", ago(2), order_id="b", revenue=5)
    shop.tells(2, "Order Cancelled", ago(1), order_id="c")
    services.refresh_kpis(now=NOW)
    assert (value("revenue"), value("orders"), value("average_order")) == (45.3, 2, 22.65)
    assert day("micros", 5) == 15_200_000
    assert value("repeat_rate") == 0.5
    assert value("revenue", days=3) == 0
    assert value("average_order", days=3) is None


def test_a_visit_ends_with_a_pause_of_half_an_hour_and_may_begin_before_midnight(shop: Shop, web: int) -> None:
    shop.person(1)
    evening = datetime(2026, 6, 10, 23, 50, tzinfo=UTC)
    for minutes in (0, 20, 45, 75.1):
        shop.tells(1, "$page", evening + timedelta(minutes=minutes), source=web)
    shop.tells(1, "Loyalty Points", evening + timedelta(minutes=30), source=web + 1)
    services.refresh_kpis(now=NOW)
    assert (day("visits", 5), day("visits", 4)) == (1, 1)
    assert (day("visit_seconds", 5), day("visit_seconds", 4)) == (0, 45 * 60)
    assert value("visit_minutes") == 22.5


def test_conversion_is_of_days_with_a_visit(shop: Shop, web: int) -> None:
    shop.person(1)
    shop.person(2)
    for days in (3, 4, 5):
        shop.tells(1, "$page", ago(days), source=web)
    for person in (1, 2):
        shop.orders(person, ago(3), 10, source=web + 1)
    services.refresh_kpis(now=NOW)
    assert value("conversion_rate") == pytest.approx(1 / 3)


def test_what_is_done_to_somebody_makes_him_not_active(shop: Shop) -> None:
    shop.person(1)
    shop.tells(1, "Email Delivered", ago(3))
    services.refresh_kpis(now=NOW)
    assert not KpiDay.objects.exists()
    shop.tells(1, "Email Opened", ago(3), received=NOW)
    services.refresh_kpis(now=NOW + timedelta(minutes=10))
    assert day("people", 3) == 1


def test_surveys_are_scored(shop: Shop) -> None:
    shop.person(1)
    for score in (10, 9, 8, 7, 6, "0", 11, "what"):
        shop.tells(1, "NPS Answered", ago(3), score=score)
    for score in (5, 4, 3, 0):
        shop.tells(1, "CSAT Answered", ago(3), score=score)
    services.refresh_kpis(now=NOW)
    assert value("nps") == pytest.approx(100 * (2 - 2) / 6)
    assert value("csat") == pytest.approx(2 / 3)


def test_active_people_and_retention_are_those_of_a_count_by_hand(shop: Shop) -> None:
    days_of = {1: (1, 2, 9, 30), 2: (1, 8), 3: (14, 20, 21), 4: (40,), 5: (7, 13, 14, 15)}
    for person, days in days_of.items():
        shop.person(person)
        for one in days:
            shop.tells(person, "Looked", ago(one))
    services.refresh_kpis(now=NOW)
    found = {row.day: row for row in KpiDay.objects.filter(by="")}
    active: dict[date, set[int]] = defaultdict(set)
    for person, days in days_of.items():
        for one in days:
            active[ago(one).date()].add(person)
    for back in range(60):
        today = ago(back).date()
        within = {n: set().union(*(active[today - DAY * k] for k in range(n))) for n in (7, 30)}
        before = set().union(*(active[today - DAY * k] for k in range(7, 14)))
        expected = (len(active[today]), len(within[7]), len(within[30]), len(before), len(before & within[7]))
        row = found.get(today)
        told = (row.people, row.people_7d, row.people_30d, row.people_before, row.people_kept) if row else (0,) * 5
        assert told == expected, today


def test_late_events_and_merges_are_counted_anew_and_nothing_else_is(shop: Shop) -> None:
    for person in (1, 2):
        shop.person(person)
        shop.tells(person, "Looked", ago(20))
        shop.orders(person, ago(10 + person), 10)
    services.refresh_kpis(now=NOW)
    assert (day("people", 20), day("repeat_orders", 11)) == (2, 0)
    later = NOW + timedelta(minutes=10)
    assert services.refresh_kpis(now=later) <= 31
    shop.orders(2, ago(30), 7, received=later)
    services.refresh_kpis(now=later + timedelta(minutes=10))
    assert (day("micros", 30), day("repeat_orders", 12)) == (7_000_000, 1)
    shop.moves([2], 1, now=later)
    with pg.cursor() as cursor:
        cursor.execute(
            "insert into identity_link (a, b, origin, basis, first_at, retracted_by, retracted_reason)"
            " values (1, 2, 0, 'test', %s, '', '')", [later + timedelta(minutes=11)],
        )  # fmt: skip
    services.refresh_kpis(now=later + timedelta(minutes=20))
    assert (day("people", 20), day("repeat_orders", 11)) == (1, 1)
    incremental = list(KpiDay.objects.order_by("by", "key", "day").values_list(*_COLUMNS))
    refresh_kpis(now=later + timedelta(minutes=20), whole=True)
    assert list(KpiDay.objects.order_by("by", "key", "day").values_list(*_COLUMNS)) == incremental


_COLUMNS = ("day", "by", "key", "people", "people_7d", "people_30d", "events", "orders", "repeat_orders", "micros")


def test_another_meaning_of_a_day_counts_all_of_it_anew(shop: Shop) -> None:
    shop.person(1)
    shop.orders(1, datetime(2026, 6, 11, 2, tzinfo=UTC), 10)
    services.refresh_kpis(now=NOW)
    assert day("orders", 4) == 1
    services.keep_setting({"zone": "America/New_York"}, by="ann", now=NOW)
    services.refresh_kpis(now=NOW)
    assert day("orders", 5) == 1
    assert not KpiDay.objects.filter(by="", day=ago(4).date(), orders=1).exists()
    assert report().zone == "America/New_York"


def test_all_is_counted_once_a_day(shop: Shop) -> None:
    shop.person(1)
    shop.tells(1, "Looked", ago(3))
    services.refresh_kpis(now=NOW)
    with pg.cursor() as cursor:
        cursor.execute("delete from events_event")
    services.refresh_kpis(now=NOW + timedelta(hours=1))
    assert day("people", 3) == 1
    services.refresh_kpis(now=NOW + timedelta(hours=25))
    assert not KpiDay.objects.exists()
    assert KpiState.objects.get().whole_at == NOW + timedelta(hours=25)


def test_people_are_broken_down_by_source_channel_and_segment(shop: Shop, web: int) -> None:
    shop.person(1, traits={"plan": "pro"})
    shop.person(2)
    shop.apply(NOW)
    pro = shop.segment({"trait": "plan", "is": "eq", "value": "pro"}, slug="pro", now=NOW).id
    shop.tells(1, "$page", ago(3), source=web, context={"campaign": {"medium": "CPC"}})
    shop.tells(1, "$page", ago(3) + timedelta(hours=1), source=web, context={"campaign": {"medium": "email"}})
    shop.tells(2, "$page", ago(3), source=web,
               context={"page": {"referrer": "https://www.google.com/", "url": "https://shop.example/"}})  # fmt: skip
    shop.tells(2, "$page", ago(4), source=web,
               context={"page": {"referrer": "https://shop.example/a", "url": "https://shop.example/"}})  # fmt: skip
    shop.orders(1, ago(3) + timedelta(hours=2), 10, source=web + 1)
    services.refresh_kpis(now=NOW)
    told = {by: {one.key: one for one in report(by=by).groups} for by in ("source", "channel", "segment")}
    people = {
        by: {key: one.values[_AT["active_people"]].value for key, one in keys.items()} for by, keys in told.items()
    }
    assert {key: round((found or 0) * 28) for key, found in people["source"].items()} == {str(web): 3, str(web + 1): 1}
    assert {key: round((found or 0) * 28) for key, found in people["channel"].items()} == {
        "paid_search": 1, "search": 1, "direct": 1,
    }  # fmt: skip
    assert [one.values[_AT["revenue"]].value for one in told["channel"].values() if one.key == "paid_search"] == [10]
    assert list(told["segment"]) == [str(pro)]
    assert told["segment"][str(pro)].name == "pro"


_AT = {key: place for place, key in enumerate(selectors.KPIS)}


def test_a_period_is_held_against_the_one_before_and_against_a_baseline(shop: Shop) -> None:
    shop.person(1)
    shop.orders(1, ago(3), 30)
    shop.orders(1, ago(10), 10)
    services.refresh_kpis(now=NOW)
    with pytest.raises(BadKpi, match="nothing is counted"):
        services.keep_baseline(name="none", period=Period(date(2026, 1, 1), date(2026, 1, 7)), by="ann", now=NOW)
    services.keep_baseline(name="early June", period=Period(date(2026, 6, 1), date(2026, 6, 14)), by="ann", now=NOW)
    found = report(days=7, baseline_name="early June").values[_AT["revenue"]]
    assert (found.value, found.before, found.change) == (30, 10, 2)
    # A sum of fourteen days is held against seven as half of it.
    assert (found.baseline, found.against_baseline) == (20, 0.5)
    shop.orders(1, ago(3), 100, received=NOW)
    services.refresh_kpis(now=NOW + timedelta(minutes=5))
    assert report(days=7, baseline_name="early June").values[_AT["revenue"]].baseline == 20
    services.remove_baseline(name="early June", by="ann", now=NOW)
    with pytest.raises(BadKpi, match="none called early June"):
        report(baseline_name="early June")


def test_what_happened_here_stands_on_the_day_of_the_workspace(shop: Shop) -> None:
    services.keep_setting({"zone": "Asia/Tokyo"}, by="ann", now=NOW)
    services.annotate(at=datetime(2026, 6, 10, 20, tzinfo=UTC), kind="note", text="Sale", by="ann", now=NOW)
    assert [(day, one.text) for day, one in report().annotations] == [(date(2026, 6, 11), "Sale")]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"first": date(2026, 6, 10), "last": date(2026, 6, 1)}, "from"), ({"last": date(2027, 1, 1)}, "to"),
        ({"first": date(2024, 1, 1)}, "from"), ({"compare": "hope"}, "compare"), ({"by": "mood"}, "by"),
        ({"baseline_name": "x"}, "baseline"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_its_field(shop: Shop, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(BadKpi, match=f"^{told}: "):
        report(**asked)


def test_days_are_counted_in_runs() -> None:
    start = date(2026, 1, 1)
    days = {start + DAY * n for n in (0, 1, 2, 3, 7, 8)}
    told = [((first - start).days, (last - start).days) for first, last in runs_of_days(days, most=3)]
    assert told == [(0, 2), (3, 3), (7, 8)]
