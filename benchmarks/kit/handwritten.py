"""The benchmarks' rules as a careful person would write each by hand, in one SQL statement."""

from datetime import datetime, timedelta
from typing import Any

from kit.rules import Rule

_OPS = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<", "eq": "="}


def statement(rule: Rule, *, now: datetime) -> str:
    """`select profile_id` of everybody who meets the rule, with the values written in."""
    if "all" in rule:
        parts = list(rule["all"])
        kept = " intersect ".join(f"({statement(one, now=now)})" for one in parts if "not" not in one)
        left_out = "".join(f" except ({statement(one['not'], now=now)})" for one in parts if "not" in one)
        return f"({kept}){left_out}"
    if "any" in rule:
        return " union ".join(f"({statement(one, now=now)})" for one in rule["any"])
    return _trait(rule) if "trait" in rule else _event(rule, now)


def _trait(rule: Rule) -> str:
    value = rule["value"]
    if isinstance(value, str):
        return f"select id as profile_id from identity_profile where traits ->> '{rule['trait']}' = '{value}'"
    found = f"(traits ->> '{rule['trait']}')::numeric {_OPS[rule['is']]} {value}"
    return f"select id as profile_id from identity_profile where {found}"


def _event(rule: Rule, now: datetime) -> str:
    kind = "count" if "count" in rule else "sum"
    detail: dict[str, Any] = rule[kind]
    total = "count(*)" if kind == "count" else f"sum((e.properties ->> '{detail['property']}')::numeric)"
    since = now - timedelta(**rule["within"])
    filters = "".join(
        f" and e.properties ->> '{one['property']}' = '{one['value']}'" for one in rule.get("where") or ()
    )
    return (
        "select i.profile_id from events_event e join identity_identifier i on i.id = e.identifier_id"
        f" where e.name = '{rule['event']}' and e.occurred_at >= '{since.isoformat()}'{filters}"
        f" group by i.profile_id having {total} {_OPS[detail['is']]} {detail['value']}"
    )
