"""Features that are made of two others: what they are of everybody at any instant, and what is refused."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from common import clock, pg
from common.models import AuditEntry
from insights import services
from insights.contracts import BadFeature, DeclaredView
from insights.features.catalogue import BUILT_IN
from insights.features.interactions import OPERATIONS
from insights.features.reading import features
from tests.insights.test_parquet_log import in_files
from tests.insights.world import SPRING, Shop, told

pytestmark = pytest.mark.django_db

# Numbers at the ends of what a property can say, and between; none of two makes what lies on the border.
VALUES = (0, 1, -1, 3.5, 1e299, -8e299, 1e-299, -1e-299, 7e150, 3e-150)
# Beyond it nothing is known; what is that near to nothing is nothing.
MOST = 1e300


def declare(name: str, measure: str, **more: Any) -> DeclaredView:
    return services.declare_feature(name=name, measure=measure, by="ann", now=clock.now(), **more)


def combine(name: str, measure: str, left: str, right: str, **more: Any) -> DeclaredView:
    return declare(name, measure, left=left, right=right, **more)


def reckoned(measure: str, a: float | None, b: float | None) -> float | None:
    """What the operation gives of two parts, by Python's own numbers."""
    if a is None or b is None or (measure == "ratio" and b == 0):
        return None
    do: Callable[[float, float], float] = {
        "ratio": lambda x, y: x / y, "product": lambda x, y: x * y, "difference": lambda x, y: x - y,
        "addition": lambda x, y: x + y,
    }[measure]  # fmt: skip
    found = do(float(a), float(b))
    if not math.isfinite(found) or abs(found) > MOST:
        return None
    return 0 if measure in ("ratio", "product") and abs(found) < 1 / MOST else found


