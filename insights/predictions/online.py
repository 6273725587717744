"""A model that learns of each batch once, test first: what a step does. Pure; scikit-learn is loaded by a step alone.

Each batch is scored before it is learned from (prequential, Dawid 1984), by this model and by the version that was
trained of everything, so both are held against each other on rows that neither has seen. Weights move by stochastic
gradient descent with a constant step: a decreasing one would stop following people who change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.predictions import learners, metrics
from insights.predictions.encoding import OTHER, Column, Encoder, Floats, grown
from insights.predictions.fitted import Calibrator, FittedPrediction, Linear
from insights.predictions.learners import Candidate

# Rows of the last batches by which it is judged.
JUDGED_BY = 1_000
_STEP, _PENALTY = 0.002, 1e-4
# Scaled values farther out than this, and how many of a batch may be; and how far the mean of a column may move.
_FAR, _MOST_FAR, _MOST_MOVED = 8.0, 0.01, 4.0
_LEAST_ROWS = 20
# What either model loses has drifted when it loses a tenth more than the mean of all batches before, and not by chance
# alone: by more than the standard error of so many rows, twice (a log loss spreads by about its own size).
_DRIFTED, _SURE = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch before it was learned from: how many rows, and the sums of log loss of either model."""

    rows: int
    online: float
    batch: float


@dataclass(frozen=True, slots=True)
class Online:
    """`steps`: gradient steps so far. `recent`: the last batches, at least 1,000 rows of them once there are so many.
    `serving`: it scores; the trained version then is its shadow. `rejected`: batches that were not learned from, and
    `why` the last was not. `past`: all batches before the recent ones, together. `fell_back`: it scored, and the
    trained version does again since."""

    model: FittedPrediction
    steps: float = 1.0
    rows: int = 0
    recent: tuple[Judged, ...] = ()
    serving: bool = False
    rejected: int = 0
    why: str = ""
    past: Judged = Judged(0, 0.0, 0.0)
    fell_back: bool = False

    @property
    def judged(self) -> Judged:
        """The last batches together."""
        return _together(self.recent)

    def to_json(self) -> dict[str, Any]:
        """Everything but the model, which is stored as those of versions are."""
        return {
            "steps": self.steps, "rows": self.rows, "serving": self.serving, "rejected": self.rejected,
            "why": self.why, "recent": [[one.rows, one.online, one.batch] for one in self.recent],
            "past": [self.past.rows, self.past.online, self.past.batch], "fell_back": self.fell_back,
        }  # fmt: skip

    @classmethod
    def from_json(cls, model: FittedPrediction, told: Mapping[str, Any]) -> "Online":
        """As it was stored."""
        recent = tuple(Judged(*one) for one in told["recent"])
        return cls(
            model, told["steps"], told["rows"], recent, told["serving"], told["rejected"], told["why"],
            Judged(*told.get("past", (0, 0.0, 0.0))), told.get("fell_back", False),
        )  # fmt: skip


def begin(encoder: Encoder, rows: Floats, truth: Floats) -> Online:
    """A logistic model of what there is, with the scaling that stays."""
    scorer, _ = learners.fit(Candidate("logistic", (("C", 0.1),)), rows, truth, seed=0)
    return Online(FittedPrediction("logistic", encoder, scorer, Calibrator()))


def step(
    state: Online,
    rows: Floats,
    truth: Floats,
    beside: Floats,
    *,
    may_serve: bool,
    titles: Mapping[str, str] | None = None,
) -> Online:
    """One batch: checked, scored by both, learned from once, and who serves decided anew. `beside`: the scores of the
    trained version; `titles`: names of features for people. A batch that is refused changes nothing but
    the count of refusals; it does not judge either."""
    scorer = state.model.scorer
    if not isinstance(scorer, Linear):
        raise TypeError("only linear models learn online")
    scaled = scorer.scaled(rows)
    wrong = refusal(state.model.encoder, scaled, titles or {})
    if wrong:
        return replace(state, rejected=state.rejected + 1, why=wrong)
    scores = state.model.score(rows)
    judged = Judged(
        len(rows), float(metrics.log_losses(truth, scores).sum()), float(metrics.log_losses(truth, beside).sum())
    )
    weights, intercept, steps = _learned(scorer, state.steps, scaled, truth)
    if not (np.isfinite(weights).all() and np.isfinite(intercept)):
        return replace(state, rejected=state.rejected + 1, why="the weights would have grown beyond all bounds")
    moved = replace(scorer, weights=tuple(float(one) for one in weights), intercept=float(intercept))
    after = replace(
        state, model=replace(state.model, scorer=moved), steps=steps, rows=state.rows + len(rows),
        recent=_trimmed((*state.recent, judged)),
    )  # fmt: skip
    gone = (*state.recent, judged)[: len(state.recent) + 1 - len(after.recent)]
    serving = may_serve and _leads(after)
    return replace(
        after, serving=serving, past=_together((state.past, *gone)),
        fell_back=may_serve and not serving and (state.serving or state.fell_back),
    )  # fmt: skip


