"""Trying a rule out: how many it would take now, which of its conditions decides, and whom a channel could reach."""

import json
from datetime import datetime
from typing import Any

import psycopg
from django.db import OperationalError, transaction

from common import pg
from segments.compile import SAMPLE, compile_preview, top_conditions
from segments.contracts import ConditionCount, Preview
from segments.hierarchy import expanded
from segments.parsing import parse_rule
from segments.rules import Node
from segments.services.memory import load_rules
from segments.services.publishing import expect_lists
from segments.wording import describe


class PreviewTooSlow(RuntimeError):
    """The rule could not be counted in the time given."""


def preview(*, rule: Any, now: datetime, sample: int = 10, timeout_ms: int = 10_000) -> Preview:
    """How many profiles the rule takes now, counted exactly, and some of them; nothing is stored.

    When that takes longer than `timeout_ms`, one profile in `SAMPLE` is looked at and the numbers are estimates.

    Raises `RuleError`, or `PreviewTooSlow` when even that takes longer.
    """
    node = rule if isinstance(rule, Node) else parse_rule(rule)
    expect_lists(node)
    found = _count(node, now, sample, timeout_ms, sampled=False) or _count(node, now, sample, timeout_ms, sampled=True)
    if found is None:
        raise PreviewTooSlow("Counting took too long. Narrow the rule, or publish it and look at its size.")
    return found


def _count(node: Node, now: datetime, sample: int, timeout_ms: int, *, sampled: bool) -> Preview | None:
    statement = compile_preview(expanded(node, load_rules(pg.raw())), now=now, sampled=sampled)
    try:
        with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(timeout_ms)])
            row = cursor.execute(statement.text, {**statement.params, "sample": sample}).fetchone()
            cursor.execute("select set_config('statement_timeout', '0', true)")
    except (OperationalError, psycopg.errors.QueryCanceled):
        return None
    count, parts, some, reach = row or (0, [], [], None)
    times = SAMPLE if sampled else 1
    return Preview(
        count=count * times,
        sample=tuple(some or ()),
        conditions=tuple(
            ConditionCount(describe(child), n * times) for child, n in zip(top_conditions(node), parts, strict=True)
        ),
        reach={kind: n * times for kind, n in sorted(json.loads(reach or "{}").items())},
        estimated=sampled,
    )
