"""Cohorts: triangles of closed periods, by the clocks of the workspace, net of refunds."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from insights.cohorts import computing
from insights.cohorts.behaviour import first_behaviour
from insights.cohorts.triangle import closed_since, following, triangle
from insights.contracts import BadCohorts, CohortSpec, OrderSetting
from tests.insights.world import Shop


def at(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def rows(found: dict[str, Any], period: str = "month") -> dict[str, list[int]]:
    return {row["start"]: [cell["people"] for cell in row["cells"]] for row in found[period]}


def test_a_triangle_holds_closed_periods_only(shop: Shop) -> None:
    for person in range(1, 5):
        shop.person(person)
    for person, months in ((1, (1, 2, 3)), (2, (1, 3)), (3, (2,)), (4, (4,))):
        for month in months:
            shop.orders(person, at(month, 10), 10, f"{person}-{month}")
    found = computing.figures(orders=OrderSetting(), as_of=at(4, 20))
    assert rows(found) == {"2026-01-01": [2, 1, 2], "2026-02-01": [1, 0]}
    assert [cell["monetary"] for cell in found["month"][0]["cells"]] == [20, 10, 20]
    assert rows(computing.figures(orders=OrderSetting(), as_of=at(5, 1, 0))) == {
        "2026-01-01": [2, 1, 2, 0], "2026-02-01": [1, 0, 0], "2026-04-01": [1],
    }  # fmt: skip
    shares = computing.cohorts_of(found, "month")[0]
    assert [cell.share for cell in shares.cells] == [1, 0.5, 1]


def test_a_closed_triangle_is_the_same_whatever_comes_later(shop: Shop) -> None:
    shop.person(1)
    shop.orders(1, at(1, 10), 10, "a")
    before = computing.figures(orders=OrderSetting(), as_of=at(3, 1, 0))
    shop.orders(1, at(3, 2), 10, "b")
    shop.tells(1, "Order Completed", at(1, 5), received=at(3, 5), revenue=5, order_id="late")
    shop.tells(1, "Order Cancelled", at(3, 6), order_id="a")
    assert computing.figures(orders=OrderSetting(), as_of=at(3, 1, 0)) == before


def test_a_month_is_that_of_the_workspace_and_what_is_cancelled_begins_nothing(shop: Shop) -> None:
    shop.person(1)
    shop.orders(1, at(1, 3), 10, "gone")
    shop.tells(1, "Order Cancelled", at(1, 4), order_id="gone")
    # 23:30 in New York on the 31st of January is February in UTC.
    shop.orders(1, datetime(2026, 2, 1, 4, 30, tzinfo=UTC), 10, "a")
    for zone, start in (("UTC", "2026-02-01"), ("America/New_York", "2026-01-01")):
        assert list(rows(computing.figures(orders=OrderSetting(zone=zone), as_of=at(4, 2)))) == [start]
    # There March has not ended yet: it is 22:00 on the 31st.
    found = computing.figures(orders=OrderSetting(zone="America/New_York"), as_of=at(4, 1, 2))
    assert rows(found) == {"2026-01-01": [1, 0]}


def test_merged_people_are_of_the_cohort_of_the_earlier(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    shop.orders(1, at(1, 10), 10)
    shop.orders(2, at(2, 10), 10)
    assert rows(computing.figures(orders=OrderSetting(), as_of=at(3, 5))) == {"2026-01-01": [1, 0], "2026-02-01": [1]}
    shop.moves([2], 1, now=at(3, 5))
    assert rows(computing.figures(orders=OrderSetting(), as_of=at(3, 5))) == {"2026-01-01": [1, 1]}


def counted(event: str, now: datetime, *, back: str = "again", where: Any = (), period: str = "month") -> Any:
    """start -> (people, who came back, net value), of people who began with an event."""
    spec = CohortSpec.from_json({"event": event, "where": where, "back": back})
    found = first_behaviour(spec, period=period, now=now).cohorts
    return {
        f"{one.start:%m-%d}": (one.people, [c.people for c in one.cells], [c.monetary for c in one.cells])
        for one in found
    }


@pytest.fixture
def signed_up(shop: Shop) -> Shop:
    """Three in January, of whom one orders then, one later and one never; one in February who had ordered before."""
    for person in range(1, 6):
        shop.person(person)
    for person, month, plan in ((1, 1, "pro"), (2, 1, "free"), (3, 1, "pro"), (4, 2, "pro")):
        shop.tells(person, "Signed Up", at(month, 10), plan=plan, seats=person)
    shop.tells(1, "Signed Up", at(3, 1), plan="free")
    shop.tells(1, "Viewed", at(2, 1))
    shop.orders(1, at(1, 20), 10, "a")
    shop.orders(1, at(1, 21), 5, "b")
    shop.orders(2, at(3, 20), 20, "c")
    shop.orders(2, at(2, 20), 7, "d")
    shop.tells(2, "Order Refunded", at(2, 25), order_id="d")
    shop.orders(4, at(2, 1), 40, "before")
    shop.orders(5, at(1, 1), 99, "who never signed up")
    return shop


def test_cohorts_begin_with_any_event_and_come_back_by_the_same_by_orders_or_by_anything(signed_up: Shop) -> None:
    now = at(4, 2)
    assert counted("Signed Up", now, back="orders") == {
        "01-01": (3, [1, 0, 1], [15, 0, 20]), "02-01": (1, [0, 0], [0, 0]),
    }  # fmt: skip
    assert counted("Signed Up", now) == {"01-01": (3, [3, 0, 1], [15, 0, 20]), "02-01": (1, [1, 0], [0, 0])}
    assert counted("Signed Up", now, back="any") == {"01-01": (3, [3, 2, 2], [15, 0, 20]), "02-01": (1, [1, 0], [0, 0])}
    assert counted("Nothing Of It", now) == {}


def test_conditions_narrow_down_what_a_cohort_begins_with(signed_up: Shop) -> None:
    pro = [{"property": "plan", "value": "pro"}]
    assert counted("Signed Up", at(4, 2), where=pro) == {
        "01-01": (2, [2, 0, 0], [15, 0, 0]), "02-01": (1, [1, 0], [0, 0]),
    }  # fmt: skip
    many = [*pro, {"property": "seats", "op": "gt", "value": "2"}]
    assert counted("Signed Up", at(4, 2), where=many) == {
        "01-01": (1, [1, 0, 0], [0, 0, 0]), "02-01": (1, [1, 0], [0, 0]),
    }  # fmt: skip


def test_a_first_behaviour_is_that_of_the_merged_person_in_closed_periods_of_the_workspace(signed_up: Shop) -> None:
    signed_up.moves([4], 1, now=at(4, 2))
    assert counted("Signed Up", at(4, 2), back="orders") == {"01-01": (3, [1, 1, 1], [15, 40, 20])}
    assert counted("Signed Up", at(3, 31), back="orders") == {"01-01": (3, [1, 1], [15, 40])}
    weeks = counted("Signed Up", at(1, 26), period="week", back="orders")
    assert weeks == {"01-05": (3, [0, 0, 1], [0, 0, 15])}


@pytest.mark.parametrize(
    ("told", "field"),
    [({"event": ""}, "event"), ({"event": "a", "back": "soon"}, "back"),
     ({"event": "a", "where": [{"property": "x", "op": "gt", "value": "much"}]}, "where")],
)  # fmt: skip
def test_a_first_behaviour_that_cannot_be_is_refused_with_its_field(told: dict[str, Any], field: str) -> None:
    with pytest.raises(BadCohorts, match=f"^{field}: "):
        CohortSpec.from_json(told)


def test_orders_of_several_currencies_are_refused_where_they_are_counted(signed_up: Shop) -> None:
    for currency in ("EUR", "USD"):
        signed_up.orders(3, at(2, 2), 10, currency, currency=currency)
    assert counted("Signed Up", at(4, 2))["01-01"][0] == 3
    with pytest.raises(BadCohorts, match="^back: Orders come in several currencies"):
        counted("Signed Up", at(4, 2), back="orders")


def test_periods_follow_each_other() -> None:
    assert following(date(2025, 12, 1), "month") == date(2026, 1, 1)
    assert following(date(2025, 12, 29), "week") == date(2026, 1, 5)
    assert closed_since(date(2025, 11, 1), period="month", today=date(2026, 1, 31)) == [
        date(2025, 11, 1), date(2025, 12, 1),
    ]  # fmt: skip
    assert closed_since(date(2026, 1, 5), period="week", today=date(2026, 1, 11)) == []
    assert triangle({}, period="week", today=date(2026, 1, 11)) == []


@pytest.mark.parametrize("period", ["month", "week"])
def test_only_the_latest_cohorts_are_kept(period: str) -> None:
    start, counted = date(2020, 1, 6) if period == "week" else date(2020, 1, 1), {}
    for _ in range(40):
        counted[(start, start)] = (1, 1_000_000)
        start = following(start, period)
    found = triangle(counted, period=period, today=start)
    assert len(found) == {"month": 24, "week": 26}[period]
    assert found[-1]["cells"] == [{"people": 1, "monetary": 1.0}]