def grow(state: Online, columns: Mapping[str, Column], people: npt.NDArray[np.int64]) -> Online:
    """The state with a column for what these people have and it has none for, to be learned of from the next batch on:
    values of texts, and features that all had alike when it began. It changes no score: a value begins with the weight
    of "(other)", which stood for it, and a feature with none."""
    before, scorer = state.model.encoder, state.model.scorer
    after = grown(before, columns, people)
    if after == before or not isinstance(scorer, Linear):
        return state
    new = learners.scaling(after(columns, len(people)))
    old = {name: place for place, name in enumerate(before.names)}
    intercept, kept = scorer.intercept, []
    for place, (feature, value) in enumerate(after.names):
        if (feature, value) in old:
            kept.append(scorer.column(old[feature, value]))
            continue
        stood = old.get((feature, OTHER))
        weight = 0.0 if stood is None else scorer.weights[stood] / scorer.scale[stood] * new.scale[place]
        kept.append((new.skewed[place], new.medians[place], new.center[place], new.scale[place], weight))
        intercept += weight * new.center[place] / new.scale[place]
    skewed, medians, center, scale, weights = zip(*kept, strict=True)
    moved = Linear(skewed, medians, center, scale, weights, intercept)
    return replace(state, model=replace(state.model, encoder=after, scorer=moved))


def alarms(state: Online) -> list[str]:
    """What a person should know of it, in words: that it fell back, and that its loss drifted."""
    found, now, past = [], state.judged, state.past
    if state.fell_back:
        found.append(
            f"Online learning fell back: on the last {now.rows:,} people its log loss is {now.online / now.rows:.4f},"
            f" and that of the trained version {now.batch / now.rows:.4f}. The version scores again."
        )
    if min(now.rows, past.rows) >= JUDGED_BY:
        before, since = past.online / past.rows, now.online / now.rows
        chance = _SURE * before * (1 / now.rows + 1 / past.rows) ** 0.5
        if since - before > max(_DRIFTED * before, chance):
            found.append(
                f"The log loss of online learning drifted: {since:.4f} on the last {now.rows:,} people, {before:.4f} on"
                f" the {past.rows:,} before. People turned faster than it follows, or a source tells something else."
            )
    return found


def refusal(encoder: Encoder, scaled: Floats, titles: Mapping[str, str]) -> str:
    """Why a batch is not learned from, naming the feature; empty when it may be. One bad batch poisons what learns of
    it: a column that came in other units, say."""
    if len(scaled) < _LEAST_ROWS:
        return f"{len(scaled)} people are too few to be held against what was before ({_LEAST_ROWS} are needed)"
    mean = np.abs(scaled.mean(axis=0))
    far = (np.abs(scaled) > _FAR).mean(axis=0)
    for column, owner in enumerate(encoder.owners):
        name = titles.get(encoder.features[owner], encoder.features[owner])
        if not np.isfinite(scaled[:, column]).all():
            return f"{name} has values that are no numbers"
        if mean[column] > _MOST_MOVED:
            return f"the mean of {name} moved by {mean[column]:.1f} standard deviations"
        # Of a rare text everybody who has it is far out; a twentieth of the people is no mishap.
        if encoder.values[owner] is None and far[column] > _MOST_FAR:
            return f"{far[column]:.0%} of {name} is farther than {_FAR:.0f} standard deviations from the mean"
    return ""


def _learned(scorer: Linear, steps: float, scaled: Floats, truth: Floats) -> tuple[Floats, float, float]:
    from sklearn.linear_model import SGDClassifier

    model: Any = SGDClassifier(
        loss="log_loss", alpha=_PENALTY, learning_rate="constant", eta0=_STEP, shuffle=True,
        random_state=int(steps) % 2**31,
    )  # fmt: skip
    # As it was after the batch before.
    model.classes_ = np.array([0.0, 1.0])
    model.n_features_in_ = scaled.shape[1]
    model.coef_, model.intercept_ = np.array([scorer.weights]), np.array([scorer.intercept])
    model.t_ = steps
    model.partial_fit(np.clip(scaled, -_FAR, _FAR), truth)
    return model.coef_[0], float(model.intercept_[0]), float(model.t_)


def _together(batches: Sequence[Judged]) -> Judged:
    return Judged(
        sum(one.rows for one in batches), sum(one.online for one in batches), sum(one.batch for one in batches)
    )


def _trimmed(recent: Sequence[Judged]) -> tuple[Judged, ...]:
    kept = list(recent)
    while len(kept) > 1 and sum(one.rows for one in kept[1:]) >= JUDGED_BY:
        del kept[0]
    return tuple(kept)


def _leads(state: Online) -> bool:
    """Whether it did better than the trained version on the last 1,000 rows; to serve, it must have seen as many."""
    told = state.judged
    return told.rows >= JUDGED_BY and told.online < told.batch
