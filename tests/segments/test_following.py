"""Memberships follow events, traits, moves and time."""

from datetime import timedelta

from segments import services
from tests.segments.world import NOON, World

MINUTE = timedelta(minutes=1)
BUYER = {"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": {"days": 30}}


def test_an_event_brings_its_person_into_the_segment(world: World) -> None:
    buyers = world.segment(BUYER)
    world.person(1)
    world.happens(1, NOON, "Order Completed")
    assert world.apply(NOON) == 1
    assert world.stored(buyers.id) == {1} == world.oracle(BUYER, now=NOON)
    assert world.changes(buyers.id) == [(1, True, "event")]


def test_the_same_answer_writes_nothing(world: World) -> None:
    buyers = world.segment(BUYER)
    world.person(1)
    for _ in range(3):
        world.happens(1, NOON, "Order Completed")
        world.apply(NOON)
    assert len(world.changes(buyers.id)) == 1


def test_a_published_segment_has_the_members_of_the_past(world: World) -> None:
    world.person(1)
    world.person(2)
    world.happens(1, NOON - timedelta(days=29), "Order Completed")
    world.happens(2, NOON - timedelta(days=40), "Order Completed")
    world.apply(NOON)
    buyers = world.segment(BUYER)
    assert world.stored(buyers.id) == {1}
    assert world.changes(buyers.id) == [(1, True, "publish")]
    assert buyers.size == 0 or buyers.size == 1


def test_time_alone_ends_a_membership_when_its_hour_has_come(world: World) -> None:
    buyers = world.segment(BUYER)
    world.person(1)
    world.happens(1, NOON, "Order Completed")
    world.apply(NOON)
    last_inside = NOON.replace(minute=59) + timedelta(days=30)
    services.run_due(now=last_inside, conn=world.conn)
    assert world.stored(buyers.id) == {1} == world.oracle(BUYER, now=last_inside)
    first_outside = NOON.replace(minute=0, second=0) + timedelta(days=30, hours=1)
    assert services.run_due(now=first_outside, conn=world.conn) == 1
    assert world.stored(buyers.id) == set() == world.oracle(BUYER, now=first_outside)
    assert world.changes(buyers.id)[-1] == (1, False, "time")


def test_an_abandoned_cart_is_found_in_its_minute_without_an_event(world: World) -> None:
    rule = {"absent": "Order Completed", "after": "Cart Abandoned", "for": {"minutes": 30}}
    carts = world.segment(rule)
    world.person(1)
    world.person(2)
    world.happens(1, NOON, "Cart Abandoned")
    world.happens(2, NOON, "Cart Abandoned")
    world.happens(2, NOON + 5 * MINUTE, "Order Completed")
    world.apply(NOON + 5 * MINUTE)
    services.run_due(now=NOON + 30 * MINUTE, conn=world.conn)
    assert world.stored(carts.id) == set()
    services.run_due(now=NOON + 31 * MINUTE, conn=world.conn)
    assert world.stored(carts.id) == {1} == world.oracle(rule, now=NOON + 31 * MINUTE)


def test_a_merge_and_its_unmerge_move_the_memberships(world: World) -> None:
    twice = {"event": "Order Completed", "count": {"is": "gte", "value": 2}}
    loyal = world.segment(twice)
    world.person(1)
    world.person(2)
    world.happens(1, NOON, "Order Completed")
    world.happens(2, NOON, "Order Completed")
    world.apply(NOON)
    assert world.stored(loyal.id) == set()
    world.moves([2], 1, now=NOON)
    assert world.stored(loyal.id) == {1} == world.oracle(twice, now=NOON)
    world.moves([2], 2, now=NOON)
    assert world.stored(loyal.id) == set()
    assert world.changes(loyal.id) == [(1, True, "merge"), (1, False, "merge")]


def test_a_retired_profile_leaves_everything(world: World) -> None:
    buyers = world.segment(BUYER)
    world.person(1)
    world.person(2)
    world.happens(2, NOON, "Order Completed")
    world.apply(NOON)
    world.moves([2], 1, now=NOON)
    assert world.changes(buyers.id)[1:] == [(1, True, "merge"), (2, False, "merge")]


def test_a_newborn_enters_segments_of_absence(world: World) -> None:
    never = world.segment({"not": {"event": "Order Completed", "count": {"is": "gte", "value": 1}}})
    world.person(7)
    world.apply(NOON)
    assert world.stored(never.id) == {7}
