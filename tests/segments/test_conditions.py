"""What each further kind of condition means, and the rules that people ask for in their own words."""

from datetime import timedelta
from typing import Any

import pytest

from segments import selectors, services
from segments.contracts import RuleError
from segments.language import read
from segments.values import percentile
from tests.segments.world import NOON, World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def those(world: World, segment_id: int) -> set[int]:
    """The stored members, which the fold of the ledger and the log must agree with."""
    view = selectors.segment(segment_id)
    assert view is not None
    stored = world.stored(segment_id)
    assert stored == world.folded(segment_id)
    return stored


def publish(world: World, text: str, slug: str = "") -> int:
    return world.segment(read(text), slug=slug).id


def people(world: World, *ids: int, **traits: Any) -> None:
    for one in ids:
        world.person(one, traits=traits or None)


# -- in people's own words


def test_a_purchase_in_the_last_30_days_and_lifetime_spend_above_100(world: World) -> None:
    found = publish(world, 'count("Order Completed" in last 30 days) >= 1 and sum(total of "Order Completed") > 100')
    people(world, 1, 2, 3)
    world.happens(1, NOON - 400 * DAY, "Order Completed", total=90)
    world.happens(1, NOON - 3 * DAY, "Order Completed", total=10.01)
    world.happens(2, NOON - 3 * DAY, "Order Completed", total=100)
    world.happens(3, NOON - 40 * DAY, "Order Completed", total=500)
    world.apply(NOON)
    assert those(world, found) == {1}


def test_a_cart_abandoned_less_than_30_minutes_ago_is_at_risk_and_then_no_more(world: World) -> None:
    at_risk = publish(world, 'last("Cart Abandoned") within last 29 minutes', "at-risk")
    people(world, 1)
    world.happens(1, NOON, "Cart Abandoned")
    world.apply(NOON)
    assert those(world, at_risk) == {1}
    services.run_due(now=NOON + 30 * MINUTE, conn=world.conn)
    assert those(world, at_risk) == set()


def test_a_product_viewed_more_than_3_times_in_an_hour(world: World) -> None:
    keen = publish(world, 'count("Product Viewed" where product = "p1" in last 1 hour) > 3')
    people(world, 1, 2)
    for place in range(4):
        world.happens(1, NOON - place * MINUTE, "Product Viewed", product="p1")
        world.happens(2, NOON - place * MINUTE, "Product Viewed", product=f"p{place}")
    world.apply(NOON)
    assert those(world, keen) == {1}


def test_high_value_engaged_potential_loyalists_and_at_risk(world: World) -> None:
    valuable = publish(
        world, 'sum(total of "Order Completed" in last 90 days) >= 500 and count("Email Clicked" in last 30 days) >= 2'
    )
    loyalists = publish(world, 'count("Order Completed" in last 60 days) >= 2 and count("Order Completed") <= 3')
    at_risk = publish(world, 'count("Order Completed") >= 3 and last("Order Completed") more than 60 days ago')
    people(world, 1, 2, 3)
    world.happens(1, NOON - DAY, "Order Completed", total=600)
    for place in range(2):
        world.happens(1, NOON - place * HOUR, "Email Clicked")
        world.happens(2, NOON - place * DAY, "Order Completed", total=20)
    for place in range(3):
        world.happens(3, NOON - (70 + place) * DAY, "Order Completed", total=20)
    world.apply(NOON)
    assert (those(world, valuable), those(world, loyalists), those(world, at_risk)) == ({1}, {2}, {3})


def test_new_in_the_second_quarter_with_similar_engagement(world: World) -> None:
    cohort = publish(
        world,
        'first("Signed Up") after "2026-04-01" and first("Signed Up") before "2026-07-01"'
        ' and count("Session Started" in last 30 days) >= 3 and count("Session Started" in last 30 days) <= 6',
    )
    people(world, 1, 2, 3)
    world.happens(1, NOON - 50 * DAY, "Signed Up")
    world.happens(2, NOON - 100 * DAY, "Signed Up")
    world.happens(3, NOON - 50 * DAY, "Signed Up")
    for person, sessions in ((1, 4), (2, 4), (3, 1)):
        for place in range(sessions):
            world.happens(person, NOON - place * DAY, "Session Started")
    world.apply(NOON)
    assert those(world, cohort) == {1}


def test_a_fallback_for_profiles_that_are_not_complete(world: World) -> None:
    fallback = publish(world, "email is missing or first_name is missing or country is missing")
    people(world, 1, email="a@example.com", first_name="Ann", country="NO")
    people(world, 2, email="b@example.com")
    world.apply(NOON)
    assert those(world, fallback) == {2}
    world.learns(2, {"email": "b@example.com", "first_name": "Bo", "country": "SE"}, now=NOON)
    assert those(world, fallback) == set()


# -- statistics


