"""Conditions on facts that somebody holds already, read and answered as rules are. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from segments.evaluate import leaf_holds
from segments.parsing import Problem, RuleError, parse_rule, parse_where
from segments.rules import Node, TraitIs, Where
from segments.values import matches


def check_trait(condition: Any) -> None:
    """Raises RuleError for what is no comparison such as `{"trait": "plan", "is": "eq", "value": "pro"}`."""
    if not isinstance(parse_rule(condition), TraitIs):
        raise RuleError(Problem("", "Give a comparison of a trait."))


def trait_holds(condition: Mapping[str, Any], traits: Mapping[str, Any], *, now: datetime) -> bool:
    """Whether these traits meet a comparison that `check_trait` lets pass."""
    node = _node(orjson.dumps(condition))
    return isinstance(node, TraitIs) and leaf_holds(node, traits.get(node.trait), now=now)


def check_filters(filters: Sequence[Mapping[str, Any]]) -> None:
    """Raises RuleError for what is no list of filters on properties (`where` of a rule)."""
    parse_where({"where": list(filters)})


def filters_hold(filters: Sequence[Mapping[str, Any]], properties: Mapping[str, Any]) -> bool:
    """Whether the properties of an event meet all filters that `check_filters` lets pass."""
    if not filters:
        return True
    return all(matches(one.op, one.value, properties.get(one.property)) for one in _where(orjson.dumps(filters)))


@lru_cache(maxsize=4_096)
def _node(text: bytes) -> Node:
    return parse_rule(orjson.loads(text))


@lru_cache(maxsize=4_096)
def _where(text: bytes) -> Where:
    return parse_where({"where": orjson.loads(text)})
