"""Fitting: K-Means, Ward and DBSCAN their number of groups chosen, samples where the cost grows with the square.

Loads scikit-learn, so only the worker's process for insights imports this module.

- Silhouette (Rousseeuw 1987): of everybody up to 5,000 people, above that of 5 samples of 2,000, as mean and sd.
- Stability: refitted to 5 random halves, the groups of everybody are compared by the adjusted Rand index (Hubert and
  Arabie 1985); at least .8 on average.
- A group has at least 2 % of everybody: a high silhouette with a handful of great customers apart tells nothing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from insights.clusters.contracts import ClusteringSpec
from insights.clusters.grouping import NOBODY, Grouping, Ints
from insights.clusters.scaling import Floats
from insights.contracts import NotPossible

LEAST_SHARE = 0.02
LEAST_STABILITY = 0.8
MOST_NOISE = 0.3
_EXACT, _SAMPLE, _SAMPLES, _REFITS = 5_000, 2_000, 5, 5
# Ward and DBSCAN need memory or time with the square of what they look at; K-Means does not.
_SQUARE, _LINEAR = 6_000, 50_000
_NEIGHBOURS = 5
_STARTS = 10

Fit = Callable[[Floats, int, int], Grouping]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one number of groups."""

    groups: int
    silhouette: float
    sd: float
    stability: float
    least_share: float
    noise: float

    @property
    def good(self) -> bool:
        return self.least_share >= LEAST_SHARE and self.stability >= LEAST_STABILITY and self.noise <= MOST_NOISE


@threadpool_limits.wrap(limits=1)
def fit(
    points: Floats, spec: ClusteringSpec, *, step: Callable[[], None] = lambda: None
) -> tuple[Grouping, list[Trial]]:
    """The grouping, and what was tried for it. `step` is called between trials. Raises NotPossible.

    One thread: on a machine that has other work several are many times slower.
    """
    if len(np.unique(points, axis=0)) <= spec.most:
        raise NotPossible(
            "There are too few different people to group. Wait for more orders, or choose other features."
        )
    if spec.method == "dbscan":
        return _dbscan_chosen(points, spec.seed)
    how: Fit = _kmeans if spec.method == "kmeans" else _Ward()
    counts = [spec.groups] if spec.groups else list(range(spec.least, spec.most + 1))
    trials, best = [], None
    for count in counts:
        step()
        trials.append(_try(points, how, count, spec.seed))
    best = chosen(trials, asked=spec.groups is not None)
    final = partial(_kmeans, starts=_STARTS) if how is _kmeans else how
    return final(points, best.groups, spec.seed), trials


def chosen(trials: list[Trial], *, asked: bool) -> Trial:
    """The number of groups with the highest silhouette among those that are stable and large enough; of numbers within
    one sd of it the smallest. A number that somebody asked for is taken as it is."""
    if asked:
        return trials[0]
    good = [one for one in trials if one.good]
    if not good:
        nearest = max(trials, key=lambda one: (min(one.least_share, LEAST_SHARE), one.stability))
        raise NotPossible(
            f"No number of groups gives parts of at least 2 % that come out the same again. The nearest is"
            f" {nearest.groups}: its smallest part has {nearest.least_share:.1%}, its stability is"
            f" {nearest.stability:.2f} of at least {LEAST_STABILITY}. Choose other features, or that number yourself."
        )
    top = max(good, key=lambda one: one.silhouette)
    return min((one for one in good if one.silhouette >= top.silhouette - top.sd), key=lambda one: one.groups)


def silhouette(points: Floats, groups: Ints, *, seed: int) -> tuple[float, float]:
    """Mean and sd of the silhouette; of all when there are few, else of samples. People of no group are left out."""
    points, groups = points[groups >= 0], groups[groups >= 0]
    if len(np.unique(groups)) < 2:
        return 0.0, 0.0
    if len(points) <= _EXACT:
        return float(silhouette_score(points, groups)), 0.0
    rng, found = np.random.default_rng(seed), []
    for _ in range(_SAMPLES):
        some = rng.choice(len(points), _SAMPLE, replace=False)
        if len(np.unique(groups[some])) > 1:
            found.append(float(silhouette_score(points[some], groups[some])))
    return float(np.mean(found)), float(np.std(found))


