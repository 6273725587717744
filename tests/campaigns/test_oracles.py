"""The statistics of experiments beside those of statsmodels and scipy: the same numbers from sums as from values."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from campaigns.experiments import statistics
from tests.campaigns.test_statistics import sums

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize("seed", range(20))
def test_the_test_and_the_interval_of_a_difference_are_those_of_statsmodels(seed: int) -> None:
    draw = np.random.default_rng(seed)
    control, other = draw.gamma(2, 5, 60 + seed), draw.gamma(2, 5.5, 80)
    both = CompareMeans(DescrStatsW(other), DescrStatsW(control))
    _, p, _ = both.ttest_ind(usevar="unequal")
    one, two = statistics.mean_of(sums(control)), statistics.mean_of(sums(other))
    found = statistics.compare(one, two, alpha=0.05)
    assert found is not None
    assert found.p == pytest.approx(p, rel=1e-9)
    assert found.lift == pytest.approx(other.mean() / control.mean() - 1, rel=1e-9)
    # The delta method of the relation, with Welch's degrees of freedom.
    freedom = stats.ttest_ind(other, control, equal_var=False).df
    v1, v2 = control.var(ddof=1) / len(control), other.var(ddof=1) / len(other)
    error = np.sqrt(v1 * other.mean() ** 2 / control.mean() ** 4 + v2 / control.mean() ** 2)
    half = stats.t(freedom).ppf(0.975) * error
    assert (found.low, found.high) == (pytest.approx(found.lift - half), pytest.approx(found.lift + half))
    gap = (other.mean() - control.mean()) / np.sqrt(v1 + v2)
    assert found.chance_to_win == pytest.approx(stats.norm.cdf(gap), rel=1e-9)


@settings(max_examples=25)
@given(PROBABILITIES)
def test_several_comparisons_are_adjusted_as_statsmodels_does(p: Sequence[float]) -> None:
    assert statistics.holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    assert statistics.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)


@pytest.mark.parametrize(("effect", "power"), [(0.2, 0.8), (0.5, 0.8), (0.1, 0.9)])
def test_the_people_a_mean_needs_are_those_of_statsmodels(effect: float, power: float) -> None:
    needed = TTestIndPower().solve_power(effect_size=effect, alpha=0.05, power=power)
    assert statistics.people_for_means(effect, power=power) == int(np.ceil(needed))


@given(st.lists(st.integers(1, 5_000), min_size=2, max_size=6))
def test_a_mismatch_is_scipys_chi_square(counts: list[int]) -> None:
    assert statistics.mismatch(counts, [1.0] * len(counts)) == pytest.approx(stats.chisquare(counts).pvalue, abs=1e-12)