def test_averages_extremes_and_distinct_values_look_at_events_that_have_the_property(world: World) -> None:
    average = publish(world, 'avg(total of "Order") >= 20')
    least = publish(world, 'min(total of "Order") = 10')
    greatest = publish(world, 'max(total of "Order" in last 1 hour) > 25')
    kinds = publish(world, 'distinct(category of "Order") = 2')
    people(world, 1, 2)
    for total, category in ((10, "hats"), ("30", "shoes"), (None, "hats"), ("many", None)):
        world.happens(1, NOON, "Order", total=total, category=category)
    world.happens(2, NOON, "Order")
    world.apply(NOON)
    assert [those(world, one) for one in (average, least, greatest, kinds)] == [{1}] * 4
    services.run_due(now=NOON + 62 * MINUTE, conn=world.conn)
    assert those(world, greatest) == set()
    world.happens(1, NOON + 70 * MINUTE, "Order", total=1, category="bags")
    world.apply(NOON + 70 * MINUTE)
    assert [those(world, one) for one in (average, least, kinds)] == [set()] * 3


# -- sequences


def test_a_sequence_asks_for_the_order_and_for_nothing_in_between(world: World) -> None:
    found = publish(world, 'sequence("Viewed" then "Added" without "Left" span 30 minutes in last 7 days)')
    people(world, 1, 2, 3, 4)
    for person in (1, 3, 4):
        world.happens(person, NOON - 60 * MINUTE, "Viewed")
    world.happens(1, NOON - 40 * MINUTE, "Added")
    world.happens(2, NOON - 40 * MINUTE, "Added")
    world.happens(2, NOON - 30 * MINUTE, "Viewed")
    world.happens(3, NOON - 50 * MINUTE, "Left")
    world.happens(3, NOON - 40 * MINUTE, "Added")
    world.happens(4, NOON - 20 * MINUTE, "Added")
    world.apply(NOON)
    assert those(world, found) == {1}


def test_an_event_does_not_follow_itself(world: World) -> None:
    again = publish(world, 'sequence("Order" then "Order" in last 7 days)')
    people(world, 1, 2)
    world.happens(1, NOON, "Order")
    world.happens(2, NOON - MINUTE, "Order")
    world.happens(2, NOON, "Order")
    world.apply(NOON)
    assert those(world, again) == {2}


def test_a_late_event_between_takes_somebody_out_and_time_does_too(world: World) -> None:
    found = publish(world, 'sequence("Viewed" then "Added" without "Left" in last 60 minutes)')
    people(world, 1, 2)
    for person in (1, 2):
        world.happens(person, NOON - 50 * MINUTE, "Viewed")
        world.happens(person, NOON - 40 * MINUTE, "Added")
    world.apply(NOON)
    assert those(world, found) == {1, 2}
    world.happens(1, NOON - 45 * MINUTE, "Left")
    world.apply(NOON)
    assert those(world, found) == {2}
    services.run_due(now=NOON + 11 * MINUTE, conn=world.conn)
    assert those(world, found) == set()


def test_a_sequence_goes_across_the_identifiers_of_a_person_and_apart_with_them(world: World) -> None:
    found = publish(world, 'sequence("Viewed" then "Added" in last 60 minutes)')
    people(world, 1, 2)
    world.happens(1, NOON - 5 * MINUTE, "Viewed")
    world.happens(2, NOON, "Added")
    world.apply(NOON)
    assert those(world, found) == set()
    world.moves([2], 1, now=NOON)
    assert those(world, found) == {1}
    world.moves([2], 2, now=NOON)
    assert those(world, found) == set()


# -- other segments


def test_a_segment_of_a_segment_follows_in_the_same_batch(world: World) -> None:
    buyers = publish(world, 'count("Order" in last 1 hour) >= 1', "buyers")
    grand = publish(world, 'segment buyers and plan = "pro"', "pro-buyers")
    great = publish(world, "not segment pro-buyers", "others")
    people(world, 1, plan="pro")
    world.happens(1, NOON, "Order")
    world.apply(NOON)
    assert (those(world, buyers), those(world, grand), those(world, great)) == ({1}, {1}, set())
    services.run_due(now=NOON + 61 * MINUTE, conn=world.conn)
    assert (those(world, buyers), those(world, grand), those(world, great)) == (set(), set(), {1})


def test_a_new_rule_of_the_parent_settles_those_below_it(world: World) -> None:
    parent = publish(world, 'plan = "pro"', "parent")
    child = publish(world, "segment parent and city is set", "child")
    grandchild = publish(world, "segment child", "grandchild")
    people(world, 1, plan="pro", city="Oslo")
    people(world, 2, plan="free", city="Oslo")
    world.apply(NOON)
    services.change_rule(segment_id=parent, rule=read('plan = "free"'), by="ada", now=NOON)
    assert [those(world, one) for one in (parent, child, grandchild)] == [{2}] * 3


def test_segments_that_refer_to_each_other_in_a_circle_are_refused(world: World) -> None:
    first = publish(world, 'plan = "pro"', "first")
    publish(world, "segment first", "second")
    with pytest.raises(RuleError, match="circle: first → second → first"):
        services.change_rule(segment_id=first, rule=read("segment second"), by="ada", now=NOON)
    with pytest.raises(RuleError, match="no live segment nobody"):
        publish(world, "segment nobody")