@contextmanager
def extremes(folder: Path) -> Iterator[Path]:
    """A base in which each number meets each other, with what is combined of them, and its log."""
    with transaction.atomic():
        shop, size = Shop(), len(VALUES)
        for person in range(size**2):
            shop.person(person + 1)
            for name, value in zip("ab", (VALUES[person // size], VALUES[person % size]), strict=True):
                shop.tells(person + 1, "Rated", SPRING - timedelta(days=1), **{name: value})
        shop.person(size**2 + 1)
        for name in "ab":
            declare(name, "mean", event="Rated", property=name)
        for measure in OPERATIONS:
            combine(measure, measure, "a", "b")
        services.export_log(folder / "log", by="ann", now=SPRING, conn=pg.raw(), names=[*OPERATIONS])
        yield folder / "log"
        transaction.set_rollback(True)


def test_numbers_at_the_ends_of_the_range_end_no_statement_and_give_what_they_must(tmp_path: Path) -> None:
    names = [*OPERATIONS]
    with extremes(tmp_path) as log:
        parts, found = told("a", "b", as_of=SPRING), told(*names, as_of=SPRING)
        assert in_files(log, "duckdb", names, SPRING) == found
    assert len(found) == len(VALUES) ** 2 + 1
    for person, (a, b) in parts.items():
        assert found[person] == tuple(reckoned(name, a, b) for name in names), (a, b)


def test_what_is_divided_by_nothing_or_by_what_is_not_known_is_not_known(shop: Shop) -> None:
    for person in (1, 2, 3):
        shop.person(person)
    shop.orders(1, SPRING - timedelta(days=3), 30)
    shop.orders(1, SPRING - timedelta(days=9), 12.5)
    shop.tells(2, "Viewed", SPRING - timedelta(days=3))
    combine("basket_90d", "ratio", "revenue_90d", "orders_90d")
    combine("days_of_days", "ratio", "recency_days", "tenure_days")
    combine("activity", "product", "orders_30d", "events_30d")
    combine("rest", "difference", "events_30d", "orders_30d")
    combine("both", "addition", "recency_days", "events_30d")
    found = told("basket_90d", "days_of_days", "activity", "rest", "both", as_of=SPRING)
    assert found == {
        1: (21.25, pytest.approx(3 / 9), 4, 0, 5), 2: (None, None, 0, 1, None), 3: (None, None, 0, 0, None),
    }  # fmt: skip


PARTS = ("orders_30d", "revenue_90d", "recency_days", "average_order", "revenue_trend", "events_30d", "usual_hour",
         "category_diversity", "views", "spent")  # fmt: skip
_happening = st.tuples(
    st.integers(1, 3), st.sampled_from(["Order Completed", "Order Refunded", "Viewed"]), st.integers(-200, 60),
    st.integers(0, 30), st.sampled_from(["a", "b", ""]),
    st.sampled_from([0, 7, -3, 19.99, 1e9, 1e200, -7e298, None, "no number"]),
)  # fmt: skip
_made = st.tuples(st.sampled_from([*OPERATIONS]), st.sampled_from(PARTS), st.sampled_from(PARTS)).filter(
    lambda one: one[0] == "product" or one[1] != one[2]
)


def fill(shop: Shop, happened: list[Any]) -> None:
    for person, name, day, delay, order, value in happened:
        when = SPRING + timedelta(days=day)
        named = {"order_id": order} if order else {}
        shop.tells(
            person, name, when, received=when + timedelta(days=delay), revenue=value, of=value, category=order,
            product_id=order, **named,
        )  # fmt: skip


@settings(max_examples=25)
@given(
    st.lists(_happening, max_size=25), st.lists(_happening, max_size=15), st.lists(_made, min_size=1, max_size=4),
    st.integers(0, 120),
)  # fmt: skip
def test_it_is_what_the_operation_gives_of_the_parts_of_everybody_at_any_instant_and_nothing_later_changes_it(
    before: list[Any], after: list[Any], made: list[tuple[str, str, str]], days: int
) -> None:
    as_of = SPRING - timedelta(days=days)
    with transaction.atomic():
        shop = Shop()
        for person in range(1, 4):
            shop.person(person)
        declare("views", "count", event="Viewed", window_days=30)
        declare("spent", "sum", event="Viewed", property="of")
        names = [f"made_{place}" for place in range(len(made))]
        for name, (measure, left, right) in zip(names, made, strict=True):
            combine(name, measure, left, right)
        come = [one for one in before if one[2] + one[3] < -days]
        fill(shop, come)
        found, parts = told(*names, as_of=as_of), told(*PARTS, as_of=as_of)
        for person, values in found.items():
            of = dict(zip(PARTS, parts[person], strict=True))
            assert values == tuple(reckoned(measure, of[a], of[b]) for measure, a, b in made)
        # With the parts beside it or without, of one person or of all: the same.
        assert told(*PARTS, *names, as_of=as_of) == {one: (*parts[one], *found[one]) for one in found}
        assert told(*names, as_of=as_of, person=1) == {1: found[1]}
        fill(shop, [one for one in [*before, *after] if one not in come and one[2] + one[3] >= -days])
        assert told(*names, as_of=as_of) == found
        transaction.set_rollback(True)


def test_merging_people_moves_what_is_made_of_their_history(shop: Shop) -> None:
    for person in (1, 2):
        shop.person(person)
        shop.orders(person, SPRING - timedelta(days=person), 10 * person)
    combine("basket", "ratio", "monetary", "frequency")
    assert told("basket", as_of=SPRING) == {1: (10,), 2: (20,)}
    shop.moves([2], 1, now=SPRING)
    assert told("basket", as_of=SPRING)[1] == (15,)


def test_it_is_told_in_words_with_the_unit_and_the_window_of_its_parts(db: None) -> None:
    declare("views", "count", event="Viewed", window_days=30, title="Product views, 30 days")
    combine("basket", "ratio", "revenue_90d", "orders_90d")
    combine("spread", "product", "events_30d", "views", title="Spread", description="How much of it is looking.")
    combine("more", "difference", "revenue_365d", "revenue_90d")
    combine("pace", "ratio", "frequency", "tenure_days")
    combine("share", "ratio", "revenue_90d", "revenue_365d")
    every = features()
    assert every["basket"].title == every["basket"].formula == "Revenue, 90 days ÷ Orders, 90 days"
    assert every["basket"].description == (
        "Revenue, 90 days divided by Orders, 90 days; not known where Orders, 90 days is 0, or either is not known."
    )
    assert every["spread"].title == "Spread"
    assert every["spread"].formula == "Events, 30 days × Product views, 30 days"
    assert every["spread"].description.startswith("How much of it is looking. Events, 30 days times Product views")
    told_of = {name: (every[name].unit, every[name].window_days) for name in ("basket", "more", "pace", "share")}
    assert told_of == {
        "basket": ("money", 90), "more": ("money", 365), "pace": ("orders per days", None), "share": ("", 365),
    }  # fmt: skip
    # A share of money says nothing either where orders come in several currencies.
    assert [one for one in every if every[one].counts_money and every[one].parts] == ["basket", "more", "share"]
    assert every["pace"].accumulates
    assert not every["pace"].ages


@pytest.mark.parametrize(
    ("wrong", "told_wrong"),
    [
        ({"left": ""}, "left: choose a feature"), ({"right": "luck"}, "right: there is no other feature luck"),
        ({"right": "made"}, "right: there is no other feature made"), ({"right": "latest_city"}, "right: City of the"),
        ({"right": "basket"}, "right: Revenue, 90 days ÷ Orders, 90 days is combined itself"),
        ({"right": "mood"}, "right: mood is made of texts"), ({"right": "orders_90d"}, "right: with itself"),
        ({"measure": "power"}, "measure: choose one of"), ({"event": "Viewed"}, "event: a combined feature"),
        ({"measure": "count", "event": "Viewed"}, "left: only combined features"), ({"name": "monetary"}, "name:"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_with_its_field(db: None, wrong: dict[str, Any], told_wrong: str) -> None:
    combine("basket", "ratio", "revenue_90d", "orders_90d")
    declare("mood", "sentiment", event="Rated", property="text")
    given = {"name": "made", "measure": "ratio", "left": "orders_90d", "right": "visits_90d", **wrong}
    with pytest.raises(BadFeature, match=f"^{told_wrong}"):
        services.declare_feature(by="ann", now=clock.now(), **given)
    assert "made" not in features()


def test_a_part_stays_while_something_is_made_of_it_and_whoever_uses_it_is_named(db: None) -> None:
    declare("views", "count", event="Viewed")
    combine("looks", "ratio", "views", "visits_90d", title="Looks per visit")
    with pytest.raises(BadFeature, match=r"^views is used by the feature “Looks per visit” \(looks\);"):
        services.remove_feature(name="views", by="ann", now=clock.now())
    for meaning in (
        {"measure": "latest", "event": "Viewed", "property": "page"},
        {"measure": "sentiment", "event": "Viewed", "property": "page"},
        {"measure": "product", "left": "orders_90d", "right": "visits_90d"},
    ):
        with pytest.raises(BadFeature, match=r"^measure: views is a part of “Looks per visit” \(looks\)"):
            services.declare_feature(name="views", by="ann", now=clock.now(), **meaning)
    declare("views", "sum", event="Viewed", property="of", window_days=30, title="Seconds looked at")
    assert features()["looks"].formula == "Seconds looked at ÷ Visits, 90 days"
    entry = AuditEntry.objects.filter(action="insights.feature", object_id="looks").get()
    assert entry.after["left"] == "views"
    services.remove_feature(name="looks", by="ann", now=clock.now())
    services.remove_feature(name="views", by="ann", now=clock.now())
    assert [*features()] == [*BUILT_IN]


def test_what_groupings_and_engagement_read_stays_and_stays_a_number(db: None) -> None:
    declare("views", "count", event="Viewed")
    combine("looks", "product", "views", "views")
    services.keep_clustering(slug="main", name="Main", spec={"features": ["looks", "views"]}, by="ann", now=clock.now())
    services.keep_engagement([{"feature": "looks", "weight": 1, "full": 9}], by="ann", now=clock.now())
    with pytest.raises(BadFeature, match="^looks is used by Main, Engagement;"):
        services.remove_feature(name="looks", by="ann", now=clock.now())
    with pytest.raises(BadFeature, match="^measure: looks is used by Main, Engagement as a number;"):
        declare("looks", "latest", event="Viewed", property="page")
