"""Features at an instant: what they count, and that nothing later changes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from common import clock
from insights import services
from insights.contracts import BadFeature, BadSetting, OrderSetting
from insights.features.catalogue import BUILT_IN
from insights.features.compile import window_start
from insights.features.reading import features_of
from tests.insights.world import SPRING, Shop, told

pytestmark = pytest.mark.django_db


def at(days: float) -> datetime:
    return SPRING - timedelta(days=days)


def test_orders_make_recency_frequency_and_monetary_value(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    shop.orders(1, at(40), 10.5, "a")
    shop.orders(1, at(20), "20.25", "b")
    shop.orders(1, at(10), 30, "c")
    found = told("recency_days", "frequency", "monetary", "average_order", "tenure_days", "days_between_orders",
                 "orders_30d", "revenue_30d", as_of=SPRING)  # fmt: skip
    assert found[1] == (10, 3, 60.75, 20.25, 40, 15, 2, 50.25)
    assert found[2] == (None, 0, 0, None, None, None, 0, 0)


def test_what_is_cancelled_or_refunded_is_no_order_and_no_money(shop: Shop) -> None:
    shop.person(1)
    for name, revenue in (("a", 10), ("b", 20), ("c", 40), ("d", 80)):
        shop.orders(1, at(40), revenue, name)
    shop.tells(1, "Order Cancelled", at(30), order_id="a")
    shop.tells(1, "Order Refunded", at(30), order_id="b", total=5)
    shop.tells(1, "Order Refunded", at(20), order_id="b", total=5)
    shop.tells(1, "Order Refunded", at(30), order_id="c")
    shop.tells(1, "Order Refunded", at(30), order_id="d", total=1000)
    assert told("frequency", "monetary", as_of=SPRING)[1] == (1, 10)
    assert told("frequency", "monetary", as_of=at(35))[1] == (4, 150)
    shop.tells(1, "Order Refunded", at(1), order_id="from before the log", total=3)
    assert told("frequency", "monetary", as_of=SPRING)[1] == (1, 7)


def test_an_order_that_is_sent_again_is_one_order_and_the_latest_counts(shop: Shop) -> None:
    shop.person(1)
    shop.orders(1, at(3), 10, "a")
    shop.orders(1, at(2), 12, "a")
    assert told("frequency", "monetary", as_of=SPRING)[1] == (1, 12)


def test_orders_may_come_as_a_line_each_with_price_and_quantity(shop: Shop) -> None:
    setting = OrderSetting(order_event="Bought", order_id="Invoice", amount=("Price",), quantity="Quantity", lines=True,
                           product_id="StockCode", category="Group")  # fmt: skip
    shop.person(1)
    for code, price, quantity in (("x", 1.5, 4), ("y", 2, 1)):
        shop.tells(1, "Bought", at(9), Invoice=1, StockCode=code, Price=price, Quantity=quantity, Group=code)
    shop.tells(1, "Bought", at(5), Invoice="C2", StockCode="x", Price=1.5, Quantity=-2, Group="z")
    found = told("frequency", "monetary", "products", "categories", as_of=SPRING, orders=setting)
    assert found[1] == (1, 5, 2, 2)


def test_diversity_is_the_entropy_of_the_categories_of_orders_that_count(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    listed = [{"product_id": str(n), "category": name} for n, name in enumerate("aabb")]
    shop.orders(1, at(9), 10, "a", products=listed)
    shop.orders(1, at(9), 10, "b", products=[{"product_id": "9", "category": "gone"}])
    shop.tells(1, "Order Cancelled", at(8), order_id="b")
    shop.orders(2, at(9), 10, "c", category="one", product_id="p")
    found = told("products", "categories", "category_diversity", as_of=SPRING)
    assert found == {1: (4, 2, 1), 2: (1, 1, 0)}


def test_the_trend_goes_from_new_to_nothing_any_more(shop: Shop) -> None:
    for person, days in ((1, (10,)), (2, (10, 100)), (3, (100,)), (4, (300,))):
        shop.person(person)
        for day in days:
            shop.orders(person, at(day), 10)
    found = told("revenue_trend", as_of=SPRING)
    assert found == {1: (1,), 2: (0,), 3: (-1,), 4: (None,)}


def test_what_people_declare_counts_sums_and_finds_the_latest(shop: Shop) -> None:
    shop.person(1)
    shop.person(2)
    for days, page, seconds in ((50, "home", 5), (20, "shoes", 7), (3, "hats", 9)):
        shop.tells(1, "Viewed", at(days), page=page, seconds=seconds)
    shop.tells(1, "$identify", at(30), traits={"plan": "free"})
    shop.tells(1, "$identify", at(3), traits={"plan": "pro"})
    declared: dict[str, tuple[Any, ...]] = {
        "views": ("count", "", None), "views_30": ("count", "", 30), "time_30": ("sum", "seconds", 30),
        "mean_time": ("mean", "seconds", None), "pages": ("distinct", "page", None),
        "last_page": ("latest", "page", 30),
        "longest": ("greatest", "seconds", None), "shortest": ("least", "seconds", None),
        "gone": ("days_since", "", None),
    }  # fmt: skip
    for name, (measure, of, days) in declared.items():
        services.declare_feature(name=name, measure=measure, event="Viewed", property=of, window_days=days, by="ann",
                                 now=clock.now())  # fmt: skip
    services.declare_feature(name="plan", measure="trait", property="plan", by="ann", now=clock.now())
    found = told(*declared, "plan", as_of=SPRING)
    assert found[1] == (3, 2, 16, 7, 3, "hats", 9, 5, 3, "pro")
    assert found[2] == (0, 0, 0, None, 0, None, None, None, None, None)
    assert told("plan", as_of=at(10))[1] == ("free",)


@pytest.mark.parametrize(
    ("wrong", "told_field"),
    [
        ({"name": "Views"}, "name"), ({"name": "monetary"}, "name"), ({"measure": "median"}, "measure"),
        ({"event": ""}, "event"), ({"measure": "sum"}, "property"), ({"window_days": 0}, "window_days"),
    ],
)  # fmt: skip
def test_a_feature_that_cannot_be_is_refused_with_its_field(db: None, wrong: dict[str, Any], told_field: str) -> None:
    given = {"name": "views", "measure": "count", "event": "Viewed", **wrong}
    with pytest.raises(BadFeature, match=f"^{told_field}:"):
        services.declare_feature(by="ann", now=clock.now(), **given)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"zone": "Mars/Base"}, "zone"), ({"order_event": ""}, "order_event"), ({"amount": []}, "amount"),
     ({"refund_event": "Order Completed"}, "cancel_event"), ({"speed": 3}, "speed")],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_with_its_field(db: None, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting, match=f"^{field}:"):
        services.keep_setting(wrong, by="ann", now=clock.now())


def test_days_are_those_of_the_workspace_whatever_the_zone_of_the_server(shop: Shop) -> None:
    shop.person(1)
    # 23:30 in New York on the 27th of February is the 28th in UTC.
    shop.orders(1, datetime(2026, 2, 28, 4, 30, tzinfo=UTC), 10)
    for zone, days in (("UTC", 1), ("America/New_York", 1), ("Asia/Tokyo", 1)):
        setting = OrderSetting(zone=zone)
        for server in ("UTC", "Pacific/Auckland"):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("set local time zone %s", [server])
                found = told("recency_days", as_of=SPRING, orders=setting)
            assert found[1] == (days,), (zone, server)
    late = told(
        "recency_days", as_of=datetime(2026, 3, 1, 5, 30, tzinfo=UTC), orders=OrderSetting(zone="America/New_York")
    )
    assert late[1] == (2,)


def test_a_window_is_as_many_days_by_the_clocks_of_the_workspace() -> None:
    # Berlin's clocks went forward on the 29th of March 2026: of these two days one had 23 hours.
    noon = datetime(2026, 3, 30, 10, tzinfo=UTC)
    assert window_start(noon, 2, "Europe/Berlin") == datetime(2026, 3, 28, 11, tzinfo=UTC)
    assert window_start(noon, 2, "UTC") == datetime(2026, 3, 28, 10, tzinfo=UTC)


NAMES = [*BUILT_IN]
_happening = st.tuples(
    st.integers(1, 4),
    st.sampled_from(["Order Completed", "Order Refunded", "Order Cancelled", "Viewed"]),
    st.integers(-200, 60),
    st.integers(0, 30),
    st.sampled_from(["a", "b", "c", ""]),
    st.integers(-5, 50),
)


@settings(max_examples=25)
@given(st.lists(_happening, max_size=25), st.lists(_happening, max_size=15))
def test_what_happens_or_comes_later_changes_no_feature_of_before(before: list[Any], after: list[Any]) -> None:
    with transaction.atomic():
        shop = _people()
        # Everything that had come by SPRING, whatever it says of later.
        _tell(shop, [one for one in before if one[2] + one[3] < 0])
        recorded = _bytes(SPRING)
        # Later events, and late ones of before: they came afterwards.
        _tell(shop, [one for one in [*before, *after] if one[2] + one[3] >= 0])
        assert _bytes(SPRING) == recorded
        transaction.set_rollback(True)


@settings(max_examples=15)
@given(st.lists(_happening, max_size=25), st.sets(st.integers(2, 4)))
def test_merging_people_moves_their_history_and_parting_them_brings_it_back(
    happened: list[Any], joined: set[int]
) -> None:  # fmt: skip
    with transaction.atomic():
        shop = _people()
        _tell(shop, happened)
        apart = _bytes(SPRING)
        together = shop.owner.copy()
        shop.moves(joined, 1, now=SPRING)
        merged = told(*NAMES, as_of=SPRING)
        # The same as if the first had done all of it.
        shop.person(9)
        _tell(shop, [(9 if one[0] in joined | {1} else one[0], *one[1:]) for one in happened if one[0] in joined | {1}])
        assert told(*NAMES, as_of=SPRING, person=9)[9] == pytest.approx(merged[1], nan_ok=True)
        for one in joined:
            shop.moves([one], together[one], now=SPRING)
        assert {k: v for k, v in _bytes(SPRING).items() if k != 9} == apart
        transaction.set_rollback(True)


def test_history_that_was_loaded_counts_from_the_time_it_happened(shop: Shop) -> None:
    shop.person(1)
    shop.tells(1, "Order Completed", at(100), received=clock.now(), source=7, revenue=10)
    assert told("frequency", as_of=SPRING)[1] == (0,)
    assert told("frequency", as_of=SPRING, orders=OrderSetting(history_sources=(7,)))[1] == (1,)
    assert told("frequency", as_of=at(150), orders=OrderSetting(history_sources=(7,)))[1] == (0,)


def test_one_person_alone_has_the_features_that_a_batch_gives(shop: Shop) -> None:
    for person in range(1, 6):
        shop.person(person)
        shop.orders(person, at(person * 7), person * 10, products=[{"category": "x", "product_id": str(person)}])
    together = told(*NAMES, as_of=SPRING)
    for person in range(1, 6):
        assert told(*NAMES, as_of=SPRING, person=person) == {person: together[person]}


def _people() -> Shop:
    shop = Shop()
    for person in range(1, 5):
        shop.person(person)
    return shop


def _tell(shop: Shop, happened: list[Any]) -> None:
    for person, name, day, delay, order, revenue in happened:
        when = SPRING + timedelta(days=day)
        named = {"order_id": order} if order else {}
        shop.tells(
            person, name, when, received=when + timedelta(days=delay), revenue=revenue, category=order,
            product_id=order, **named,
        )  # fmt: skip


def _bytes(as_of: datetime) -> dict[int, bytes]:
    table = features_of(NAMES, as_of=as_of)
    return dict(zip(table.profile_ids.tolist(), (row.tobytes() for row in table.numbers(NAMES)), strict=True))
