"""Shapes of the engagement score. No Django."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

MOST_PARTS = 12
_MOST = 1_000_000


class BadEngagement(ValueError):
    """Weights that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One feature of the score. `weight`: beside the weights of the others. `full`: the value from which on it counts
    whole; below, a value counts ln(1 + value)/ln(1 + full), so the first few matter most. `falls`: less is better (days
    since something), and a value counts 1 - value/full."""

    feature: str
    weight: float
    full: float
    falls: bool = False


# Open to whoever looks: what people did lately, on how many days, and whether messages reach them.
USUAL = (
    Part("active_days_30d", 3, 12),
    Part("events_30d", 2, 100),
    Part("visits_30d", 2, 8),
    Part("orders_90d", 2, 3),
    Part("emails_clicked_90d", 1, 4),
)


@dataclass(frozen=True, slots=True)
class PartScore:
    """What one feature gave: `share` from 0 to 1 of what it can, `points` of the hundred, `most` of them that it can
    give. `value` is None when it is not known; it then gives nothing."""

    feature: str
    title: str
    value: float | None
    share: float
    points: float
    most: float


@dataclass(frozen=True, slots=True)
class EngagementOf:
    """One person's score from 0 to 100 by parts, as of an instant and by a version of the weights."""

    profile_id: int
    score: float
    version: int
    as_of: datetime
    parts: Sequence[PartScore]


@dataclass(frozen=True, slots=True)
class Band:
    """How many people have a score from `least` to 10 above it."""

    least: int
    people: int


@dataclass(frozen=True, slots=True)
class ScoredEngagement:
    """The newest computation. `shares`: what each feature gives on average, of what it can."""

    run_id: int
    as_of: datetime
    version: int
    people: int
    mean: float
    bands: Sequence[Band]
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class EngagementView:
    """The weights in force, who chose them (nobody while they are those shipped), and the newest computation."""

    version: int
    parts: Sequence[Part]
    made_by: str
    made_at: datetime | None
    newest: ScoredEngagement | None


def parts_from(told: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts from their stored form. Raises BadEngagement."""
    if not 1 <= len(told) <= MOST_PARTS:
        raise BadEngagement(f"parts: between one and {MOST_PARTS} features.")
    known = {one.name for one in fields(Part)}
    made = []
    for one in told:
        if set(one) - known or not {"feature", "weight", "full"} <= set(one):
            raise BadEngagement("parts: each has feature, weight and full, and perhaps falls.")
        made.append(Part(str(one["feature"]), float(one["weight"]), float(one["full"]), bool(one.get("falls", False))))
    for part in made:
        if not (math.isfinite(part.weight) and 0 < part.weight <= _MOST):
            raise BadEngagement(f"parts: the weight of {part.feature} is a number above 0, up to {_MOST:,}.")
        if not (math.isfinite(part.full) and 0 < part.full <= _MOST):
            raise BadEngagement(f"parts: {part.feature} counts whole from a number above 0 on, up to {_MOST:,}.")
    names = [one.feature for one in made]
    if len(set(names)) < len(names):
        raise BadEngagement("parts: each feature once.")
    return tuple(made)


def parts_to(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The stored form."""
    return [asdict(one) for one in parts]
