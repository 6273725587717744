"""How a model comes about: candidates by validation, features by elimination, calibration, and figures on people and
times that it never saw. Pure but for the libraries that fit.

The hold-out is the newest cut-off; what is trained on ended before it. While history has one cut-off only, it is a
fifth of the people, whole persons each. Validation within the training part is made alike.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.contracts import NotPossible
from insights.predictions import encoding, learners, metrics
from insights.predictions.contracts import KINDS
from insights.predictions.encoding import Column, Encoder, Floats
from insights.predictions.fitted import Calibrator, FittedPrediction, Scorer
from insights.predictions.learners import Candidate

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_FOLDS = 5
_OTHERWISE = 7_919
# With many rows three folds say as much as five.
_FEW_FOLDS, _MANY_ROWS = 3, 20_000
_LEAK = 0.95
# Scores are shown as probabilities, so they must not be farther off than this.
_MOST_ECE = 0.03
_LEAST_FOR_ISOTONIC = 1000
_MOST_ROWS = 200_000
_SHARES = (0.75, 0.5, 0.33)
_SLACK_AUC = 0.002


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A row for each person and cut-off. `starts` and `ends`: when the window of the label begins and ends, in
    microseconds; `truth`: 1 for whoever did what is predicted. Kept in memory only."""

    people: Ints
    starts: Ints
    ends: Ints
    truth: Floats
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True, slots=True)
class Trained:
    """The model, what it was measured on, and how it came about."""

    model: FittedPrediction
    figures: dict[str, Any]
    rows: Floats
    holdout: Bools


def fold_of(people: Ints, count: int = _FOLDS) -> Ints:
    """A part for each person, the same in every process (splitmix64, Steele, Lea, Flood 2014)."""
    mixed = people.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(count)).astype(np.int64)


def split(found: TrainingSet) -> tuple[Bools, Bools, str]:
    """Rows to learn from, rows to measure on, and how they were parted: `time` or `people`."""
    newest = found.starts == found.starts.max()
    closed = found.ends <= found.starts.max()
    if closed.any() and not newest.all() and _both(found.truth[closed]) and _both(found.truth[newest]):
        return closed, newest, "time"
    held = newest & (fold_of(found.people) == 0)
    return newest & ~held, held, "people"


def train(
    found: TrainingSet, *, seed: int, held: Bools | None = None, kinds: Collection[str] = tuple(KINDS),
    step: Callable[[str], None] = lambda stage: None, titles: Mapping[str, str] | None = None,
) -> Trained:  # fmt: skip
    """The best candidate with its figures. `held` parts the rows by other means than `split`, for a comparison with
    published figures. `step` is told each stage. `titles`: names of features for people. Raises NotPossible."""
    learn, holdout, how = split(found) if held is None else (~held, held, "given")
    if how == "time" and found.ends[learn].max() > found.starts[holdout].min():
        raise NotPossible("A window to learn from ends after the hold-out begins; nothing was trained.")
    if how != "time" and np.isin(found.people[learn], found.people[holdout]).any():
        raise NotPossible("Somebody is on both sides of the split; nothing was trained.")
    learn = _thinned(learn, found.people)
    chosen = encoding.taken(found.columns, np.flatnonzero(learn))
    encoder = encoding.learn(chosen, found.people[learn])
    if not encoder.features:
        raise NotPossible("No feature tells people apart: each is the same for everybody. Choose other features.")
    rows = encoder(found.columns, len(found))
    expect_no_leak(encoder, rows[learn], found.truth[learn], titles or {})
    parts = folds(found, learn)
    step("choosing a model")
    trials = [_tried(one, rows, found.truth, parts, seed, step) for one in learners.candidates(kinds)]
    best = min(trials, key=lambda one: one.loss)
    step("choosing features")
    encoder, best, rounds = _eliminated(encoder, rows, found.truth, parts, best, seed, step)
    rows = encoder(found.columns, len(found))
    step("fitting")
    scorer, _ = learners.fit(best.candidate, rows[learn], found.truth[learn], seed=seed)
    calibrator = at_level(_calibrated(best, seed), scorer.margin(rows[learn]), found.truth[learn])
    model = FittedPrediction(best.candidate.kind, encoder, scorer, calibrator)
    trial_rows = [
        {"kind": KINDS[one.candidate.kind], "settings": one.candidate.words, "log_loss": one.loss, "auc": one.auc}
        for one in trials
    ]
    figures: dict[str, Any] = {
        "kind": model.words, "settings": best.candidate.words, "calibration": calibrator.name, "split": how,
        "rows": int(learn.sum()), "positives": int(found.truth[learn].sum()),
        "base_rate": float(found.truth[learn].mean()), "people": len(np.unique(found.people[learn])),
        "features": list(encoder.features), "left_out": [one for one in found.columns if one not in encoder.features],
        "trials": trial_rows,
        "elimination": rounds, "holdout": metrics.summary(found.truth[holdout], model.score(rows[holdout])),
        "uncalibrated_ece": metrics.ece(found.truth[holdout], Calibrator()(scorer.margin(rows[holdout]))),
        "validation": {"auc": best.auc, "log_loss": best.loss, "folds": len(parts)},
        "importance": importance(model, rows[holdout]),
    }  # fmt: skip
    return Trained(model, figures, rows, holdout)


