"""Holding everything against the log, on snapshots: committed data, as another connection looks at it."""

from collections.abc import Iterator

import psycopg
import pytest

from segments import selectors, services
from segments.language import read
from tests.segments.world import NOON, World


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    made = World()
    yield made
    with psycopg.Cursor(made.conn) as cursor:
        cursor.execute("drop table events_event_of_all_times")


def damage(world: World, bits: bytes, *profiles: int) -> None:
    with psycopg.Cursor(world.conn) as cursor:
        for profile in profiles:
            cursor.execute(
                "insert into segments_membership (profile_id, bits) values (%s, %s)"
                " on conflict (profile_id) do update set bits = excluded.bits",
                [profile, bits],
            )


def test_a_healthy_base_is_left_alone(world: World) -> None:
    made = [world.segment(read(text)).id for text in ('count("Order") >= 1', 'plan = "pro"', "everyone")]
    for one in (1, 2, 3):
        world.person(one, traits={"plan": "pro" if one == 2 else "free"})
        if one < 3:
            world.happens(one, NOON, "Order")
    world.apply(NOON)
    before = selectors.head_seq()
    assert services.refresh_all(now=NOON) == dict.fromkeys(made, 0)
    assert selectors.head_seq() == before
    assert all(one.refreshed_at is not None and one.refreshed_at >= NOON for one in selectors.segments())


def test_who_is_missing_enters_and_who_is_wrong_or_gone_leaves(world: World) -> None:
    buyers = world.segment(read('count("Order") >= 1')).id
    for one in (1, 2, 3):
        world.person(one)
    world.happens(1, NOON, "Order")
    world.happens(2, NOON, "Order")
    world.apply(NOON)
    inside, outside = bytes(buyers // 8) + bytes([1 << buyers % 8]), b""
    damage(world, outside, 1)
    damage(world, inside, 3, 99)
    corrected = services.refresh_all(now=NOON)
    assert corrected == {buyers: 3}
    assert world.stored(buyers) == {1, 2}
    assert world.changes(buyers)[-3:] == [(1, True, "refresh"), (3, False, "refresh"), (99, False, "refresh")]
    assert services.refresh_all(now=NOON) == {buyers: 0}
