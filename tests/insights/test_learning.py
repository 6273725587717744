"""How models are made, measured, stored and watched: pure, without a database."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as peer

from insights.clusters.grouping import Tampered
from insights.contracts import NotPossible
from insights.features.catalogue import BUILT_IN
from insights.predictions import drift, encoding, fairness, learners, metrics, training
from insights.predictions.fitted import Calibrator, FittedPrediction
from insights.predictions.training import Trained, TrainingSet


@pytest.fixture
def rng() -> np.random.Generator:
    """Chance with a known seed, anew for each test: in any order the tests draw the same."""
    return np.random.default_rng(11)


def table(size: int = 1200, *, cutoffs: int = 1, **more: Any) -> TrainingSet:
    """People whose odds go with two of four features."""
    rng = np.random.default_rng(3)
    numbers = rng.normal(size=(size, 3))
    plan = rng.choice(["free", "pro", "team"], size)
    odds = 1.2 * numbers[:, 0] - 0.8 * (plan == "free") + 0.3
    truth = (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    starts = np.arange(size) % cutoffs * 10
    columns: dict[str, Any] = {
        "told": numbers[:, 0], "noise": numbers[:, 1], "spent": np.exp(numbers[:, 2]), "plan": plan.tolist(), **more,
    }  # fmt: skip
    return TrainingSet(np.arange(1, size + 1), starts, starts + 10, truth, columns)


@pytest.fixture(scope="module")
def trees() -> Trained:
    return training.train(table(), seed=1, kinds=["boosting"])


@pytest.fixture(scope="module")
def linear() -> Trained:
    return training.train(table(cutoffs=4), seed=1, kinds=["logistic"])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=4, max_size=60))
def test_areas_and_losses_are_those_of_the_field(rows: list[tuple[bool, int]]) -> None:
    truth = np.array([float(one) for one, _ in rows])
    scores = np.array([0.02 + score / 21 for _, score in rows])
    if 0 < truth.sum() < len(truth):
        assert metrics.roc_auc(truth, scores) == pytest.approx(peer.roc_auc_score(truth, scores))
        assert metrics.pr_auc(truth, scores) == pytest.approx(peer.average_precision_score(truth, scores))
        assert metrics.log_loss(truth, scores) == pytest.approx(peer.log_loss(truth, scores))
        assert metrics.brier(truth, scores) == pytest.approx(peer.brier_score_loss(truth, scores))


def test_a_model_of_later_windows_is_measured_on_the_newest_and_learns_from_none_that_reaches_into_it(
    linear: Trained,
) -> None:
    found = table(cutoffs=4)
    learn, held, how = training.split(found)
    assert how == linear.figures["split"] == "time"
    assert found.ends[learn].max() <= found.starts[held].min()
    assert linear.figures["holdout"]["auc"] > 0.7


def test_without_time_whole_people_are_held_out_the_same_in_every_process(trees: Trained) -> None:
    found = table()
    learn, held, how = training.split(found)
    assert (how, trees.figures["split"]) == ("people", "people")
    assert not set(found.people[learn]) & set(found.people[held])
    assert (
        training.fold_of(np.array([1, 2, 3, 10**12])).tolist() == training.fold_of(np.array([1, 2, 3, 10**12])).tolist()
    )
    assert 0.15 < held.mean() < 0.25
    parts = training.folds(found, learn)
    assert len(parts) == 5
    assert all(valid.sum() > 100 and not (fitted & valid).any() for fitted, valid in parts)


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_what_each_feature_adds_sums_up_to_the_score_also_once_stored(kind: str, request: Any) -> None:
    made: Trained = request.getfixturevalue(kind)
    stored = FittedPrediction.from_bytes(*made.model.to_bytes())
    assert np.abs(stored.score(made.rows) - made.model.score(made.rows)).max() < 1e-12
    assert np.abs(stored.effects(made.rows).sum(axis=1) - stored.scorer.margin(made.rows)).max() < 1e-4
    assert stored.score(made.rows[:1])[0] == pytest.approx(stored.score(made.rows)[0], abs=1e-7)


def test_a_flipped_byte_is_refused_and_a_pickle_is_never_executed(linear: Trained) -> None:
    body, sha256 = linear.model.to_bytes()
    with pytest.raises(Tampered, match="SHA-256"):
        FittedPrediction.from_bytes(body[:9] + bytes([body[9] ^ 1]) + body[10:], sha256)

    class Payload:
        def __reduce__(self) -> Any:
            return pytest.fail, ("a pickle was executed",)

    import hashlib

    told = pickle.dumps(Payload())
    with pytest.raises(ValueError, match="utf|JSON|Expecting"):
        FittedPrediction.from_bytes(told, hashlib.sha256(told).hexdigest())


def test_a_column_that_is_the_label_with_noise_is_refused_by_name(rng: np.random.Generator) -> None:
    found = table()
    columns = {**found.columns, "duration": found.truth + rng.normal(0, 0.2, len(found))}
    with pytest.raises(NotPossible, match="duration alone tells nearly everything"):
        training.train(TrainingSet(found.people, found.starts, found.ends, found.truth, columns), seed=1)
    with pytest.raises(NotPossible, match="Length of the call alone tells"):
        training.train(
            TrainingSet(found.people, found.starts, found.ends, found.truth, columns), seed=1,
            titles={"duration": "Length of the call"},
        )  # fmt: skip


def test_fewer_features_are_kept_only_where_validation_does_not_suffer(trees: Trained) -> None:
    rounds = trees.figures["elimination"]
    kept = [one for one in rounds if one["features"] == len(trees.figures["features"])]
    assert kept
    assert max(one["auc"] for one in kept) >= rounds[0]["auc"] - 0.002
    assert "told" in trees.figures["features"]


def test_scores_that_are_too_sure_are_calibrated(rng: np.random.Generator) -> None:
    margins = rng.normal(0, 1.5, 4000)
    truth = (rng.random(4000) < 1 / (1 + np.exp(-margins))).astype(np.float64)
    trial = training._Trial(learners.Candidate("boosting", ()), 0.0, 0.0, truth, 3 * margins, None)  # type: ignore[arg-type]
    assert metrics.ece(truth, Calibrator()(3 * margins)) > 0.05
    made = training._calibrated(trial, seed=1)
    assert metrics.ece(truth, made(3 * margins)) <= 0.03


@settings(max_examples=40)
@given(st.floats(0.3, 3), st.floats(-3, 3), st.floats(0.05, 0.95), st.booleans())
def test_a_calibrator_keeps_its_shape_and_has_the_level_of_all_that_was_learned_from(
    slope: float, level: float, rate: float, steps: bool
) -> None:
    margins = np.random.default_rng(5).normal(0, 1.5, 500)
    truth = (np.arange(500) < 500 * rate).astype(np.float64)
    before = Calibrator(slope, level, *(((0.0, 0.4, 1.0), (0.0, 0.5, 1.0)) if steps else ()))
    found = training.at_level(before, margins, truth)
    assert found(margins).mean() == pytest.approx(truth.mean(), abs=1e-6)
    assert (found.a, found.x, found.y) == (before.a, before.x, before.y)
    assert training.at_level(Calibrator(), margins, truth) == Calibrator()


def test_the_level_of_a_quiet_window_is_not_taken_for_that_of_the_next() -> None:
    rng = np.random.default_rng(9)
    size, starts = 4000, np.arange(4000) % 4 * 10
    told = rng.normal(size=size)
    # The newest window to validate on, the third, is quiet; the hold-out is as the others.
    odds = told - 1.2 * (starts == 20)
    truth = (rng.random(size) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    found = TrainingSet(np.arange(size), starts, starts + 10, truth, {"told": told, "noise": rng.normal(size=size)})
    made = training.train(found, seed=1, kinds=["forest"])
    scores = made.model.score(made.rows[made.holdout])
    assert abs(scores.mean() - truth[~made.holdout].mean()) < 0.03
    assert scores.mean() > truth[starts == 20].mean() + 0.1


def test_texts_that_few_people_have_are_not_stored_and_new_ones_have_a_place() -> None:
    texts = ["blue"] * 60 + ["ann@example.org"] * 3 + [None] * 5
    encoder = encoding.learn({"c": texts}, np.arange(68))
    assert "ann@example.org" not in str(encoder.to_json())
    assert encoder({"c": ["green", None, "blue"]}, 3).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    # Twenty rows of one person are one person.
    assert encoding.learn({"c": ["odd"] * 40 + ["x", "y"]}, np.array([1] * 40 + [2, 3])).features == ()


def test_the_index_sees_spikes_and_is_silent_on_random_halves_and_small_windows(rng: np.random.Generator) -> None:
    spiky = np.where(rng.random(20_000) < 0.9, -1.0, rng.integers(1, 400, 20_000))
    moved = np.where(rng.random(5000) < 0.45, -1.0, rng.integers(1, 400, 5000))
    found = drift.compare(drift.reference(spiky), moved)
    assert found["psi"] > 0.9
    assert found["alarm"]
    same = rng.normal(size=20_000)
    told = drift.reference(same)
    for window in (100, 300, 1000, 5000):
        assert not drift.compare(told, rng.normal(size=window))["alarm"]
    assert not drift.compare(told, rng.normal(2, 1, 200))["judged"]
    assert drift.compare(told, rng.normal(0.5, 1, 2000))["alarm"]
    words = drift.reference(rng.choice(["a", "b", "c"], 3000).tolist())
    assert not drift.compare(words, rng.choice(["a", "b", "c"], 3000).tolist())["alarm"]
    assert drift.compare(words, rng.choice(["a", "d"], 3000).tolist())["alarm"]
    # With a million people a difference of a hundredth of a deviation is no alarm.
    assert not drift.compare(drift.reference(rng.normal(size=300_000)), rng.normal(0.02, 1, 300_000))["alarm"]


def test_a_base_that_only_grows_older_is_no_drift_and_one_that_jumped_is(rng: np.random.Generator) -> None:
    told = drift.reference(np.concatenate([rng.integers(0, 60, 3000).astype(np.float64), np.full(1000, np.nan)]))
    known = rng.integers(0, 60, 3000).astype(np.float64)
    newcomers, nobody = rng.integers(0, 30, 1500).astype(np.float64), np.full(2500, np.nan)
    older = np.concatenate([known + 30, newcomers, nobody])
    assert drift.compare(told, older)["alarm"], "as it stands, everybody is a month older"
    assert not drift.compare_aged(told, older, 30)["alarm"]
    # History that was loaded since makes old customers of new ones.
    assert drift.compare_aged(told, older + 400, 30)["alarm"]
    assert not drift.compare_aged(told, newcomers, 30)["judged"], "nobody of then is there"


def test_counts_of_a_young_base_are_not_judged_until_history_is_long_enough() -> None:
    assert drift.sees_longer(None, then=40, now=80)
    assert drift.sees_longer(90, then=40, now=80)
    assert not drift.sees_longer(30, then=40, now=80)
    assert not drift.sees_longer(None, then=1000, now=1040)
    kinds = {name: (one.ages, one.accumulates) for name, one in BUILT_IN.items()}
    assert kinds["tenure_days"] == (True, False)
    assert [kinds[name][1] for name in ("frequency", "recency_days", "orders_90d", "average_order", "usual_hour")] == [
        True, True, True, False, False
    ]  # fmt: skip


def test_a_reference_holds_no_value_of_a_single_person(rng: np.random.Generator) -> None:
    values = np.append(rng.normal(100, 10, 500), 12345.678)
    told = drift.reference(values)
    assert "12345" not in str(told)
    assert drift.reference(["x"] * 40 + ["ann@example.org"])["values"] == ["x"]


def test_the_mean_of_scores_away_from_what_came_true_is_an_alarm() -> None:
    assert drift.calibration(0.12, 0.25, 1000)["alarm"]
    assert not drift.calibration(0.12, 0.15, 1000)["alarm"]
    assert not drift.calibration(0.12, 0.25, 100)["alarm"]


def test_fairness_counts_by_group_and_hides_small_ones() -> None:
    truth = np.array([1.0, 0.0] * 100 + [1.0, 0.0, 0.0, 0.0] * 50 + [1.0] * 10)
    groups = ["a"] * 200 + ["b"] * 200 + ["few"] * 10
    scores = np.concatenate([np.tile([0.9, 0.2], 100), np.tile([0.8, 0.1, 0.1, 0.1], 50), np.full(10, 0.05)])
    told = fairness.report(truth, scores, groups, share=150 / 410)
    assert [(one["group"], one["selection"], one["tpr"], one["fpr"], one["base_rate"]) for one in told["rows"]] == [
        ("a", 0.5, 1.0, 0.0, 0.5), ("b", 0.25, 1.0, 0.0, 0.25),
    ]  # fmt: skip
    assert (told["ratio"], told["odds"], told["passes"], told["hidden"]) == (0.5, 0.0, False, 10)


def test_a_challenger_is_worse_only_when_that_is_no_chance(rng: np.random.Generator) -> None:
    truth = (rng.random(2000) < 0.3).astype(np.float64)
    good = np.clip(0.3 + 0.4 * (truth - 0.3), 0.01, 0.99)
    assert metrics.not_worse(truth, good, good, seed=1)["verdict"] == "as good"
    assert metrics.not_worse(truth, np.full(2000, 0.3), good, seed=1)["verdict"] == "worse"
    assert metrics.not_worse(truth, good, np.full(2000, 0.3), seed=1)["verdict"] == "better"


def test_equal_scores_share_a_percentile_and_the_best_is_the_hundredth() -> None:
    from insights.predictions.computing import percentiles

    found = percentiles(np.array([0.1, 0.5, 0.5, 0.9]))
    assert found[1] == found[2]
    assert found.max() == 100
