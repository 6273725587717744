"""What separates groups: effect sizes as scipy counts them, and nothing that leads to a person."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f_oneway
from scipy.stats.contingency import association

from insights.clusters.bias import OTHERS, cramers_v, eta_squared, of_trait, report

NAN = float("nan")


@given(counts=st.lists(st.lists(st.integers(1, 50), min_size=3, max_size=3), min_size=2, max_size=5))
def test_cramers_v_is_that_of_scipy(counts: list[list[int]]) -> None:
    table = np.array(counts)
    expected = association(table, method="cramer", correction=False)
    assert cramers_v(table.astype(np.float64))[0] == pytest.approx(float(expected), abs=1e-9)


def test_eta_squared_is_what_an_analysis_of_variance_finds() -> None:
    draw = np.random.default_rng(1)
    groups = np.repeat([0, 1, 2], 40)
    values = draw.normal(size=120) + groups
    f = float(f_oneway(*(values[groups == one] for one in range(3))).statistic)
    assert eta_squared(values, groups) == pytest.approx(f * 2 / (f * 2 + 117))
    assert eta_squared(np.array([NAN, *values]), np.array([0, *groups])) == pytest.approx(f * 2 / (f * 2 + 117))
    assert eta_squared(np.ones(3), np.array([0, 1, 2])) == 0


def test_a_trait_that_decides_the_group_is_told_and_one_that_does_not_is_not() -> None:
    groups = np.repeat([0, 1], 100)
    told = report(
        np.zeros((200, 1)), groups, ["c1", "c2"], ["x"],
        {"sex": ["f"] * 100 + ["m"] * 100, "hand": ["left", "right"] * 100},
    )  # fmt: skip
    sex, hand = told["traits"]
    assert (sex["trait"], sex["cramers_v"], sex["word"]) == ("sex", 1, "large")
    assert (hand["cramers_v"], hand["word"]) == (0, "none worth a word")
    assert [one["by_group"] for one in sex["values"]] == [{"c1": 1, "c2": 0}, {"c1": 0, "c2": 1}]
    assert told["features"] == [{"feature": "x", "eta_squared": 0, "word": "none worth a word"}]


def test_values_of_few_people_are_told_together_and_strangers_are_left_out() -> None:
    groups = np.array([0] * 30 + [1] * 30 + [-1])
    values = [*["a"] * 20, *[f"one-{n}" for n in range(10)], *["a"] * 30, "a"]
    told = of_trait(values, groups, ["c1", "c2"])
    assert [one["value"] for one in told["values"]] == ["a", OTHERS]
    assert told["values"][1]["by_group"] == {"c1": pytest.approx(1 / 3), "c2": 0}
    assert of_trait([None] * 3, np.array([0, 1, 1]), ["c1", "c2"])["cramers_v"] == 0