def folds(found: TrainingSet, learn: Bools) -> list[tuple[Bools, Bools]]:
    """Pairs of rows to fit on and to validate on: by time where there is time enough, else by people."""
    starts = found.starts[learn]
    newest = learn & (found.starts == starts.max())
    before = learn & (found.ends <= starts.max())
    if _both(found.truth[before]) and _both(found.truth[newest]) and before.sum() >= newest.sum():
        return [(before, newest)]
    # Other parts than those of the hold-out.
    count = _FOLDS if learn.sum() <= _MANY_ROWS else _FEW_FOLDS
    places = fold_of(found.people + _OTHERWISE, count)
    return [(learn & (places != one), learn & (places == one)) for one in range(count)]


def expect_no_leak(encoder: Encoder, rows: Floats, truth: Floats, titles: Mapping[str, str]) -> None:
    """Raises NotPossible when one column alone tells nearly all: it was known only afterwards."""
    for column, owner in enumerate(encoder.owners):
        values = rows[:, column]
        known = ~np.isnan(values)
        told = metrics.roc_auc(truth, np.where(known, values, np.median(values[known]) if known.any() else 0.0))
        absent = metrics.roc_auc(truth, known.astype(np.float64))
        found = max(told, 1 - told, absent, 1 - absent)
        if found > _LEAK:
            name = encoder.features[owner]
            raise NotPossible(
                f"{titles.get(name, name)} alone tells nearly everything (AUC {found:.3f}), so it holds what is known"
                " only afterwards. Leave this feature out, or correct when its events happen."
            )


def importance(model: FittedPrediction, rows: Floats) -> list[dict[str, Any]]:
    """How much each feature moves scores on average, in log-odds, the strongest first."""
    some = rows[:2000]
    moved = np.abs(model.effects(some)[:, :-1] - model.effects(some)[:, :-1].mean(axis=0)).mean(axis=0)
    order = np.argsort(-moved, kind="stable")
    return [{"feature": model.features[one], "effect": float(moved[one])} for one in order]


@dataclass(frozen=True, slots=True)
class _Trial:
    candidate: Candidate
    loss: float
    auc: float
    truth: Floats
    margins: Floats
    scorer: Scorer


def _tried(
    candidate: Candidate, rows: Floats, truth: Floats, parts: Sequence[tuple[Bools, Bools]], seed: int,
    step: Callable[[str], None],
) -> _Trial:  # fmt: skip
    """The candidate on all folds. The rounds of boosting are the median of those that early stopping found."""
    told, margins, areas, rounds, scorers = [], [], [], [], []
    for fitted_on, valid in parts:
        step(f"choosing a model: {candidate.kind}")
        scorer, took = learners.fit(
            candidate, rows[fitted_on], truth[fitted_on], seed=seed, watched=(rows[valid], truth[valid])
        )
        scorers.append(scorer)
        told.append(truth[valid])
        margins.append(scorer.margin(rows[valid]))
        areas.append(metrics.roc_auc(told[-1], margins[-1]))
        rounds.append(took)
    all_truth, all_margins = np.concatenate(told), np.concatenate(margins)
    if candidate.kind == "boosting":
        candidate = replace(candidate, rounds=max(int(np.median(rounds)), 1))
    # All after scaling: a forest is timid before it, and the level of the window that validates is nobody's merit.
    loss = metrics.log_loss(all_truth, _platt(all_truth, all_margins)(all_margins))
    return _Trial(candidate, loss, float(np.mean(areas)), all_truth, all_margins, scorers[-1])


