"""The counters, the log and the plain evaluation of one profile say the same, exactly, also at the edges of windows."""

import json
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from segments import selectors, services
from segments.parsing import parse_rule
from segments.sqlvalues import Params, matches
from segments.values import instant, matches_at, micros_of_amount, number, value_hash, zones
from tests.segments import strategies as some
from tests.segments.world import NOON, World

IN_THIS_WORLD = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking a story takes minutes; its steps are few already
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
PEOPLE = 4

steps = st.one_of(
    st.tuples(st.just("happens"), st.integers(1, PEOPLE), st.sampled_from(some.EVENTS), some.moments, some.properties),
    st.tuples(st.just("happens"), st.integers(1, PEOPLE), st.sampled_from(some.EVENTS), some.moments, some.properties),
    st.tuples(st.just("learns"), st.integers(1, PEOPLE), some.trait_sets),
    st.tuples(st.just("moves"), st.integers(1, PEOPLE), st.integers(1, PEOPLE)),
    st.tuples(st.just("apply"), some.ages()),
    st.tuples(st.just("publish"), some.rules),
    st.tuples(st.just("lists"), st.sampled_from(some.LISTS), st.integers(1, PEOPLE), st.booleans()),
    st.tuples(st.just("becomes"), some.conditions_without_references),
    st.tuples(st.just("many"), st.integers(1, PEOPLE), st.sampled_from(some.EVENTS), some.moments),
    st.tuples(st.just("expires"), st.lists(st.sampled_from(some.EVENTS), min_size=1, unique=True), some.moments),
    st.tuples(st.just("rehangs"), st.integers(1, PEOPLE), st.integers(1, PEOPLE), st.sampled_from(some.EVENTS)),
)


class Story:
    """One random life of a world; `check` holds the executors against each other."""

    def __init__(self, world: World, rules: list[Any]) -> None:
        self.world, self.now = world, NOON
        for slug in some.LISTS:
            services.create_list(slug=slug, name=slug, by="ada", now=NOON)
        self.parent = world.segment({"event": "A", "count": {"is": "gte", "value": 1}}, slug="parent").id
        self.rules = {world.segment(rule, now=NOON).id: rule for rule in rules}
        for one in range(1, PEOPLE + 1):
            world.person(one)
        world.apply(NOON)

    def tell(self, step: Any) -> None:
        getattr(self, step[0])(*step[1:])

    def happens(self, identifier: int, name: str, at: datetime, properties: dict[str, Any]) -> None:
        self.world.happens(identifier, at + (self.now - NOON), name, **properties)

    def many(self, identifier: int, name: str, at: datetime) -> None:
        for place in range(20):
            self.world.happens(identifier, at + timedelta(minutes=place), name, r=place)
        self.world.apply(self.now)

    def learns(self, identifier: int, traits: dict[str, Any]) -> None:
        self.world.learns(self.world.owner[identifier], traits, now=self.now)

    def moves(self, identifier: int, to: int) -> None:
        # An identifier can always go home; elsewhere only to a profile that lives.
        if to in set(self.world.owner.values()) | {identifier}:
            self.world.moves([identifier], to, now=self.now)

    def apply(self, later: timedelta) -> None:
        self.now += later
        self.world.apply(self.now)

    def lists(self, slug: str, identifier: int, on_it: bool) -> None:
        services.change_list(slug=slug, **{"add" if on_it else "remove": [identifier]}, now=self.now)
        self.world.memory.forget()

    def becomes(self, rule: Any) -> None:
        """The segment that others refer to gets another rule."""
        services.change_rule(segment_id=self.parent, rule=rule, by="ada", now=self.now)
        self.world.memory.forget()

    def publish(self, rule: Any) -> None:
        self.rules[self.world.segment(rule, now=self.now).id] = rule

    def expires(self, names: list[str], before: datetime) -> None:
        """Events of these names leave the log by their age."""
        self.world.apply(self.now)
        self.world.forgets(names, before + (self.now - NOON), now=self.now)

    def rehangs(self, identifier: int, to: int, name: str) -> None:
        """Events turn out to belong to another identifier."""
        self.world.apply(self.now)
        self.world.rehangs(identifier, to, name, now=self.now)

    def check(self) -> None:
        self.world.apply(self.now)
        while services.run_due(now=self.now, conn=self.world.conn):
            pass
        for segment, rule in self.rules.items():
            expected = self.world.oracle(rule, now=self.now)
            assert self.world.stored(segment) == expected, rule
            assert self.world.folded(segment) == expected
            assert selectors.members(segment) == sorted(expected)
            assert selectors.size(segment) == len(expected) == selectors.size(segment, at_seq=selectors.head_seq())
            for profile in set(self.world.owner.values()):
                explained = selectors.explain(segment, profile, self.now)
                assert explained is not None
                assert explained.holds == explained.stored == (profile in expected)


