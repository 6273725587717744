"""A rule's past is counted while events go on being applied, and nothing is counted twice or not at all."""

from contextlib import closing
from datetime import timedelta

import pytest
from django.db import transaction

from common import pg
from segments import selectors, services
from segments.language import read
from segments.models import Measure
from segments.services import counters
from tests.segments.world import NOON, World

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
RULE = read(
    'count("Order") = 4 and sum(total of "Order" in last 30 days) = 40 and max(total of "Order") = 20'
    ' and distinct(kind of "Order") = 3 and sequence("Viewed" then "Order" in last 7 days)'
)


@pytest.fixture
def world(lasting: World) -> World:
    return lasting


def past(world: World) -> None:
    for person in (1, 2):
        world.happens(person, NOON - 2 * DAY, "Viewed")
        world.happens(person, NOON - DAY, "Order", total=5, kind="a")
        world.happens(person, NOON - 2 * MINUTE, "Order", total=5, kind="b")
    world.apply(NOON)


def coming(world: World, *totals: int) -> None:
    """Events of the first person, applied by a process that reads the plan anew, as its turn was taken."""
    world.memory.forget()
    for total in totals:
        world.happens(1, NOON, "Order", total=total, kind="c")
    world.apply(NOON)


def test_what_comes_while_the_past_is_counted_counts_once(world: World) -> None:
    past(world)
    with services.prepared(RULE, now=NOON):
        coming(world, 10)
        with transaction.atomic():
            made = services.create_segment(name="Made", rule=RULE, by="ada", now=NOON)
    coming(world, 20)
    assert world.stored(made.id) == {1} == world.oracle(RULE, now=NOON)
    assert world.changes(made.id) == [(1, True, "event")]
    coming(world, 1)
    assert world.stored(made.id) == set() == world.oracle(RULE, now=NOON)
    assert not Measure.objects.filter(filling=True).exists()


def test_publishing_outside_a_transaction_prepares_by_itself(world: World) -> None:
    past(world)
    coming(world, 10, 20)
    made = services.create_segment(name="Made", rule=RULE, by="ada", now=NOON)
    assert world.stored(made.id) == {1} == world.oracle(RULE, now=NOON)
    longer = read('sum(total of "Order" in last 90 days) >= 40 and count("Order" in last 60 minutes) >= 1')
    services.change_rule(segment_id=made.id, rule=longer, by="ada", now=NOON)
    coming(world, 1)
    assert world.stored(made.id) == {1} == world.oracle(longer, now=NOON)


def test_a_rule_that_is_not_published_in_the_end_leaves_nothing(world: World) -> None:
    past(world)
    services.create_segment(name="Made", rule=RULE, by="ada", now=NOON)
    with pytest.raises(services.SlugTaken):
        services.create_segment(name="Made", rule=read('count("Fresh") >= 1'), by="ada", now=NOON)
    with services.prepared(read('count("Other") >= 1'), now=NOON):
        assert Measure.objects.filter(filling=True, event="Other").exists()
    assert not Measure.objects.filter(filling=True).exists()
    coming(world, 10, 20)
    made = selectors.segment("made")
    assert made is not None
    assert world.stored(made.id) == {1} == world.oracle(RULE, now=NOON)


def test_the_next_one_clears_up_after_a_process_that_died(world: World) -> None:
    past(world)
    with closing(pg.connect(autocommit=True)) as died:
        # As it is left by a kill between counting aside and merging.
        with transaction.atomic():
            conn = pg.raw()
            found = counters.missing(conn, RULE)
            for key, horizon, _ in found:
                counters.insert(conn, key, horizon, filling=True)
        died.execute("insert into segments_staged values (1, decode('00', 'hex'))")
    made = services.create_segment(name="Made", rule=RULE, by="ada", now=NOON)
    coming(world, 10, 20)
    assert world.stored(made.id) == {1} == world.oracle(RULE, now=NOON)
    assert not Measure.objects.filter(filling=True).exists()
