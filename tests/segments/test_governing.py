"""Trying rules out, comparing versions and segments, and what owners are told to look at."""

from datetime import timedelta

import psycopg
import pytest

from segments import selectors, services
from segments.compile import compile_preview
from segments.language import read
from tests.segments.world import NOON, World

DAY = timedelta(days=1)
HEAVY = " and ".join(f'sequence("A" then "B" then "C" in last {n} days)' for n in range(1, 49))


def test_a_preview_tells_which_condition_decides_and_whom_a_channel_reaches(world: World) -> None:
    for one in range(1, 11):
        world.person(one, traits={"plan": "pro" if one <= 4 else "free"})
        if one % 2:
            world.happens(one, NOON, "Order")
    world.apply(NOON)
    found = services.preview(rule=read('plan = "pro" and count("Order") >= 1'), now=NOON)
    assert (found.count, set(found.sample), found.estimated) == (2, {1, 3}, False)
    assert [one.people for one in found.conditions] == [4, 5]
    assert found.conditions[0].wording == 'plan is "pro"'
    assert found.reach == {"anonymous_id": 2}


def test_a_preview_of_everything_in_the_language_counts_as_publishing_does(world: World) -> None:
    services.create_list(slug="press", name="Press", by="ada", now=NOON)
    for one in range(1, 41):
        world.person(one, traits={"n": one})
        world.happens(one, NOON - DAY, "Viewed")
        if one % 3 == 0:
            world.happens(one, NOON, "Added", total=one)
    world.apply(NOON)
    services.change_list(slug="press", add=range(1, 7), now=NOON)
    for text in (
        'sequence("Viewed" then "Added" in last 7 days) or list press',
        'avg(total of "Added") > 20 or random "s" 0 to 50',
        'not (max(total of "Added") >= 9) and n > 5',
    ):
        counted = services.preview(rule=read(text), now=NOON).count
        assert counted == selectors.size(world.segment(read(text)).id) == len(world.oracle(read(text), now=NOON))


def test_a_rule_too_heavy_to_count_is_estimated_from_a_sample_or_given_up(world: World) -> None:
    for one in range(1, 400):
        world.person(one)
    world.apply(NOON)
    statement = compile_preview(read("everyone"), now=NOON, sampled=True)
    with psycopg.Cursor(world.conn) as cursor:
        row = cursor.execute(statement.text, {**statement.params, "sample": 5}).fetchone()
    assert row is not None
    assert 0 < row[0] < 20
    with pytest.raises(services.PreviewTooSlow):
        services.preview(rule=read(HEAVY), now=NOON, timeout_ms=1)


def test_the_difference_of_two_versions_is_who_came_and_went_on_the_whole(world: World) -> None:
    pros = world.segment(read('plan = "pro"')).id
    for one in (1, 2, 3):
        world.person(one, traits={"plan": "pro" if one < 3 else "free"})
    world.apply(NOON)
    before = selectors.head_seq()
    world.learns(1, {"plan": "free"}, now=NOON)
    world.learns(2, {"plan": "free"}, now=NOON)
    world.learns(2, {"plan": "pro"}, now=NOON)
    world.learns(3, {"plan": "pro"}, now=NOON)
    after = selectors.head_seq()
    found = selectors.difference(pros, from_seq=before, to_seq=after)
    assert (found.entered, found.exited, found.some_entered, found.some_exited) == (1, 1, (3,), (1,))
    was, now = (set(selectors.members(pros, at_seq=seq)) for seq in (before, after))
    assert (now - was, was - now) == ({3}, {1})
    back = selectors.difference(pros, from_seq=after, to_seq=after)
    assert (back.entered, back.exited) == (0, 0)


def test_overlaps_count_who_is_in_both(world: World) -> None:
    small, large = (world.segment(read(text)).id for text in ("n <= 2", "n <= 8"))
    world.segment(read("n > 100"))
    for one in range(1, 11):
        world.person(one, traits={"n": one})
    world.apply(NOON)
    (found,) = selectors.overlaps()
    assert (found.a, found.b, found.people, found.share) == (small, large, 2, 0.25)


def test_owners_are_told_what_to_look_at(world: World) -> None:
    old = NOON - 100 * DAY
    kept = services.create_segment(name="Kept", rule=read("n > 0"), by="ada", now=NOON)
    twin = services.create_segment(name="Twin", rule=read("n >= 1"), by="ada", now=NOON)
    empty = services.create_segment(name="Empty", rule=read("n < 0"), by="ada", now=old, review_on=old.date())
    world.memory.forget()
    for one in range(1, 6):
        world.person(one, traits={"n": one})
    world.apply(NOON)
    told = {(one.segment_id, one.code) for one in selectors.findings(now=NOON, used=[kept.id])}
    assert told == {
        (kept.id, "same_people"), (twin.id, "unused"),
        (empty.id, "review_due"), (empty.id, "empty"), (empty.id, "unused"), (empty.id, "quiet"),
    }  # fmt: skip
    assert selectors.reviews_due(NOON.date()) == 1
    alone = selectors.findings_of(kept, now=NOON, used=False)
    assert [one.code for one in alone] == ["empty", "unused"]


def test_volatility_is_what_moved_for_each_member(world: World) -> None:
    pros = world.segment(read('plan = "pro"')).id
    assert selectors.volatility(pros, now=NOON) is None
    for one in (1, 2):
        world.person(one, traits={"plan": "pro"})
    world.apply(NOON)
    world.learns(1, {"plan": "free"}, now=NOON)
    assert selectors.volatility(pros, now=NOON) == 3.0


def test_an_earlier_version_can_be_brought_back(world: World) -> None:
    found = world.segment(read('plan = "pro"'), slug="pros")
    world.person(1, traits={"plan": "pro"})
    world.apply(NOON)
    services.change_rule(segment_id=found.id, rule=read('plan = "free"'), by="ada", now=NOON)
    assert world.stored(found.id) == set()
    back = services.restore_version(segment_id=found.id, version=1, by="bo", now=NOON)
    assert (back.version, back.rule_text) == (3, 'plan = "pro"')
    assert world.stored(found.id) == {1}
    assert selectors.versions(found.id)[0].note == "As it was in version 1."