@IN_THIS_WORLD
@given(rules=st.lists(some.rules, min_size=1, max_size=4), told=st.lists(steps, max_size=14))
def test_counters_and_log_agree_whatever_happens(world: World, rules: list[Any], told: list[Any]) -> None:
    with transaction.atomic():
        story = Story(world, rules)
        for step in told:
            story.tell(step)
        story.check()
        world.memory.forget()
        transaction.set_rollback(True)
    world.start_over()


@settings(IN_THIS_WORLD, max_examples=300)
@given(
    value=some.json_values | st.floats(allow_nan=False, allow_infinity=False) | st.text("0123456789+-.eE ", max_size=6)
)
def test_python_and_sql_read_a_value_alike(world: World, value: Any) -> None:
    text = json.dumps(value)
    query = """select segments_number(%(v)s::jsonb), segments_micros(%(v)s::jsonb), segments_value_hash(%(v)s::jsonb),
                      (extract(epoch from segments_instant(%(v)s::jsonb)) * 1000000)::bigint"""
    with psycopg.Cursor(world.conn) as cursor:
        row = cursor.execute(query, {"v": text}).fetchone()
    assert row == (number(value), micros_of_amount(number(value)), value_hash(value), instant(value))


@settings(IN_THIS_WORLD, max_examples=300)
@given(
    clock=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2037, 12, 31)),  # noqa: DTZ001
    zone=st.sampled_from(sorted(set(filter(None, some.ZONES)))),
    own=st.sampled_from(("", "", "Z", "+02:00")),
)
@example(clock=datetime(2026, 3, 29, 2, 30), zone="Europe/Berlin", own="")  # noqa: DTZ001
@example(clock=datetime(2026, 10, 25, 2, 30), zone="Europe/Berlin", own="")  # noqa: DTZ001
def test_python_and_sql_read_clocks_of_a_place_alike(world: World, clock: datetime, zone: str, own: str) -> None:
    value = clock.isoformat(sep=" ", timespec="microseconds") + own
    query = "select (extract(epoch from segments_instant(%(v)s::jsonb, %(zone)s)) * 1000000)::bigint"
    for text in (value, str(clock.date())):
        with psycopg.Cursor(world.conn) as cursor:
            row = cursor.execute(query, {"v": json.dumps(text), "zone": zone}).fetchone()
        assert row == (instant(text, zone),), text


def test_the_database_knows_every_zone_that_a_rule_may_name(world: World) -> None:
    with psycopg.Cursor(world.conn) as cursor:
        known = {row[0] for row in cursor.execute("select name from pg_timezone_names").fetchall()}
    assert zones() <= known


@settings(IN_THIS_WORLD, max_examples=500)
@given(value=some.json_values, condition=some.traits, now=some.moments)
def test_python_and_sql_judge_a_value_alike(world: World, value: Any, condition: Any, now: datetime) -> None:
    leaf: Any = parse_rule(condition)
    params = Params()
    expression = matches(leaf.op, leaf.value, "v.value", params, now=now)
    query = f"select coalesce({expression}, false) from (select %(given)s::jsonb as value) v"
    with psycopg.Cursor(world.conn) as cursor:
        row = cursor.execute(query, {**params.values, "given": json.dumps(value)}).fetchone()
    assert row == (matches_at(leaf.op, leaf.value, value, now=now)[0],)
