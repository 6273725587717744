"""The rule of a segment: a typed tree. Every node can be read, written, compiled, evaluated and explained."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from segments.values import Wanted, Zoned
from segments.windows import Window

MAX_DEPTH = 5
MAX_CONDITIONS = 50
NUMBER_OPS = ("eq", "ne", "lt", "lte", "gt", "gte")
TIME_OPS = ("before", "after", "within_last", "more_than_ago")
STATS = ("avg", "min", "max", "distinct")
PROPERTY_OPS = (*NUMBER_OPS, "in", "contains", "starts_with", "exists", "missing", "before", "after")
TRAIT_OPS = (*PROPERTY_OPS, "within_last", "more_than_ago", "within_next")


class _Typed(ABC):
    """Equality that tells `true` from 1, as JSON does and Python does not: equal nodes share counters and answers."""

    __slots__ = ()
    op: str
    value: Wanted

    @abstractmethod
    def _key(self) -> tuple[object, ...]:
        """What makes two of a kind equal."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, _Typed) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True, slots=True, eq=False)
class PropertyIs(_Typed):
    """A filter on one property of an event."""

    property: str
    op: str
    value: Wanted

    def _key(self) -> tuple[object, ...]:
        return (self.property, self.op, *_typed(self.value))

    def to_json(self) -> dict[str, Any]:
        return {"property": self.property, "is": self.op, **_value_json(self.value)}


Where: TypeAlias = tuple[PropertyIs, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TraitIs(_Typed):
    """A comparison of one trait of the profile."""

    trait: str
    op: str
    value: Wanted

    def _key(self) -> tuple[object, ...]:
        return (self.trait, self.op, *_typed(self.value))

    def to_json(self) -> dict[str, Any]:
        return {"trait": self.trait, "is": self.op, **_value_json(self.value)}


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often an event happened."""

    event: str
    op: str
    value: int
    within: Window | None = None
    where: Where = ()

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, "count": {"is": self.op, "value": self.value}, **_scope_json(self)}


@dataclass(frozen=True, slots=True)
class EventSum:
    """The total of one numeric property over an event."""

    event: str
    property: str
    op: str
    value: float
    within: Window | None = None
    where: Where = ()

    def to_json(self) -> dict[str, Any]:
        total = {"property": self.property, "is": self.op, "value": self.value}
        return {"event": self.event, "sum": total, **_scope_json(self)}


@dataclass(frozen=True, slots=True)
class EventTime:
    """When an event happened first or last."""

    event: str
    which: Literal["first", "last"]
    op: str
    value: str | Window | Zoned
    where: Where = ()

    def to_json(self) -> dict[str, Any]:
        where = {"where": [one.to_json() for one in self.where]} if self.where else {}
        return {"event": self.event, self.which: {"is": self.op, **_value_json(self.value)}, **where}


@dataclass(frozen=True, slots=True)
class Absent:
    """`after` happened, its latest time is longer ago than `lasting`, and `absent` has not happened since."""

    absent: str
    after: str
    lasting: Window

    def to_json(self) -> dict[str, Any]:
        return {"absent": self.absent, "after": self.after, "for": self.lasting.to_json()}


@dataclass(frozen=True, slots=True)
class EventStat:
    """A statistic of one property over an event: of its numbers `avg`, `min`, `max` (nobody without any), or how many
    `distinct` values."""

    event: str
    stat: Literal["avg", "min", "max", "distinct"]
    property: str
    op: str
    value: float
    within: Window | None = None
    where: Where = ()

    def to_json(self) -> dict[str, Any]:
        detail = {"property": self.property, "is": self.op, "value": self.value}
        return {"event": self.event, self.stat: detail, **_scope_json(self)}


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a sequence."""

    event: str
    where: Where = ()

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, **({"where": [one.to_json() for one in self.where]} if self.where else {})}


@dataclass(frozen=True, slots=True)
class Sequence:
    """The steps happened in this order, the first of them `within` the time that looks back from now, the last at most
    `span` after the first, and none of `without` from the first to the last."""

    steps: tuple[Step, ...]
    within: Window
    span: Window | None = None
    without: tuple[Step, ...] = ()

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"sequence": [one.to_json() for one in self.steps], "within": self.within.to_json()}
        if self.span:
            found["span"] = self.span.to_json()
        if self.without:
            found["without"] = [one.to_json() for one in self.without]
        return found


@dataclass(frozen=True, slots=True)
class InSegment:
    """Who is in another segment, by its rule of the same moment."""

    segment: str

    def to_json(self) -> dict[str, Any]:
        return {"segment": self.segment}


@dataclass(frozen=True, slots=True)
class OnList:
    """Who has an identifier on a static list."""

    list: str

    def to_json(self) -> dict[str, Any]:
        return {"list": self.list}


@dataclass(frozen=True, slots=True)
class InBucket:
    """A share of everybody by chance: those whose percentile under `seed`, the same for ever, is in [start, end)."""

    seed: str
    start: int
    end: int

    def to_json(self) -> dict[str, Any]:
        return {"random": self.seed, "from": self.start, "to": self.end}


Leaf: TypeAlias = (
    TraitIs | EventCount | EventSum | EventStat | EventTime | Absent | Sequence | InSegment | OnList | InBucket
)


@dataclass(frozen=True, slots=True)
class All:
    """Every child holds. Without children: everyone."""

    children: "tuple[Node, ...]"

    def to_json(self) -> dict[str, Any]:
        return {"all": [child.to_json() for child in self.children]}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one child holds."""

    children: "tuple[Node, ...]"

    def to_json(self) -> dict[str, Any]:
        return {"any": [child.to_json() for child in self.children]}


@dataclass(frozen=True, slots=True)
class Not:
    """The child does not hold."""

    child: "Node"

    def to_json(self) -> dict[str, Any]:
        return {"not": self.child.to_json()}


Node: TypeAlias = All | AnyOf | Not | Leaf


def leaves(node: Node) -> Iterator[Leaf]:
    """The conditions of a rule in reading order, repeated ones too."""
    match node:
        case All(children) | AnyOf(children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case _:
            yield node


def to_text(node: Node) -> str:
    """The canonical text of a rule: equal rules have equal texts."""
    return json.dumps(node.to_json(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _typed(value: Wanted) -> tuple[object, ...]:
    parts = value if isinstance(value, tuple) else (value,)
    return (isinstance(value, tuple), *((isinstance(part, bool), part) for part in parts))


def _value_json(value: Wanted) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Zoned):
        return {**_value_json(value.value), "zone": value.zone}
    if isinstance(value, Window):
        return {"value": value.to_json()}
    return {"value": list(value) if isinstance(value, tuple) else value}


def _scope_json(node: EventCount | EventSum | EventStat) -> dict[str, Any]:
    scope: dict[str, Any] = {"within": node.within.to_json()} if node.within else {}
    if node.where:
        scope["where"] = [one.to_json() for one in node.where]
    return scope
