"""Thompson sampling with Bernoulli rewards, by bucket of context. Pure.

Each arm of each bucket has a Beta posterior over its share of rewards, from the flat prior Beta(1, 1): after `r`
rewards in `n` times it is Beta(1 + r, 1 + n - r). To decide, one number is drawn from each posterior, and the arm with
the largest is shown (Thompson 1933; Chapelle, Li, "An Empirical Evaluation of Thompson Sampling", NIPS 2011, algorithm
2). A share `explore` of people gets any arm with equal chance, so that no arm is ever given up. Where things change,
what was seen counts half as much after each half-life: both counts are discounted (Raj, Kalyani, "Taming Non-stationary
Bandits: A Bayesian Approach", 2017).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import numpy as np

OTHER = "other"
Posterior = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that the best arm may depend on: a `trait`, or a key of the request's `context`. Values that are not
    named count as `other`, so that there are as many buckets as one has planned for."""

    key: str
    of: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How often an arm was shown in an hour and a bucket, and how often that was rewarded."""

    hour: datetime
    bucket: str
    arm: str
    shown: int
    rewarded: int


@dataclass(frozen=True, slots=True)
class ArmReport:
    """What is known of an arm in a bucket: its share of rewards with an interval of 95 %, and how surely it is the
    best. `a` and `b` are of the posterior, discounted where there is a half-life; `shown` and `rewarded` are not."""

    bucket: str
    arm: str
    shown: int
    rewarded: int
    a: float
    b: float
    mean: float
    low: float
    high: float
    best: float


@dataclass(frozen=True, slots=True)
class Regret:
    """Rewards that were missed because not everybody got the best arm of their bucket: the median and an interval of
    95 % under the posterior. `uniform` is what showing all arms equally often would have missed."""

    missed: float
    low: float
    high: float
    shown: int
    uniform: float


def bucket_of(dimensions: Sequence[Dimension], *, traits: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """The bucket's name, such as `device=mobile, tier=other`; empty where nothing is asked."""
    parts = []
    for one in dimensions:
        value = (traits if one.of == "trait" else context).get(one.key)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append(f"{one.key}={text if text in one.values else OTHER}")
    return ", ".join(parts)


def choose(arms: Sequence[str], learned: Mapping[str, Sequence[float]], *, explore: float, draw: Random) -> str:
    """The arm for one person. Arms that nothing is known of have the flat prior."""
    if draw.random() < explore:
        return draw.choice(arms)
    return max(arms, key=lambda arm: draw.betavariate(*learned.get(arm, (1.0, 1.0))))


def posterior(counts: Sequence[Count], *, now: datetime, half_life_hours: float) -> dict[str, dict[str, list[float]]]:
    """The two parameters of each arm's Beta by bucket. A half-life of 0 forgets nothing."""
    found: dict[str, dict[str, list[float]]] = {}
    for one in counts:
        age = max(0.0, (now - one.hour).total_seconds() / 3600)
        weight = 0.5 ** (age / half_life_hours) if half_life_hours else 1.0
        pair = found.setdefault(one.bucket, {}).setdefault(one.arm, [1.0, 1.0])
        pair[0] += weight * one.rewarded
        pair[1] += weight * (one.shown - one.rewarded)
    return found


def report(
    arms: Sequence[str], counts: Sequence[Count], learned: Posterior, *, draws: int = 4_000, seed: int = 0
) -> tuple[list[ArmReport], Regret]:
    """Each arm in each bucket, and the regret, by drawing from the posteriors."""
    rng = np.random.default_rng(seed)
    rows: list[ArmReport] = []
    missed, uniform, total = np.zeros(draws), np.zeros(draws), 0
    for bucket in sorted(learned):
        pairs = [learned[bucket].get(arm, (1.0, 1.0)) for arm in arms]
        drawn = np.stack([rng.beta(a, b, draws) for a, b in pairs])
        best = np.bincount(drawn.argmax(axis=0), minlength=len(arms)) / draws
        here = [one for one in counts if one.bucket == bucket]
        shown = np.array([sum(one.shown for one in here if one.arm == arm) for arm in arms])
        rewarded = [sum(one.rewarded for one in here if one.arm == arm) for arm in arms]
        gaps = drawn.max(axis=0) - drawn
        missed += shown @ gaps
        uniform += shown.sum() * gaps.mean(axis=0)
        total += int(shown.sum())
        for place, arm in enumerate(arms):
            low, high = np.quantile(drawn[place], [0.025, 0.975])
            a, b = pairs[place]
            rows.append(ArmReport(
                bucket, arm, int(shown[place]), rewarded[place], a, b, a / (a + b), float(low), float(high),
                float(best[place]),
            ))  # fmt: skip
    low, middle, high = np.quantile(missed, [0.025, 0.5, 0.975])
    return rows, Regret(float(middle), float(low), float(high), total, float(np.median(uniform)))
