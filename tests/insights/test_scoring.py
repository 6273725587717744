"""RFM scores and groups, as pure functions: ties, order, ids that last, and models that cannot be tampered with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.clusters import fitting, matching, scaling
from insights.clusters.contracts import BadClustering, ClusteringSpec
from insights.clusters.grouping import FittedModel, Grouping, Tampered
from insights.contracts import NotPossible
from insights.rfm import scoring

FEATURES = ("recency_days", "frequency", "monetary")


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.randoms())
def test_equal_values_get_equal_scores_in_any_order_and_greater_ones_no_smaller(
    values: list[int], chance: object
) -> None:
    found = scoring.scores(np.array(values, dtype=float))
    by_value: dict[int, set[int]] = {}
    for value, score in zip(values, found.tolist(), strict=True):
        by_value.setdefault(value, set()).add(score)
    assert all(len(one) == 1 for one in by_value.values())
    ordered = [by_value[value].copy().pop() for value in sorted(by_value)]
    assert ordered == sorted(ordered)
    assert set(ordered) <= {1, 2, 3, 4, 5}
    places = list(range(len(values)))
    chance.shuffle(places)  # type: ignore[attr-defined]
    assert scoring.scores(np.array(values, dtype=float)[places]).tolist() == found[places].tolist()


def test_scores_of_different_values_are_fifths_and_most_buying_once_does_not_break_them() -> None:
    assert np.bincount(scoring.scores(np.arange(100.0))).tolist() == [0, 20, 20, 20, 20, 20]
    once = np.array([1.0] * 60 + [2.0] * 20 + [3.0] * 20)
    assert [set(scoring.scores(once)[part].tolist()) for part in (slice(0, 60), slice(60, 80), slice(80, 100))] == [
        {2}, {4}, {5},
    ]  # fmt: skip
    assert scoring.scores(np.array([7.0, 7.0])).tolist() == [3, 3]
    assert scoring.scores(np.array([])).tolist() == []


def test_every_cell_of_the_grid_has_a_name_with_advice() -> None:
    named = {scoring.segment_of(r, v) for r in range(1, 6) for v in range(1, 6)}
    assert named == set(scoring.ADVICE)
    assert scoring.segment_of(5, 5) == "Champions"
    assert scoring.segment_of(1, 5) == "Can't lose them"
    assert scoring.segment_of(5, 1) == "New customers"
    assert scoring.value_score(np.array([1, 4]), np.array([2, 5])).tolist() == [2, 5]


def people(seed: int = 1, size: int = 600, parts: int = 4) -> np.ndarray:
    """Recency, frequency and money of people of so many kinds, a few of them very great customers."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, parts, size)
    recency = np.exp(np.array([1.5, 5.5, 1.5, 5.5])[kind] + rng.normal(0, 0.25, size))
    orders = np.exp(np.array([3.0, 3.0, 0.5, 0.5])[kind] + rng.normal(0, 0.2, size))
    money = orders * np.exp(rng.normal(3.5, 0.2, size))
    money[:3] *= 400
    return np.column_stack([recency, orders, money])


def learned(rows: np.ndarray, method: str = "zscore", components: int = 0) -> scaling.Scaling:
    return scaling.learn(rows, features=FEATURES, skewed=[True] * 3, method=method, components=components)[0]


@pytest.mark.parametrize("scaled", ["zscore", "minmax"])
def test_the_number_of_groups_is_found_although_there_are_whales(scaled: str) -> None:
    rows = people()
    made = learned(rows, scaled)
    grouping, trials = fitting.fit(made(rows), ClusteringSpec(scaling=scaled))
    assert len(grouping.points) == 4
    best = next(one for one in trials if one.groups == 4)
    assert best.good
    assert best.least_share >= fitting.LEAST_SHARE
    assert np.bincount(grouping(made(rows))).min() >= 0.02 * len(rows)


@pytest.mark.parametrize("method", ["ward", "dbscan"])
def test_ward_and_dbscan_find_the_kinds_too(method: str) -> None:
    rows = people(parts=3)
    made = learned(rows)
    grouping, trials = fitting.fit(made(rows), ClusteringSpec(method=method, groups=3 if method == "ward" else None))
    kinds = grouping(made(rows))
    assert set(kinds.tolist()) - {-1} == {0, 1, 2}
    assert trials[0].noise <= fitting.MOST_NOISE


def test_dbscan_gives_no_labels_where_there_are_no_gaps() -> None:
    rows = np.random.default_rng(0).uniform(size=(400, 3))
    with pytest.raises(NotPossible, match="Choose K-Means"):
        fitting.fit(rows, ClusteringSpec(method="dbscan"))


