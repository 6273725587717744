"""The statistics of experiments, held against scipy and against published numbers."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from campaigns.contracts import Variant
from campaigns.experiments import assigning, statistics
from campaigns.experiments.statistics import Sample

numbers = st.lists(st.floats(-1e3, 1e3).map(lambda value: round(value, 3)), min_size=3, max_size=40)


def sums(values: object, x: object = None, d: object = None) -> Sample:
    y = np.asarray(values, dtype=float)
    before = np.zeros(len(y)) if x is None else np.asarray(x, dtype=float)
    per = np.zeros(len(y)) if d is None else np.asarray(d, dtype=float)
    return Sample(
        len(y), y.sum(), (y * y).sum(), before.sum(), (before * before).sum(), (before * y).sum(), per.sum(),
        (per * per).sum(), (y * per).sum(),
    )  # fmt: skip


@given(numbers, numbers)
def test_the_test_of_a_difference_is_welchs(a: list[float], b: list[float]) -> None:
    found = statistics.compare(statistics.mean_of(sums(a)), statistics.mean_of(sums(b)), alpha=0.05)
    if found is None:
        assert math.isclose(sum(a), 0, abs_tol=1e-9) or (np.ptp(a) == 0 and np.ptp(b) == 0)
        return
    right = stats.ttest_ind(b, a, equal_var=False)
    # Sums of squares lose digits where the spread is tiny beside the mean.
    if min(np.var(a), np.var(b)) > 1e-3:
        assert found.p == pytest.approx(right.pvalue, rel=1e-3, abs=1e-9)
    assert found.low <= found.lift <= found.high


def test_a_ratio_by_the_delta_method_agrees_with_drawing_people_again_and_again() -> None:
    draw = np.random.default_rng(5)
    orders = draw.poisson(3, 4_000) + 1
    revenue = orders * draw.gamma(4, 10, 4_000)
    found = statistics.ratio_of(sums(revenue, d=orders))
    again = []
    for _ in range(600):
        chosen = draw.integers(0, 4_000, 4_000)
        again.append(revenue[chosen].sum() / orders[chosen].sum())
    assert found.mean == pytest.approx(revenue.sum() / orders.sum())
    assert math.sqrt(found.variance / found.n) == pytest.approx(np.std(again), rel=0.12)


def test_what_was_foretold_is_taken_out_and_the_variance_falls_by_the_square_of_the_correlation() -> None:
    draw = np.random.default_rng(6)
    before = draw.normal(10, 3, 20_000)
    after = before + draw.normal(0, 2, 20_000)
    halves = [sums(after[:10_000], before[:10_000]), sums(after[10_000:], before[10_000:])]
    plain, helped = statistics.mean_of(halves[0]), statistics.adjusted(halves)
    correlation = np.corrcoef(before, after)[0, 1]
    assert helped[0].variance / plain.variance == pytest.approx(1 - correlation**2, rel=0.03)
    assert np.mean([one.mean for one in helped]) == pytest.approx(after.mean())


@pytest.mark.parametrize(
    ("people", "asked"),
    [(8_155, (0.05, 0.2, 0.8)), (3_839, (0.10, 0.2, 0.8)), (18_483, (0.02, 0.25, 0.9))],
)
def test_the_people_a_share_needs_are_those_of_the_textbook(people: int, asked: tuple[float, float, float]) -> None:
    base, lift, power = asked
    assert statistics.people_for_shares(base, lift, power=power) == people


@pytest.mark.parametrize(("people", "effect", "power"), [(394, 0.2, 0.8), (64, 0.5, 0.8), (8_407, 0.05, 0.9)])
def test_the_people_a_mean_needs_are_those_of_cohen(people: int, effect: float, power: float) -> None:
    assert statistics.people_for_means(effect, power=power) == people


def test_a_mismatch_of_shares_is_told_and_chance_is_not() -> None:
    assert statistics.mismatch([50_000, 48_500], [1, 1]) < 0.001
    assert statistics.mismatch([50_050, 49_950], [1, 1]) == pytest.approx(
        stats.chisquare([50_050, 49_950]).pvalue
    )  # fmt: skip
    assert statistics.mismatch([900, 100], [9, 1]) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_keep_their_order_and_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    assert statistics.benjamini_hochberg(p) == pytest.approx(list(stats.false_discovery_control(p)))
    held = statistics.holm(p)
    assert all(one >= raw for one, raw in zip(held, p, strict=True))
    order = sorted(range(len(p)), key=p.__getitem__)
    assert [held[place] for place in order] == sorted(held)


def test_looking_twenty_times_finds_nothing_that_is_not_there() -> None:
    """A/A: 500 experiments, 20 looks each. A test for one look would cry out in a quarter of them."""
    draw = np.random.default_rng(7)
    alarms = fixed = 0
    for _ in range(500):
        values = draw.binomial(1, 0.1, (2, 4_000)).astype(float)
        seen = [
            (statistics.mean_of(sums(values[0, :n])), statistics.mean_of(sums(values[1, :n])))
            for n in range(200, 4_001, 200)
        ]
        always = [statistics.compare_always(a, b, alpha=0.05, expected=8_000) for a, b in seen]
        once = [statistics.compare(a, b, alpha=0.05) for a, b in seen]
        alarms += any(one is not None and one.p < 0.05 for one in always)
        fixed += any(one is not None and one.p < 0.05 for one in once)
    assert alarms <= 25
    assert fixed > 75


def test_the_p_of_looking_often_is_below_alpha_exactly_outside_the_sequence() -> None:
    for n in (100, 1_000, 50_000):
        edge = statistics.sequence_factor(n, alpha=0.05, expected=5_000)
        assert statistics._sequence_p(edge, n, alpha=0.05, expected=5_000) == pytest.approx(0.05)


HALVES = (Variant("a", "A", 1.0), Variant("b", "B", 1.0))


def test_shares_of_people_are_those_of_the_weights_and_another_experiment_draws_anew() -> None:
    thirds = (Variant("a", "A", 2.0), Variant("b", "B", 1.0))
    drawn = [assigning.variant_of("one", f"profile:{n}", thirds).key for n in range(30_000)]
    assert stats.chisquare([drawn.count("a"), drawn.count("b")], [20_000, 10_000]).pvalue > 0.001
    other = [assigning.variant_of("two", f"profile:{n}", HALVES).key for n in range(30_000)]
    table = [[sum(x == i and y == j for x, y in zip(drawn, other, strict=True)) for j in "ab"] for i in "ab"]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_letting_more_people_take_part_moves_nobody() -> None:
    units = [f"profile:{n}" for n in random.Random(3).sample(range(10**9), 5_000)]
    few = {unit for unit in units if assigning.takes_part("seed", unit, traffic=10)}
    many = {unit for unit in units if assigning.takes_part("seed", unit, traffic=50)}
    assert few < many
    assert 0.07 < len(few) / 5_000 < 0.13
    # Whether somebody takes part says nothing about which variant they get.
    keys = [assigning.variant_of("seed", unit, HALVES).key for unit in sorted(few)]
    assert 0.4 < keys.count("a") / len(keys) < 0.6


def test_everybody_gets_the_same_answer_for_ever() -> None:
    # A number that was written down: whatever process, machine or version asks.
    assert assigning.share("seed", "variant", "profile:42") == pytest.approx(0.4397864990419368, abs=1e-15)