def _try(points: Floats, how: Fit, count: int, seed: int) -> Trial:
    grouping = how(points, count, seed)
    groups = grouping(points)
    mean, sd = silhouette(points, groups, seed=seed)
    rng = np.random.default_rng(seed + 1)
    looked = points if len(points) <= _LINEAR else points[rng.choice(len(points), _LINEAR, replace=False)]
    reference = grouping(looked)
    agreed = []
    for turn in range(_REFITS):
        half = looked[rng.choice(len(looked), max(len(looked) // 2, count + 1), replace=False)]
        agreed.append(float(adjusted_rand_score(reference, how(half, count, seed + turn + 1)(looked))))
    shares = np.bincount(groups[groups >= 0], minlength=count) / len(groups)
    return Trial(count, mean, sd, float(np.mean(agreed)), float(shares.min()), float((groups == NOBODY).mean()))


def _kmeans(points: Floats, count: int, seed: int, *, starts: int = 3) -> Grouping:
    model = KMeans(n_clusters=count, n_init=starts, random_state=seed, algorithm="lloyd").fit(points)
    return Grouping(np.asarray(model.cluster_centers_, dtype=np.float64), np.arange(count, dtype=np.int64))


class _Ward:
    """Joined on a sample; everybody goes to the nearest centre. One tree holds every number of groups, so a sample that
    comes again is not joined again."""

    def __init__(self) -> None:
        self._trees: dict[bytes, Floats] = {}

    def __call__(self, points: Floats, count: int, seed: int) -> Grouping:
        some = _sample(points, seed)
        key = hashlib.sha256(some.tobytes()).digest()
        if key not in self._trees:
            self._trees[key] = linkage(some, method="ward")
        groups = np.unique(fcluster(self._trees[key], count, criterion="maxclust"), return_inverse=True)[1]
        centres = np.vstack([some[groups == one].mean(axis=0) for one in range(groups.max() + 1)])
        return Grouping(centres, np.arange(len(centres), dtype=np.int64))


def _dbscan_chosen(points: Floats, seed: int) -> tuple[Grouping, list[Trial]]:
    grouping = _dbscan(points, 0, seed)
    count = int(grouping.groups.max()) + 1 if len(grouping.groups) else 0
    groups = grouping(points) if count else np.full(len(points), NOBODY)
    noise = float((groups == NOBODY).mean())
    if count < 2 or noise > MOST_NOISE:
        raise NotPossible(
            f"DBSCAN finds {count} dense group{'' if count == 1 else 's'} and leaves {noise:.0%} of the people in none:"
            " these features have no gaps between groups. Choose K-Means, or other features."
        )
    trial = _try(points, _dbscan, count, seed)
    return grouping, [trial]


def _dbscan(points: Floats, _count: int, seed: int) -> Grouping:
    """On a sample, with the reach at the knee of the distances to the fifth neighbour; others follow the nearest core
    point within reach."""
    some = _sample(points, seed)
    reach = _knee(some)
    model = DBSCAN(eps=reach, min_samples=_NEIGHBOURS).fit(some)
    core = np.asarray(model.core_sample_indices_, dtype=np.int64)
    return Grouping(some[core], np.asarray(model.labels_, dtype=np.int64)[core], reach)


def _knee(points: Floats) -> float:
    """Where the sorted distances to the fifth neighbour bend most: farthest below the line from first to last."""
    distances = NearestNeighbors(n_neighbors=_NEIGHBOURS + 1).fit(points).kneighbors(points)[0][:, -1]
    ordered = np.sort(distances)
    line = np.linspace(ordered[0], ordered[-1], len(ordered))
    return float(max(ordered[(line - ordered).argmax()], 1e-9))


def _sample(points: Floats, seed: int) -> Floats:
    if len(points) <= _SQUARE:
        return points
    return points[np.random.default_rng(seed).choice(len(points), _SQUARE, replace=False)]


def told(trials: list[Trial]) -> list[dict[str, Any]]:
    """The trials in the form that is stored."""
    return [
        {
            "groups": one.groups, "silhouette": one.silhouette, "sd": one.sd, "stability": one.stability,
            "least_share": one.least_share, "noise": one.noise, "good": one.good,
        }
        for one in trials
    ]  # fmt: skip
