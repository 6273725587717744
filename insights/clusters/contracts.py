"""Shapes of clustering. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from insights.features.cleaning import IMPUTATIONS, OUTLIERS

METHODS = {
    "kmeans": "K-Means: round groups of similar extent; for most purposes",
    "ward": "Hierarchical (Ward): joins what is nearest, step by step; on a sample",
    "dbscan": "DBSCAN: dense groups of any form, and people who belong to none; on a sample",
}
SCALINGS = {"zscore": "by standard deviation (z-score)", "minmax": "from 0 to 1 (min-max)"}
FILLINGS = {name: IMPUTATIONS[name] for name in ("median", "mode", "knn")}
MOST_GROUPS = 12
_MOST_TRAITS, _LONGEST_TRAIT = 10, 200
_LISTS = ("features", "sensitive")


class BadClustering(ValueError):
    """A clustering that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class ClusteringSpec:
    """How people are grouped. `groups`: how many, or None to have the number chosen between `least` and `most`.
    `components`: principal components to keep, 0 for the features as they are."""

    features: tuple[str, ...] = ("recency_days", "frequency", "monetary")
    method: str = "kmeans"
    scaling: str = "zscore"
    groups: int | None = None
    least: int = 3
    most: int = 8
    components: int = 0
    seed: int = 42
    impute: str = "median"
    outliers: str = "none"
    # Traits that the report on what separates the groups looks at, such as sex or age band. They make no group.
    sensitive: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "ClusteringSpec":
        """The specification from its stored form. Raises BadClustering."""
        unknown = sorted(set(told) - {field.name for field in fields(cls)})
        if unknown:
            raise BadClustering(f"{unknown[0]}: there is no such field.")
        given: dict[str, Any] = {name: tuple(one) if name in _LISTS else one for name, one in told.items()}
        found = cls(**given)
        found._check()
        return found

    def _check(self) -> None:
        if len(self.features) < 2 or len(set(self.features)) < len(self.features):
            raise BadClustering("features: choose at least two different features.")
        choices = (("method", METHODS), ("scaling", SCALINGS), ("impute", FILLINGS), ("outliers", OUTLIERS))
        for name, known in choices:
            if getattr(self, name) not in known:
                raise BadClustering(f"{name}: choose one of {', '.join(known)}.")
        if len(self.sensitive) > _MOST_TRAITS or not all(0 < len(one) <= _LONGEST_TRAIT for one in self.sensitive):
            raise BadClustering(f"sensitive: at most {_MOST_TRAITS} traits.")
        if not 2 <= self.least <= self.most <= MOST_GROUPS:
            raise BadClustering(f"least: between 2 and most; most: {MOST_GROUPS} at most.")
        if self.groups is not None and not 2 <= self.groups <= MOST_GROUPS:
            raise BadClustering(f"groups: between 2 and {MOST_GROUPS}, or nothing to have the number chosen.")
        if not 0 <= self.components < len(self.features):
            raise BadClustering("components: fewer than there are features; 0 keeps them as they are.")

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {**asdict(self), "features": list(self.features), "sensitive": list(self.sensitive)}


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One group of a model. `id` stays its own from run to run; `words` are ours, `name` is what people call it.
    `positions`: by feature, which share of everybody has less than the group's median."""

    id: str
    name: str
    words: str
    people: int
    share: float
    medians: Mapping[str, float | None]
    positions: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class ModelView:
    """One version of a clustering. `figures` tell how it came about: silhouettes by number of groups, stability,
    shares of what was filled in."""

    version: int
    run_id: int
    as_of: datetime
    made_at: datetime
    sha256: str
    people: int
    clusters: Sequence[ClusterView]
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClusteringView:
    """One clustering with its live model, if there is one yet. `trait` is the computed trait with a person's group."""

    slug: str
    name: str
    spec: ClusteringSpec
    every_days: int | None
    made_by: str
    made_at: datetime
    model: ModelView | None

    @property
    def trait(self) -> str:
        return trait_of(self.slug)


def trait_of(slug: str) -> str:
    """The computed trait that holds a person's group."""
    return f"cluster_{slug.replace('-', '_')}"