def _eliminated(
    encoder: Encoder, rows: Floats, truth: Floats, parts: Sequence[tuple[Bools, Bools]], best: _Trial, seed: int,
    step: Callable[[str], None],
) -> tuple[Encoder, _Trial, list[dict[str, Any]]]:  # fmt: skip
    """Recursive elimination: the weakest features go as long as the validation does not suffer (the log loss is not
    higher, and the AUC not lower by more than .002 than with all)."""
    everything, rounds = best, [{"features": len(encoder.features), "log_loss": best.loss, "auc": best.auc}]
    kept, kept_encoder, count = best, encoder, len(encoder.features)
    current, now = encoder, best
    for share in _SHARES:
        wanted = max(int(count * share), 2)
        if wanted >= len(current.features):
            continue
        columns = _columns(encoder, current)
        model = FittedPrediction(now.candidate.kind, current, now.scorer, Calibrator())
        strongest = importance(model, rows[parts[-1][1]][:, columns])[:wanted]
        current = encoder.keeping([one["feature"] for one in strongest])
        plain = replace(now.candidate, rounds=None)
        now = _tried(plain, rows[:, _columns(encoder, current)], truth, parts, seed, step)
        rounds.append({"features": len(current.features), "log_loss": now.loss, "auc": now.auc})
        if now.loss <= everything.loss * 1.0005 and now.auc >= everything.auc - _SLACK_AUC:
            kept, kept_encoder = now, current
    return kept_encoder, kept, rounds


def _columns(whole: Encoder, part: Encoder) -> Ints:
    places = [whole.features.index(name) for name in part.features]
    return np.flatnonzero(np.isin(whole.owners, places))


def at_level(calibrator: Calibrator, margins: Floats, truth: Floats) -> Calibrator:
    """The calibrator, moved so that what was learned from has its own rate on average.

    Slope and shape of a calibration hold from window to window; its level does not (Van Calster and others 2019 call
    it calibration in the large). The newest window that validates may be a quiet month, and the margins there came of
    models that had not seen it: its level would be taken for everybody's. That of all windows is the safer guess.
    """
    if calibrator == Calibrator():
        return calibrator
    return replace(calibrator, b=calibrator.b + _shift(calibrator, margins, float(truth.mean())))


def _shift(calibrator: Calibrator, margins: Floats, rate: float) -> float:
    """What to add to the scaled margins for scores of this mean, by halving: the mean rises with it."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        too_low = float(replace(calibrator, b=calibrator.b + middle)(margins).mean()) < rate
        low, high = (middle, high) if too_low else (low, middle)
    return (low + high) / 2


def _calibrated(best: _Trial, seed: int) -> Calibrator:
    """None while probabilities hold but for their level; else whichever of Platt scaling and isotonic regression is
    better on halves that it was not fitted on, and better than none."""
    truth = best.truth
    margins = best.margins + _shift(Calibrator(), best.margins, float(truth.mean()))
    if best.candidate.kind != "forest" and metrics.ece(truth, Calibrator()(margins)) <= _MOST_ECE:
        return Calibrator()
    half = np.random.default_rng(seed).random(len(truth)) < 0.5
    makers = [lambda t, m: Calibrator(), _platt, *([_isotonic] if len(truth) >= _LEAST_FOR_ISOTONIC else [])]
    losses = [
        sum(float(((make(truth[one], margins[one])(margins[~one]) - truth[~one]) ** 2).sum()) for one in (half, ~half))
        for make in makers
    ]
    return makers[int(np.argmin(losses))](truth, margins)


def _platt(truth: Floats, margins: Floats) -> Calibrator:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6).fit(margins[:, None], truth)
    slope = float(model.coef_[0][0])
    return Calibrator(slope, float(model.intercept_[0])) if slope > 0 else Calibrator()


def _isotonic(truth: Floats, margins: Floats) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    scores = Calibrator()(margins)
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, truth)
    x, y = (tuple(float(one) for one in values) for values in (model.X_thresholds_, model.y_thresholds_))
    return Calibrator(x=x, y=y)


def _both(truth: Floats) -> bool:
    return bool(len(truth)) and 0 < truth.sum() < len(truth)


def _thinned(learn: Bools, people: Ints) -> Bools:
    """At most so many rows: whole persons, chosen by the hash of their id."""
    many = int(learn.sum())
    if many <= _MOST_ROWS:
        return learn
    return learn & (fold_of(people, 10_000) < 10_000 * _MOST_ROWS // many)
