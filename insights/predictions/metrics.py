"""How good scores are. Pure; numpy only. `truth` is 0 or 1, `scores` are probabilities."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_TINY = 1e-12
_BINS = 10
GRADES = ((0.85, "excellent"), (0.75, "good"), (0.65, "fair"), (0.55, "weak"), (0.0, "no better than a guess"))


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share their average."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def roc_auc(truth: Floats, scores: Floats) -> float:
    """The chance that somebody who does it has a higher score than somebody who does not (Mann and Whitney); 0.5 when
    there are not both."""
    positives = float(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return 0.5
    return float((ranks(scores)[truth > 0.5].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def pr_auc(truth: Floats, scores: Floats) -> float:
    """Average precision: the mean of the precision at each level of recall; equal scores are one threshold."""
    if not truth.sum():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    found, at = truth[order], scores[order]
    last = np.r_[np.flatnonzero(np.diff(at)), len(at) - 1]
    hits = np.cumsum(found)[last]
    precision = hits / (last + 1)
    return float((np.diff(np.r_[0.0, hits]) * precision).sum() / truth.sum())


def brier(truth: Floats, scores: Floats) -> float:
    """Mean squared difference of score and truth (Brier 1950)."""
    return float(((scores - truth) ** 2).mean())


def log_losses(truth: Floats, scores: Floats) -> Floats:
    """−log of the probability that was given to what came true, row by row."""
    safe = np.clip(scores, _TINY, 1 - _TINY)
    return np.asarray(-(truth * np.log(safe) + (1 - truth) * np.log(1 - safe)), dtype=np.float64)


def log_loss(truth: Floats, scores: Floats) -> float:
    """The mean of `log_losses`."""
    return float(log_losses(truth, scores).mean())


def reliability(truth: Floats, scores: Floats, bins: int = _BINS) -> list[dict[str, float]]:
    """Mean score and share that came true in bins of equal width."""
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    return [
        {
            "from": number / bins, "people": int(inside.sum()), "score": float(scores[inside].mean()),
            "rate": float(truth[inside].mean()),
        }
        for number in range(bins)
        for inside in [place == number]
        if inside.any()
    ]  # fmt: skip


def ece(truth: Floats, scores: Floats, bins: int = _BINS) -> float:
    """Expected calibration error: how far mean score and rate are apart in ten bins of equal width, weighted by people
    (Naeini, Cooper, Hauskrecht 2015)."""
    return sum(one["people"] * abs(one["score"] - one["rate"]) for one in reliability(truth, scores, bins)) / len(truth)


def deciles(truth: Floats, scores: Floats) -> list[dict[str, float]]:
    """Ten equal parts from the highest scores down, with their lift: the rate beside that of everybody."""
    order = np.argsort(-scores, kind="stable")
    base = float(truth.mean()) or _TINY
    return [
        {
            "decile": place + 1, "people": len(part), "score": float(scores[part].mean()),
            "rate": float(truth[part].mean()), "lift": float(truth[part].mean()) / base,
        }
        for place, part in enumerate(np.array_split(order, _BINS))
        if len(part)
    ]  # fmt: skip


def summary(truth: Floats, scores: Floats) -> dict[str, Any]:
    """All of it, in the form that is stored."""
    auc = roc_auc(truth, scores)
    return {
        "people": len(truth), "positives": int(truth.sum()), "base_rate": float(truth.mean()), "auc": auc,
        "pr_auc": pr_auc(truth, scores), "brier": brier(truth, scores), "log_loss": log_loss(truth, scores),
        "ece": ece(truth, scores), "deciles": deciles(truth, scores), "reliability": reliability(truth, scores),
        "grade": grade(auc),
    }  # fmt: skip


def grade(auc: float) -> str:
    """The quality in a word."""
    return next(word for least, word in GRADES if auc >= least)


def not_worse(truth: Floats, challenger: Floats, champion: Floats, *, seed: int, rounds: int = 1000) -> dict[str, Any]:
    """Whether the challenger's log loss is not higher than the champion's on the same people, by a paired bootstrap
    (Efron 1979): `worse` when 97.5 % of the resampled differences are above zero."""
    differences = log_losses(truth, challenger) - log_losses(truth, champion)
    rng = np.random.default_rng(seed)
    size = len(differences)
    means = np.array([differences[rng.integers(0, size, size)].mean() for _ in range(rounds)])
    low, high = (float(one) for one in np.percentile(means, [2.5, 97.5]))
    verdict = "worse" if low > 0 else "better" if high < 0 else "as good"
    return {
        "difference": float(differences.mean()), "low": low, "high": high, "verdict": verdict, "people": size,
        "champion_auc": roc_auc(truth, champion), "challenger_auc": roc_auc(truth, challenger),
    }  # fmt: skip