def test_numbers_that_give_tiny_or_unstable_groups_are_not_chosen() -> None:
    def trial(
        groups: int, silhouette: float, sd: float = 0.0, stability: float = 0.9, share: float = 0.1
    ) -> fitting.Trial:
        return fitting.Trial(groups, silhouette, sd, stability, share, 0.0)

    whales = trial(2, 0.93, share=0.003)
    shaky = trial(3, 0.6, stability=0.5)
    assert fitting.chosen([whales, shaky, trial(4, 0.33), trial(5, 0.31)], asked=False).groups == 4
    assert fitting.chosen([trial(4, 0.33, 0.02), trial(5, 0.34, 0.02)], asked=False).groups == 4
    assert fitting.chosen([whales], asked=True) is whales
    with pytest.raises(NotPossible, match="smallest part has"):
        fitting.chosen([whales, shaky], asked=False)


def test_a_sampled_silhouette_is_near_the_exact_one_and_says_how_sure_it_is() -> None:
    rows = learned(people(size=5_100))(people(size=5_100))
    groups = fitting.fit(rows, ClusteringSpec(groups=4))[0](rows)
    sampled, sd = fitting.silhouette(rows, groups, seed=1)
    exact, none = fitting.silhouette(rows[:3_000], groups[:3_000], seed=1)
    assert none == 0
    assert sd > 0
    assert abs(sampled - exact) < 0.05


def test_groups_keep_their_ids_with_another_seed_and_new_customers() -> None:
    rows = people()
    made = learned(rows)
    first, _ = fitting.fit(made(rows), ClusteringSpec(groups=4))
    ids, free = matching.match(first(made(rows)), [None] * len(rows), count=4, next_id=1)
    assert (sorted(ids), free) == (["c1", "c2", "c3", "c4"], 5)
    before = [ids[one] for one in first(made(rows)).tolist()]
    more = np.vstack([rows, people(seed=9, size=30)])
    again = learned(more)
    second, _ = fitting.fit(again(more), ClusteringSpec(groups=4, seed=7))
    groups = second(again(more))
    kept, after = matching.match(groups, [*before, *[None] * 30], count=4, next_id=free)
    same = sum(kept[new] == old for new, old in zip(groups[: len(rows)].tolist(), before, strict=True))
    assert same / len(rows) >= 0.95
    assert after == 5


def test_a_group_that_is_new_gets_an_id_that_was_never_used() -> None:
    groups = np.array([0] * 10 + [1] * 10 + [2] * 10)
    before = ["c2"] * 10 + ["c7"] * 10 + [None] * 10
    assert matching.match(groups, before, count=3, next_id=9) == (["c2", "c7", "c9"], 10)
    scattered = ["c1", "c2", "c3", "c4", "c5"] * 6
    assert matching.match(groups, scattered, count=3, next_id=9)[1] == 12


def test_what_is_not_known_is_filled_with_the_median_and_its_share_is_told() -> None:
    rows = np.array([[1.0, 5.0], [3.0, np.nan], [5.0, 7.0], [7.0, np.nan]])
    made, filled = scaling.learn(rows, features=("a", "b"), skewed=[False, False], method="minmax")
    assert filled == {"a": 0, "b": 0.5}
    assert made(rows).tolist() == [[0, 0], [1 / 3, 0.5], [2 / 3, 1], [1, 0.5]]


def test_principal_components_keep_their_direction_and_a_constant_feature_counts_nothing() -> None:
    rows = people()
    rows[:, 2] = 5.0
    made = learned(rows, components=2)
    assert made(rows).shape == (600, 2)
    assert np.allclose(made(rows), learned(rows.copy(), components=2)(rows))
    assert all(max(axis, key=abs) > 0 for axis in made.components)


def test_a_model_survives_its_stored_form_exactly_and_a_flipped_byte_is_refused() -> None:
    rows = people()
    made = learned(rows, components=2)
    model = FittedModel(made, fitting.fit(made(rows), ClusteringSpec(groups=3))[0], ("c1", "c2", "c3"))
    body, sha256 = model.to_bytes()
    assert FittedModel.from_bytes(body, sha256).assign(rows) == model.assign(rows)
    assert FittedModel.from_bytes(body, sha256).to_bytes() == (body, sha256)
    tampered = bytes([body[0] ^ 1]) + body[1:]
    with pytest.raises(Tampered, match="SHA-256"):
        FittedModel.from_bytes(tampered, sha256)


def test_whoever_is_out_of_reach_belongs_to_no_group() -> None:
    grouping = Grouping(np.array([[0.0], [10.0]]), np.array([0, 1]), reach=1.0)
    assert grouping(np.array([[0.5], [5.0], [9.0]])).tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"features": ["monetary"]}, "features"), ({"method": "magic"}, "method"), ({"scaling": "none"}, "scaling"),
     ({"least": 1}, "least"), ({"groups": 40}, "groups"), ({"components": 3}, "components"), ({"colour": 1}, "colour")],
)  # fmt: skip
def test_a_grouping_that_cannot_be_is_refused_with_its_field(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(BadClustering, match=f"^{field}:"):
        ClusteringSpec.from_json(wrong)
