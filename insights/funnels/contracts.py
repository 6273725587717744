"""What a funnel and a path are. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

OPERATORS = {
    "eq": "is", "ne": "is not", "contains": "contains", "gt": "is above", "lt": "is below", "set": "is there",
}  # fmt: skip
ORDERS = {"loose": "in this order, others between", "strict": "in this order, nothing between"}
FUNNEL_BREAKDOWNS = {
    "": "nothing",
    "segment": "segment",
    "source": "source",
    "property": "a property of the first step",
}
DIRECTIONS = {"after": "after", "before": "before"}
MOST_STEPS = 8
MOST_LEVELS = 5
_LONGEST = 400 * 86_400


class BadFunnel(ValueError):
    """A funnel or a path that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a property of an event must be. `gt` and `lt` are of numbers, the others of texts as they were sent."""

    property: str
    op: str = "eq"
    value: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: an event of this name that meets all conditions."""

    event: str
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class FunnelSpec:
    """Steps that one person takes within `within_seconds` of the first.

    `order`: loose lets other events stand between, strict does not (identify calls and the like never count).
    `segment`: of whoever is in it now; 0 for everybody.
    """

    steps: tuple[Step, ...]
    within_seconds: int = 7 * 86_400
    order: str = "loose"
    by: str = ""
    property: str = ""
    segment: int = 0

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "FunnelSpec":
        """The funnel from its JSON form. Raises BadFunnel."""
        known = {"steps", "within_seconds", "order", "by", "property", "segment"}
        if unknown := sorted(set(told) - known):
            raise BadFunnel(f"{unknown[0]}: there is no such field. Known: {', '.join(sorted(known))}.")
        found = cls(**{**told, "steps": tuple(step_of(one) for one in told.get("steps", ()))})
        found._check()
        return found

    def _check(self) -> None:
        if not 2 <= len(self.steps) <= MOST_STEPS:
            raise BadFunnel(f"steps: give 2 to {MOST_STEPS} of them.")
        _check_span(self.within_seconds)
        if self.order not in ORDERS:
            raise BadFunnel(f"order: choose one of {', '.join(ORDERS)}.")
        if self.by not in FUNNEL_BREAKDOWNS:
            raise BadFunnel(f"by: choose one of {', '.join(one for one in FUNNEL_BREAKDOWNS if one)}.")
        if self.by == "property" and not self.property:
            raise BadFunnel("property: name the property of the first step.")

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return asdict(self)


def step_of(told: Mapping[str, Any]) -> Step:
    """One step from its JSON form. Raises BadFunnel."""
    where = tuple(Condition(**one) for one in told.get("where", ()))
    if not told.get("event"):
        raise BadFunnel("steps: each step names an event.")
    for one in where:
        if one.op not in OPERATORS:
            raise BadFunnel(f"steps: compare by one of {', '.join(OPERATORS)}.")
        if not one.property:
            raise BadFunnel("steps: each condition names a property.")
        if one.op in ("gt", "lt") and not _is_number(one.value):
            raise BadFunnel(f"steps: {one.property} is held against a number; give one.")
    return Step(told["event"], where)


def _is_number(told: str) -> bool:
    try:
        return abs(float(told)) < 1e300
    except ValueError:
        return False


def _check_span(seconds: int) -> None:
    if not 1 <= seconds <= _LONGEST:
        raise BadFunnel(f"within_seconds: between 1 and {_LONGEST}.")


@dataclass(frozen=True, slots=True)
class PathSpec:
    """What people do after or before an event, so many events far and within so many seconds of it. The `top` most
    frequent events of each place are told by name, the rest together."""

    event: str
    direction: str = "after"
    levels: int = 3
    top: int = 5
    within_seconds: int = 1800
    segment: int = 0

    def check(self) -> None:
        """Raises BadFunnel."""
        if not self.event:
            raise BadFunnel("event: name an event.")
        if self.direction not in DIRECTIONS:
            raise BadFunnel("direction: after or before.")
        if not 1 <= self.levels <= MOST_LEVELS:
            raise BadFunnel(f"levels: between 1 and {MOST_LEVELS}.")
        if not 1 <= self.top <= 20:
            raise BadFunnel("top: between 1 and 20.")
        _check_span(self.within_seconds)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How many people came this far, the shares of those of the first step and of the one before, and the median time
    since the one before, in seconds."""

    people: int
    of_first: float
    of_previous: float
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class FunnelGroup:
    """The same of one value of the breakdown."""

    name: str
    steps: Sequence[StepResult]


@dataclass(frozen=True, slots=True)
class FunnelResult:
    """A funnel of a period: step by step, from the first to the last, and by breakdown."""

    steps: Sequence[StepResult]
    groups: Sequence[FunnelGroup]
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class PathLink:
    """How often one event was followed (or preceded) by another; `level` counts from 1."""

    level: int
    here: str
    there: str
    count: int


@dataclass(frozen=True, slots=True)
class PathResult:
    """Where ways lead: `total` occurrences of the event, and what came at each place."""

    total: int
    links: Sequence[PathLink]


@dataclass(frozen=True, slots=True)
class FunnelView:
    """A funnel that somebody kept."""

    id: int
    name: str
    spec: FunnelSpec
    made_by: str
    made_at: datetime
