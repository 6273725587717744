"""Whether the statistics of experiments are as honest as they say: simulated experiments without any difference, by
each method, and with faults that are planted.

`python benchmarks/experiments.py [--runs 1000]`. No server is needed: the functions that judge are called as they are.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.report import Report

from campaigns.experiments import statistics
from campaigns.experiments.judging import MISMATCH
from campaigns.experiments.statistics import Sample

ALPHA, PEOPLE, LOOKS = 0.05, 1_000, 20
Values = NDArray[np.float64]


def sample(y: Values, x: Values | None = None, d: Values | None = None) -> Sample:
    """The sums of a variant."""
    x = np.zeros(len(y)) if x is None else x
    d = np.zeros(len(y)) if d is None else d
    pairs = (y, y * y, x, x * x, x * y, d, d * d, y * d)
    return Sample(len(y), *(float(one.sum()) for one in pairs))


def skewed(draw: Generator, n: int) -> Values:
    """What people spend: most nothing, few a lot."""
    return (draw.random(n) < 0.3) * draw.lognormal(3, 1, n)


def by_method(draw: Generator) -> dict[str, float]:
    """p of one experiment without a difference, by each method that is fixed to one look."""
    pair = [PEOPLE, PEOPLE]
    shares = [sample((draw.random(n) < 0.1).astype(float)) for n in pair]
    spent = [skewed(draw, n) for n in pair]
    edge = float(np.percentile(np.concatenate(spent)[np.concatenate(spent) > 0], 99))
    orders = [draw.poisson(2, n) + 1.0 for n in pair]
    habits = [draw.gamma(2, 10, n) for n in pair]
    baskets = [sample(count * (habit + draw.normal(0, 3, n)), d=count)
               for count, habit, n in zip(orders, habits, pair, strict=True)]  # fmt: skip
    before = [draw.gamma(2, 10, n) for n in pair]
    after = [sample(one + draw.normal(0, 5, len(one)), x=one) for one in before]
    found = {
        "share": [statistics.mean_of(one) for one in shares],
        "mean": [statistics.mean_of(sample(one)) for one in spent],
        "mean, capped": [statistics.mean_of(sample(np.minimum(one, edge))) for one in spent],
        "ratio (delta method)": [statistics.ratio_of(one) for one in baskets],
        "CUPED": statistics.adjusted(after),
    }
    return {name: p_of(*two) for name, two in found.items()}


def p_of(control: statistics.Estimate, other: statistics.Estimate) -> float:
    """p at one look."""
    interval = statistics.compare(control, other, alpha=ALPHA)
    return 1.0 if interval is None else interval.p


def any_look(draw: Generator) -> tuple[bool, bool]:
    """Whether the confidence sequence, and the test for one look, cry out at any of the looks."""
    values = [skewed(draw, PEOPLE) for _ in range(2)]
    cried = [False, False]
    for n in np.linspace(PEOPLE / LOOKS, PEOPLE, LOOKS).astype(int):
        two = [statistics.mean_of(sample(one[:n])) for one in values]
        always = statistics.compare_always(*two, alpha=ALPHA, expected=2 * PEOPLE)
        cried[0] |= always is not None and always.p < ALPHA
        cried[1] |= p_of(*two) < ALPHA
    return cried[0], cried[1]


def several(draw: Generator) -> tuple[bool, bool, bool]:
    """Nine comparisons without a difference: any alarm unadjusted, by Holm, by Benjamini and Hochberg."""
    p = [p_of(*(statistics.mean_of(sample(draw.normal(10, 3, 300))) for _ in range(2))) for _ in range(9)]
    adjusted = (p, statistics.holm(p), statistics.benjamini_hochberg(p))
    plain, holm, hochberg = (min(one) < ALPHA for one in adjusted)
    return plain, holm, hochberg


def chance(draw: Generator) -> bool:
    """Whether the chance to be better is above 97.5 or below 2.5 % without a difference."""
    found = statistics.compare(*(statistics.mean_of(sample(draw.normal(10, 3, 500))) for _ in range(2)), alpha=ALPHA)
    return found is not None and not 0.025 < found.chance_to_win < 0.975


def main() -> int:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    runs = parser.parse_args().runs
    report, draw = Report("experiments"), np.random.default_rng(20)
    room = 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5
    found = [by_method(draw) for _ in range(runs)]
    for name in found[0]:
        false = sum(one[name] < ALPHA for one in found) / runs
        report.row(f"false alarms, one look, {name}", false, "share", reference="nominal 0.05", ratio=false / ALPHA,
                   most=ALPHA + room)  # fmt: skip
    looks = [any_look(draw) for _ in range(runs)]
    fixed = sum(one[1] for one in looks) / runs
    always = sum(one[0] for one in looks) / runs
    report.row(f"false alarms at any of {LOOKS} looks, confidence sequence", always, "share",
               reference="the test for one look, same data", ratio=always / fixed, most=ALPHA)  # fmt: skip
    report.row(f"false alarms at any of {LOOKS} looks, test for one look", fixed, "share", reference="nominal 0.05",
               ratio=fixed / ALPHA)  # fmt: skip
    many = [several(draw) for _ in range(runs)]
    for place, name in enumerate(("unadjusted", "Holm", "Benjamini-Hochberg")):
        false = sum(one[place] for one in many) / runs
        report.row(f"any false alarm in nine comparisons, {name}", false, "share", reference="nominal 0.05",
                   ratio=false / ALPHA, most=ALPHA + room if place else None)  # fmt: skip
    sure = sum(chance(draw) for _ in range(runs)) / runs
    report.row("chance to be better beyond 2.5 and 97.5 %", sure, "share", reference="nominal 0.05", ratio=sure / ALPHA,
               most=ALPHA + room)  # fmt: skip
    came = draw.binomial(100_000, 0.5, runs)
    alarms = sum(statistics.mismatch([int(n), 100_000 - int(n)], [1, 1]) < MISMATCH for n in came)
    report.row("mismatch alarms, none planted", alarms / runs, "share", reference="nominal 0.001",
               most=MISMATCH + 3 * (MISMATCH / runs) ** 0.5)  # fmt: skip
    # One in twenty of those who should see the second variant do not arrive.
    lost = [(int(n), int(draw.binomial(100_000 - int(n), 19 / 20))) for n in came]
    told = sum(statistics.mismatch(two, [1, 1]) < MISMATCH for two in lost)
    report.row("mismatch alarms, one in twenty lost", told / runs, "share", reference="all were planted", least=0.99)
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
