"""What PostgreSQL, DuckDB and Spark say differently, and values that are bound to a statement. Pure.

A feature's expression is SQL that all three read, with words in braces for the rest: `{day max(moment)}`. Over the
tables of PostgreSQL `moment` is an instant; over the Parquet log it is microseconds since 1970, so no zone of a session
plays a part.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common import clock
from insights.features.sentiment import LONGEST, MOST_TEXTS


@dataclass(frozen=True, slots=True)
class Dialect:
    """One engine. `words` stand in expressions: `{x}` is what follows the word, `{zone}` and `{today}` are bound."""

    name: str
    place: str
    types: Mapping[str, str]
    materialized: str
    words: Mapping[str, str]

    def quoted(self, name: str) -> str:
        """A column's name."""
        doubled = name.replace('"', '""')
        return f'"{doubled.replace("%", "%%") if self.name == "postgres" else doubled}"'


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with the values of its parameters."""

    text: str
    params: dict[str, Any]


class Binder:
    """Names and values of the parameters of one statement."""

    def __init__(self, dialect: "Dialect | None" = None) -> None:
        self.dialect = dialect or POSTGRES
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[str, str], str] = {}

    def bind(self, value: Any, cast: str) -> str:
        """A placeholder for the value, typed; equal values of one type share one."""
        name = self._names.setdefault((cast, repr(value)), f"f{len(self.values)}")
        as_micros = isinstance(value, datetime) and self.dialect.name != "postgres"
        self.values[name] = clock.micros(value) if as_micros else value
        return self.dialect.place.format(name=name, type=self.dialect.types.get(cast, cast))

    def among(self, column: str, values: Collection[Any], cast: str) -> str:
        """Whether a column has one of these values."""
        if self.dialect.name == "postgres":
            return f"{column} = any({self.bind(list(values), f'{cast}[]')})"
        return f"{column} in ({', '.join(self.bind(one, cast) for one in values)})" if values else "false"


_ORDER = "order by moment desc, message_id desc"

POSTGRES = Dialect(
    name="postgres",
    place="%({name})s::{type}",
    types={},
    materialized="materialized ",
    words={
        "real": "({x})::float8",
        "local": "({x} at time zone {zone})",
        "day": "({x} at time zone {zone})::date",
        "ago": "({today} - ({x} at time zone {zone})::date)",
        "weekday": "extract(isodow from ({x} at time zone {zone}))",
        "seconds": "extract(epoch from {x})",
        "half_hour": "interval '30 minutes'",
        "usual": "mode() within group (order by {x})",
        "latest": f"(array_agg({{x}} {_ORDER}) filter (where {{x}} is not null))[1]",
        "texts": f"(array_agg(left({{x}}, {LONGEST}) {_ORDER}) filter (where {{x}} is not null))[1:{MOST_TEXTS}]",
        "text": f"(array_agg(left({{x}}, {LONGEST}) {_ORDER}) filter (where {{x}} is not null))[1:1]",
    },
)
_DUCK_LOCAL = "timezone({zone}, make_timestamptz({x}))"
DUCKDB = Dialect(
    name="duckdb",
    place="cast(${name} as {type})",
    types={"timestamptz": "bigint", "float8": "double"},
    materialized="materialized ",
    words={
        "real": "cast({x} as double)",
        "local": _DUCK_LOCAL,
        "day": f"cast({_DUCK_LOCAL} as date)",
        "ago": f"({{today}} - cast({_DUCK_LOCAL} as date))",
        "weekday": f"extract(isodow from {_DUCK_LOCAL})",
        "seconds": "(({x}) / 1e6)",
        "half_hour": "1800000000",
        "usual": "mode({x} order by {x})",
        "latest": "arg_max({x}, (moment, message_id)) filter (where {x} is not null)",
        "texts": f"(list(left({{x}}, {LONGEST}) {_ORDER}) filter (where {{x}} is not null))[1:{MOST_TEXTS}]",
        "text": f"(list(left({{x}}, {LONGEST}) {_ORDER}) filter (where {{x}} is not null))[1:1]",
        "each": "unnest(cast(cast({x} as json) as varchar[][]))",
        "product": "item[1]",
        "category": "item[2]",
    },
)
_SPARK_LOCAL = "from_utc_timestamp(timestamp_micros({x}), {zone})"
_SPARK_TEXTS = (
    "slice(transform(sort_array(collect_list(struct(moment, message_id, {{x}} as one)) filter (where {{x}} is not"
    f" null), false), told -> left(told.one, {LONGEST})), 1, {{most}})"
)
SPARK = Dialect(
    name="spark",
    place="cast(:{name} as {type})",
    types={"timestamptz": "bigint", "float8": "double", "text": "string"},
    materialized="",
    words={
        "real": "cast({x} as double)",
        "local": _SPARK_LOCAL,
        "day": f"cast({_SPARK_LOCAL} as date)",
        "ago": f"datediff({{today}}, cast({_SPARK_LOCAL} as date))",
        "weekday": f"extract(dayofweek_iso from {_SPARK_LOCAL})",
        "seconds": "(({x}) / 1e6)",
        "half_hour": "1800000000L",
        "usual": "mode() within group (order by {x})",
        "latest": "max_by({x}, struct(moment, message_id)) filter (where {x} is not null)",
        "texts": _SPARK_TEXTS.format(most=MOST_TEXTS),
        "text": _SPARK_TEXTS.format(most=1),
        "each": "explode(from_json({x}, 'array<array<string>>'))",
        "product": "get(item, 0)",
        "category": "get(item, 1)",
    },
)
