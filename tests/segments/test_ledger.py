"""The ledger: snapshots, changes, sizes, and what the hot path costs in statements."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import psycopg
import pytest

from segments import selectors, services
from segments.contracts import RuleError
from tests.segments.world import NOON, World

BUYER = {"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": {"days": 30}}
PRO = {"trait": "plan", "is": "eq", "value": "pro"}


def test_a_snapshot_and_the_changes_after_it_give_the_next_snapshot(world: World) -> None:
    pro = world.segment(PRO)
    for one in range(1, 8):
        world.person(one, traits={"plan": "pro" if one % 2 else "free"})
    world.apply(NOON)
    first = selectors.head_seq()
    before = set(selectors.members(pro.id, at_seq=first))
    world.learns(1, {"plan": "free"}, now=NOON)
    world.learns(2, {"plan": "pro"}, now=NOON)
    world.moves([3], 5, now=NOON)
    rows = selectors.changes(pro.id, first, 100)
    for row in rows:
        (before.add if row.entered else before.remove)(row.profile_id)
    assert before == set(selectors.members(pro.id)) == world.oracle(PRO, now=NOON) == {2, 5, 7}
    assert selectors.members(pro.id, at_seq=first) == [1, 3, 5, 7]
    assert [row.reason for row in rows] == ["trait", "trait", "merge"]
    assert selectors.size(pro.id) == 3
    assert selectors.size(pro.id, at_seq=first) == 4


def test_members_come_in_pages(world: World) -> None:
    everyone = world.segment({"all": []})
    for one in range(1, 6):
        world.person(one)
    world.apply(NOON)
    assert selectors.members(everyone.id, limit=2) == [1, 2]
    assert selectors.members(everyone.id, after_profile=2, limit=9) == [3, 4, 5]


def test_memberships_say_since_when_and_why(world: World) -> None:
    pro = world.segment(PRO, slug="pro")
    world.person(1, traits={"plan": "pro"})
    world.apply(NOON)
    (found,) = selectors.memberships(1)
    assert (found.segment_id, found.slug, found.since, found.reason) == (pro.id, "pro", NOON, "trait")
    assert selectors.slugs_of([1, 2]) == {1: ["pro"]}
    assert selectors.memberships(2) == []


def test_the_size_of_every_hour_is_kept(world: World) -> None:
    pro = world.segment(PRO)
    world.person(1, traits={"plan": "pro"})
    world.apply(NOON)
    world.learns(1, {"plan": "free"}, now=NOON + timedelta(hours=2))
    points = selectors.size_history(pro.id, since=NOON - timedelta(days=1))
    assert [(point.hour.hour, point.members, point.entered, point.exited) for point in points] == [
        (12, 1, 1, 0),
        (14, 0, 0, 1),
    ]


def test_a_changed_rule_is_a_new_version_with_its_difference(world: World) -> None:
    world.person(1, traits={"plan": "pro"})
    world.person(2, traits={"plan": "basic"})
    world.apply(NOON)
    made = world.segment(PRO)
    wider = {"trait": "plan", "is": "in", "value": ["pro", "basic"]}
    changed = services.change_rule(segment_id=made.id, rule=wider, by="bo", now=NOON)
    assert changed.version == 2
    assert changed.size == 2
    assert [row.version for row in selectors.changes(made.id)] == [1, 2]
    newest, oldest = selectors.versions(made.id)
    assert oldest.diff == []
    assert [(one["change"], one["wording"]) for one in newest.diff] == [
        ("removed", 'plan is "pro"'),
        ("added", 'plan is one of "pro", "basic"'),
    ]
    assert services.change_rule(segment_id=made.id, rule=wider, by="bo", now=NOON).version == 2


def test_an_archived_segment_lets_everybody_go_and_stops_following(world: World) -> None:
    made = world.segment(BUYER)
    world.person(1)
    world.happens(1, NOON, "Order Completed")
    world.apply(NOON)
    assert services.archive(segment_id=made.id, by="ada", now=NOON).size == 0
    world.memory.forget()
    world.happens(1, NOON, "Order Completed")
    assert world.apply(NOON) == 0
    assert world.changes(made.id)[-1] == (1, False, "archive")
    assert [one.id for one in selectors.segments()] == []
    assert [one.id for one in selectors.segments(archived=True)] == [made.id]


def test_a_refresh_of_a_healthy_segment_corrects_nothing_and_mends_a_broken_one(world: World) -> None:
    made = world.segment(BUYER)
    world.person(1)
    world.happens(1, NOON, "Order Completed")
    world.apply(NOON)
    assert services.refresh(segment_id=made.id, now=NOON) == 0
    with psycopg.Cursor(world.conn) as cursor:
        cursor.execute("update segments_membership set bits = ''")
        cursor.execute("update segments_change set entered = false")
    assert services.refresh(segment_id=made.id, now=NOON) == 1
    assert world.stored(made.id) == {1}
    assert world.changes(made.id)[-1] == (1, True, "refresh")


def test_a_slug_is_taken_once(world: World) -> None:
    world.segment(PRO, slug="pro")
    with pytest.raises(services.SlugTaken):
        world.segment(BUYER, slug="pro")
    with pytest.raises(RuleError, match="small letters"):
        world.segment(BUYER, slug="Not a slug")


def test_a_preview_counts_and_samples_and_gives_up_in_time(world: World) -> None:
    for one in range(1, 30):
        world.person(one, traits={"plan": "pro"})
    found = services.preview(rule=PRO, now=NOON)
    assert found.count == 29
    assert len(found.sample) == 10
    with psycopg.Cursor(world.conn) as cursor:
        cursor.execute("insert into identity_profile select g, '{}', now(), now() from generate_series(1000, 60000) g")
    with pytest.raises(services.PreviewTooSlow):
        services.preview(rule={"all": [PRO] * 40}, now=NOON, timeout_ms=1)


def test_every_condition_is_explained_with_what_was_found(world: World) -> None:
    spent = {"event": "Order Completed", "sum": {"property": "revenue", "is": "gte", "value": 50}}
    made = world.segment({"all": [BUYER, spent, PRO]})
    world.person(1, traits={"plan": "free"})
    world.happens(1, NOON, "Order Completed", revenue="19.90")
    world.apply(NOON)
    explained = selectors.explain(made.id, 1, NOON)
    assert explained is not None
    assert not explained.holds
    assert [(one.holds, one.actual, one.needed) for one in explained.condition.children] == [
        (True, "1 time", "at least 1 in the last 30 days"),
        (False, "19.90", "at least 50"),
        (False, '"free"', 'is "pro"'),
    ]


class CountingCursor(psycopg.Cursor[Any]):
    seen: ClassVar[list[str]] = []

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(args[0])
        return super().execute(*args, **kwargs)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(psycopg, "Cursor", CountingCursor)
    CountingCursor.seen.clear()
    yield CountingCursor.seen
    CountingCursor.seen.clear()


@pytest.mark.parametrize("segments", [1, 40])
@pytest.mark.parametrize("people", [1, 60])
def test_a_batch_costs_the_same_statements_whatever_its_size(
    world: World, statements: list[str], segments: int, people: int
) -> None:
    for number in range(segments):
        world.segment({"any": [{**BUYER, "count": {"is": "gte", "value": number + 1}}, PRO]})
    for one in range(1, people + 1):
        world.person(one, traits={"plan": "pro"})
    world.apply(NOON)
    for one in range(1, people + 1):
        for _ in range(20):
            world.happens(one, NOON, "Order Completed")
    world.learns(1, {"plan": "free"}, now=NOON)
    for one in range(1, people + 1):
        world.happens(one, NOON, "Order Completed")
    statements.clear()
    world.apply(NOON + timedelta(days=31), touched_traits={1})
    assert len(statements) == 7  # append, counters, traits, memberships, ledger, sizes, new memberships
