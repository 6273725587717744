"""What a condition says of one JSON value, as SQL over a `jsonb` expression. `values.py` says the same in Python.

Values are always bound parameters; only generated names and the expressions of this module enter the text. Every
fragment is true, false or null, and null counts as false where the fragment is used.
"""

import json
from datetime import datetime
from typing import Any

from segments.values import Scalar, Wanted, number, unzoned
from segments.windows import Window, minute_of, moment_of

_ORDER = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "ne": "<>"}


class Params:
    """Names and values of the parameters of one statement."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def bind(self, value: Any, cast: str) -> str:
        """A placeholder for the value, typed."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{cast}"


def equals(value: str, wanted: Scalar, params: Params) -> str:
    """`values.equals`."""
    if isinstance(wanted, bool):
        return f"({value} = {params.bind(json.dumps(wanted), 'jsonb')})"
    if not isinstance(wanted, str):
        return f"(segments_number({value}) = {params.bind(float(wanted), 'float8')})"
    parts = [f"{value} = {params.bind(json.dumps(wanted, ensure_ascii=False), 'jsonb')}"]
    sought = number(wanted)
    if sought is not None:
        parts.append(
            f"(jsonb_typeof({value}) = 'number' and segments_number({value}) = {params.bind(sought, 'float8')})"
        )
    if wanted in ("true", "false"):
        parts.append(f"{value} = {params.bind(wanted, 'jsonb')}")
    return f"({' or '.join(parts)})"


def matches(op: str, wanted: Wanted, value: str, params: Params, *, now: datetime) -> str:
    """`values.matches_at`: whether the value, an SQL expression of type jsonb, meets the condition."""
    present = f"({value} is not null and {value} <> 'null'::jsonb)"
    if op in ("exists", "missing"):
        return present if op == "exists" else f"not {present}"
    if op in ("is_amount", "is_value"):
        return f"(abs(segments_number({value})) <= 1e10)" if op == "is_amount" else f"({value_hash(value)} is not null)"
    asked, zone = unzoned(wanted)
    if isinstance(asked, Window):
        return _relative(op, asked, _instant(value, zone, params), params, now)
    if isinstance(asked, tuple):
        return f"({' or '.join(equals(value, one, params) for one in asked)})"
    if op in ("eq", "ne") and asked is not None:
        same = f"coalesce({equals(value, asked, params)}, false)"
        return f"({present} and {same})" if op == "eq" else f"({present} and not {same})"
    if op in ("before", "after"):
        sign = "<" if op == "before" else ">="
        bound = params.bind(json.dumps(asked), "jsonb")
        return f"({_instant(value, zone, params)} {sign} {_instant(bound, zone, params)})"
    return _text_or_order(op, asked, value, params)


def _text_or_order(op: str, wanted: Any, value: str, params: Params) -> str:
    if op == "starts_with":
        text = params.bind(wanted, "text")
        return f"(jsonb_typeof({value}) = 'string' and starts_with({value} #>> '{{}}', {text}))"
    if op == "contains":
        inner = equals("element", wanted, params)
        found = f"exists(select 1 from jsonb_array_elements({value}) as element where {inner})"
        text = f"strpos({value} #>> '{{}}', {params.bind(wanted, 'text')}) > 0" if isinstance(wanted, str) else "false"
        return f"(case jsonb_typeof({value}) when 'array' then {found} when 'string' then {text} else false end)"
    return f"(segments_number({value}) {_ORDER[op]} {params.bind(float(wanted), 'float8')})"


def _instant(value: str, zone: str, params: Params) -> str:
    """`values.instant`."""
    return f"segments_instant({value}, {params.bind(zone, 'text')})" if zone else f"segments_instant({value})"


def _relative(op: str, window: Window, found: str, params: Params, now: datetime) -> str:
    since = params.bind(moment_of(window.since(minute_of(now))), "timestamptz")
    if op == "more_than_ago":
        return f"({found} < {since})"
    bucket = minute_of(now) // window.step * window.step
    if op == "within_next":
        begins, ends = (
            params.bind(moment_of(one), "timestamptz") for one in (bucket, bucket + window.minutes + window.step)
        )
        return f"({found} >= {begins} and {found} < {ends})"
    until = params.bind(moment_of(bucket + window.step), "timestamptz")
    return f"({found} >= {since} and {found} < {until})"


def value_hash(value: str) -> str:
    """`values.value_hash`."""
    return f"segments_value_hash({value})"


def percentile(seed: str, profile: str, params: Params) -> str:
    """`values.percentile`."""
    digest = f"md5({params.bind(seed, 'text')} || ':' || {profile})"
    return f"((('x' || substr({digest}, 1, 8))::bit(32)::bigint * 100) >> 32)"


def compare(op: str, left: str, wanted: int, params: Params, *, times: str = "") -> str:
    """`values.compare` with a whole number, perhaps `times` an expression."""
    return f"({left} {_ORDER[op]} {params.bind(wanted, 'bigint')}{f' * {times}' if times else ''})"
