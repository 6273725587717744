"""What the process of the applier remembers between batches."""

import json
from typing import Any

import psycopg

from segments import sql
from segments.hierarchy import expanded
from segments.measures import Horizon, key_of_json
from segments.parsing import parse_rule
from segments.plan import LiveSegment, Measure, Plan, make_plan
from segments.rules import Node


class Memory:
    """The plan of the live segments, right while this process has the turn; `forget` when it lost it or rolled back."""

    def __init__(self) -> None:
        self._plan: Plan | None = None

    def forget(self) -> None:
        """Read everything anew at the next batch."""
        self._plan = None

    def plan(self, conn: psycopg.Connection[Any]) -> Plan:
        """The plan, read when it is not remembered."""
        if self._plan is None:
            self._plan = load_plan(conn)
        return self._plan


def load_plan(conn: psycopg.Connection[Any]) -> Plan:
    """The plan of what is live in this transaction."""
    with psycopg.Cursor(conn) as cursor:
        rows = cursor.execute(sql.LIVE_SEGMENTS).fetchall()
    rules = {slug: parse_rule(as_json(rule)) for _, slug, _, rule in rows}
    segments = [LiveSegment(id_, version, expanded(rules[slug], rules, slug=slug)) for id_, slug, version, _ in rows]
    return make_plan(segments, load_measures(conn))


def load_rules(conn: psycopg.Connection[Any]) -> dict[str, Node]:
    """The rule of every live segment by its slug, as it was written."""
    with psycopg.Cursor(conn) as cursor:
        return {slug: parse_rule(as_json(rule)) for _, slug, _, rule in cursor.execute(sql.LIVE_SEGMENTS).fetchall()}


def load_measures(conn: psycopg.Connection[Any]) -> list[Measure]:
    """Every stored counter."""
    with psycopg.Cursor(conn) as cursor:
        rows = cursor.execute(sql.MEASURES).fetchall()
    return [
        Measure(id_, key_of_json(event, as_json(where), sum_property, kind), Horizon(minutes, hours), filling)
        for id_, event, where, sum_property, kind, minutes, hours, filling in rows
    ]


def as_json(value: Any) -> Any:
    """A jsonb value: connections that Django made leave it as text, raw ones parse it."""
    return json.loads(value) if isinstance(value, str | bytes) else value
