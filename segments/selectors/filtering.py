"""Conditions on events for statements of other apps, by the very meaning that they have in rules."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from segments.compile import event_filter
from segments.parsing import parse_where
from segments.sqlvalues import Params


def event_condition(
    event: str, where: Sequence[Mapping[str, Any]], *, now: datetime
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """SQL over a row `e` of the log: whether it is this event and passes the filters; and the values of its
    parameters, `p0` and so on. Raises RuleError."""
    params = Params()
    text = event_filter(event, parse_where({"where": [dict(one) for one in where]}), params, now=now)
    return text, params.values
