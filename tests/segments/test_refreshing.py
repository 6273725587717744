"""Holding everything against the log, on snapshots: committed data, as another connection looks at it."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction

from common import pg, turns
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


def both_kinds(segment_id: int) -> list[Callable[..., object]]:
    return [
        lambda now: services.refresh(segment_id=segment_id, now=now),
        lambda now: services.refresh_all(now=now),
    ]


@pytest.mark.parametrize("kind", [0, 1], ids=["one", "all"])
def test_whom_the_timer_let_go_while_a_refresh_waited_does_not_come_back(world: World, kind: int) -> None:
    recent = world.segment(read('count("Order" in last 30 minutes) >= 1')).id
    world.person(1)
    world.happens(1, NOON, "Order")
    world.apply(NOON)
    ends = NOON.replace(second=0) + timedelta(minutes=31)
    asked = ends - timedelta(milliseconds=300)

    def waiting() -> None:
        try:
            both_kinds(recent)[kind](asked)
        finally:
            connection.close()

    with transaction.atomic():
        turns.borrow(pg.raw())
        refreshing = threading.Thread(target=waiting)
        refreshing.start()
        until = time.monotonic() + 180
        while not pg.raw().execute("select 1 from pg_locks where not granted").fetchone():
            assert time.monotonic() < until, "the refresh does not wait for the turn"
            time.sleep(0.02)
        time.sleep(0.5)  # its own clock has passed the end when it has the turn
        assert services.run_due(now=ends + timedelta(milliseconds=400), conn=world.conn) == 1
    refreshing.join(180)
    assert not refreshing.is_alive()
    assert world.changes(recent) == [(1, True, "event"), (1, False, "time")]
    assert world.stored(recent) == set()


def test_who_is_put_back_leaves_again_when_the_time_comes(world: World) -> None:
    recent = world.segment(read('count("Order" in last 30 minutes) >= 1')).id
    world.person(1)
    world.happens(1, NOON, "Order")
    world.apply(NOON)
    with psycopg.Cursor(world.conn) as cursor:
        cursor.execute("delete from segments_membership")
        cursor.execute("update segments_change set entered = false")
    assert services.refresh_all(now=NOON) == {recent: 1}
    services.run_due(now=NOON + timedelta(seconds=1))
    assert services.run_due(now=NOON + timedelta(minutes=31)) == 1
    assert world.stored(recent) == set()