def test_a_segment_that_others_refer_to_is_not_archived(world: World) -> None:
    first = publish(world, 'plan = "pro"', "first")
    second = publish(world, "segment first", "second")
    with pytest.raises(services.SegmentInUse, match="second"):
        services.archive(segment_id=first, by="ada", now=NOON)
    services.archive(segment_id=second, by="ada", now=NOON)
    services.archive(segment_id=first, by="ada", now=NOON)


# -- lists and chance


def test_people_on_a_list_are_in_its_segments_at_once_and_leave_them(world: World) -> None:
    services.create_list(slug="press", name="Press", by="ada", now=NOON)
    press = publish(world, "list press")
    people(world, 1, 2)
    world.apply(NOON)
    assert services.change_list(slug="press", add=[1, 2], now=NOON) == (2, 0)
    assert services.change_list(slug="press", add=[1], now=NOON) == (0, 0)
    assert those(world, press) == {1, 2}
    assert world.changes(press)[-1] == (2, True, "import")
    assert services.change_list(slug="press", remove=[1], now=NOON) == (0, 1)
    assert those(world, press) == {2}
    with pytest.raises(services.SegmentInUse):
        services.delete_list(slug="press")


def test_a_list_goes_with_its_people_through_merges(world: World) -> None:
    services.create_list(slug="press", name="Press", by="ada", now=NOON)
    press = publish(world, "list press")
    people(world, 1, 2)
    world.apply(NOON)
    services.change_list(slug="press", add=[2], now=NOON)
    world.memory.forget()
    world.moves([2], 1, now=NOON)
    assert those(world, press) == {1}
    world.moves([2], 2, now=NOON)
    assert those(world, press) == {2}


def test_chance_takes_its_share_for_ever_and_another_seed_takes_others(world: World) -> None:
    tenth = publish(world, 'random "spring" 0 to 10')
    rest = publish(world, 'random "spring" 10 to 100')
    other = publish(world, 'random "autumn" 0 to 10')
    people(world, *range(1, 401))
    world.apply(NOON)
    drawn = those(world, tenth)
    assert drawn | those(world, rest) == set(range(1, 401))
    assert not drawn & those(world, rest)
    assert 20 <= len(drawn) <= 60
    assert drawn == {one for one in range(1, 401) if percentile("spring", one) < 10} != those(world, other)


def test_everything_is_explained_with_what_was_found(world: World) -> None:
    publish(world, 'plan = "pro"', "pro")
    found = publish(
        world, 'segment pro and avg(total of "Order") > 5 and distinct(kind of "Order") >= 1'
        ' and sequence("Viewed" then "Order" in last 1 hour) and random "s" 0 to 100',
    )  # fmt: skip
    people(world, 1, plan="pro")
    world.happens(1, NOON - MINUTE, "Viewed")
    world.happens(1, NOON, "Order", total=7, kind="hat")
    world.apply(NOON)
    told = selectors.explain(found, 1, NOON)
    assert told is not None
    assert told.holds
    segment, average, distinct, sequence, chance = told.condition.children
    assert [child.actual for child in segment.children] == ['"pro"']
    assert (average.actual, distinct.actual) == ("7.00", "1 different")
    assert sequence.actual == "1 times, last 2026-06-15 11:59 UTC"
    assert chance.actual == f"percentile {percentile('s', 1)}"


# -- by the clocks of a place


def test_a_day_begins_when_it_begins_there(world: World) -> None:
    """Noon in Greenwich is 22:00 of the 15th in Brisbane and 08:00 of it in New York."""
    people(world, 1, trial_ends="2026-06-16")
    people(world, 2, trial_ends="2026-06-16T00:00:00Z")
    text = 'trial_ends within next 3 hours in zone "{}"'
    brisbane, york = (publish(world, text.format(one)) for one in ("Australia/Brisbane", "America/New_York"))
    world.apply(NOON)
    assert (those(world, brisbane), those(world, york)) == ({1}, set())
    midnight = NOON.replace(hour=22, minute=0, second=0)
    services.run_due(now=midnight, conn=world.conn)
    assert (those(world, brisbane), those(world, york)) == ({2}, {2})
    services.run_due(now=midnight + 4 * HOUR, conn=world.conn)
    assert (those(world, brisbane), those(world, york)) == (set(), {1})


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"trait": "a", "is": "before", "value": "2026-01-01", "zone": "Berlin"}, "Name a time zone by its place"),
        ({"trait": "a", "is": "eq", "value": "x", "zone": "Europe/Berlin"}, "Remove the zone"),
        ({"event": "A", "last": {"is": "within_last", "value": {"days": 1}, "zone": "UTC"}}, "Remove this"),
    ],
)
def test_a_zone_that_says_nothing_is_refused(condition: dict[str, Any], told: str) -> None:
    with pytest.raises(RuleError, match=told):
        services.parse_rule(condition)
