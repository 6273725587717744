"""Cleaning of features: learned from training rows alone, the same for whoever comes later, kept as plain JSON."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import KNNImputer

from insights.clusters.scaling import Scaling, learn
from insights.features.cleaning import BadCleaning, Cleaner, CleaningRule, fit

NAN = float("nan")
_NUMBERS = st.one_of(st.just(NAN), st.floats(-1e6, 1e6))
_TABLES = st.lists(st.tuples(_NUMBERS, _NUMBERS, _NUMBERS), min_size=1, max_size=30)
_RULES = st.builds(
    CleaningRule, impute=st.sampled_from(("leave", "constant", "median", "mode", "knn")), constant=st.floats(-9, 9),
    outliers=st.sampled_from(("none", "winsor", "iqr")),
    scale=st.sampled_from(("none", "zscore", "minmax", "log", "log_zscore")),
)  # fmt: skip


def column(*values: float) -> Any:
    return np.array(values, dtype=np.float64)[:, None]


def one(rule: CleaningRule, *train: float) -> Cleaner:
    return fit(column(*train), features=("x",), rules={"x": rule})


@given(train=_TABLES, later=_TABLES, rules=st.tuples(_RULES, _RULES, _RULES))
def test_what_was_learned_is_plain_json_and_later_rows_change_nothing_of_it(
    train: list[Any], later: list[Any], rules: tuple[CleaningRule, ...]
) -> None:
    names = ("a", "b", "c")
    cleaner = fit(np.array(train), features=names, rules=dict(zip(names, rules, strict=True)))
    told = json.loads(json.dumps(cleaner.to_json(), allow_nan=False))
    again = Cleaner.from_json(told)
    assert json.dumps(again.to_json()) == json.dumps(told)
    both = again.apply(np.array(train + later))
    alone = [cleaner.apply(np.array([row])).rows[0] for row in later]
    np.testing.assert_allclose(both.rows[len(train) :], np.array(alone).reshape(-1, 3), rtol=1e-6, atol=1e-6)
    known = ~np.isnan(both.rows)
    assert (known | np.array([rule.impute == "leave" for rule in rules])).all()


def test_what_is_not_known_is_filled_as_the_rule_says() -> None:
    train = (1, 1, 4, 10, NAN)
    for impute, expected in (("median", 2.5), ("mode", 1), ("constant", 7)):
        found = one(CleaningRule(impute=impute, constant=7), *train).apply(column(NAN, 3))
        assert found.rows.ravel().tolist() == [expected, 3]
        assert found.shares(("x",)) == {"x": {"imputed": 0.5, "anomalies": 0}}
    left = one(CleaningRule(impute="leave"), *train).apply(column(NAN))
    assert np.isnan(left.rows[0, 0])
    assert not left.imputed.any()


def test_groups_have_their_own_median_and_strangers_that_of_all() -> None:
    rule = {"x": CleaningRule(impute="group")}
    cleaner = fit(column(1, 3, 10, NAN), features=("x",), rules=rule, groups=["a", "a", "b", "c"])
    assert cleaner.apply(column(NAN, NAN, NAN, NAN, NAN), ["a", "b", "c", "new", None]).rows.ravel().tolist() == [
        2, 10, 3, 3, 3,
    ]  # fmt: skip
    with pytest.raises(BadCleaning, match="^groups: "):
        fit(column(1), features=("x",), rules=rule)


def test_neighbours_are_those_of_scikit_learn_and_beat_the_median() -> None:
    draw = np.random.default_rng(7)
    base = draw.normal(size=(600, 1))
    whole = np.hstack([base + draw.normal(scale=0.3, size=(600, 1)) for _ in range(4)])
    hidden = draw.random(whole.shape) < 0.1
    rows = np.where(hidden, NAN, whole)
    names = ("a", "b", "c", "d")
    cleaner = fit(rows, features=names, rules={name: CleaningRule(impute="knn") for name in names})
    found = cleaner.apply(rows).rows
    mean, sd = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    expected = KNNImputer(n_neighbors=10).fit_transform((rows - mean) / sd) * sd + mean
    np.testing.assert_allclose(found, expected, atol=1e-9)
    errors = [np.sqrt(np.mean((one[hidden] - whole[hidden]) ** 2))
              for one in (found, np.where(hidden, np.nanmedian(rows, axis=0), rows))]  # fmt: skip
    assert errors[0] < 0.8 * errors[1]


def test_outliers_are_brought_to_the_limits_that_were_learned() -> None:
    train = [*range(1, 101), 10_000]
    winsor = one(CleaningRule(outliers="winsor"), *train).apply(column(-5, 50, 1e9)).rows.ravel()
    assert winsor.tolist() == [2, 50, 100]
    tukey = one(CleaningRule(outliers="iqr"), *train).apply(column(-500, 50, 1e9)).rows.ravel()
    assert tukey.tolist() == [26 - 1.5 * 50, 50, 76 + 1.5 * 50]


def test_what_is_out_of_range_is_flagged_and_filled() -> None:
    found = one(CleaningRule(least=0, most=120), 30, 40, 50, 999, -1).apply(column(20, 130, -3, float("inf")))
    assert found.rows.ravel().tolist() == [20, 40, 40, 40]
    assert found.anomalies.ravel().tolist() == [False, True, True, True]
    assert found.shares(("x",))["x"] == {"imputed": 0.75, "anomalies": 0.75}


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("zscore", [-1, 1]),
        ("minmax", [0, 1]),
        ("log", [np.log(2), np.log(4)]),
        ("log_zscore", [-1, 1]),
        ("none", [1, 3]),
    ],
)
def test_features_are_scaled_by_what_was_learned(scale: str, expected: list[float]) -> None:
    found = one(CleaningRule(scale=scale), 1, 3).apply(column(1, 3)).rows.ravel()
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("told", "field"),
    [({"impute": "guess"}, "impute"), ({"outliers": "hide"}, "outliers"), ({"scale": "big"}, "scale"),
     ({"least": 2, "most": 1}, "least"), ({"wish": 1}, "wish")],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_field(told: dict[str, Any], field: str) -> None:
    with pytest.raises(BadCleaning, match=f"^{field}: "):
        CleaningRule.from_json(told)


def test_groups_of_people_are_made_of_cleaned_features() -> None:
    rows = np.array([[1.0, 10], [2, 20], [3, 30], [1e6, NAN], [NAN, 40]])
    made, filled = learn(
        rows, features=("a", "b"), skewed=(False, False), method="zscore", impute="knn", outliers="iqr"
    )
    assert filled == {"a": 0.2, "b": 0.2}
    again = Scaling.from_json(json.loads(json.dumps(made.to_json())))
    np.testing.assert_array_equal(again(rows), made(rows))
    assert np.abs(made(rows)).max() < 3
    plain, _ = learn(rows, features=("a", "b"), skewed=(False, False), method="zscore")
    assert np.array_equal(Scaling.from_json({**plain.to_json(), "cleaner": None})(rows), plain(rows))
