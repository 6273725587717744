"""A fitted grouping: centres or core points, and who is nearest. Pure.

The same function puts the sample, the whole base and a single person into groups.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.clusters.scaling import Floats, Scaling

Ints = npt.NDArray[np.int64]
NOBODY = -1


class Tampered(ValueError):
    """The stored model is not what was stored."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Points and the group of each. `reach`: whoever is farther than this from every point belongs to no group."""

    points: Floats
    groups: Ints
    reach: float | None = None

    def __call__(self, rows: Floats) -> Ints:
        """The group of each row; `NOBODY` for those that belong to none."""
        from scipy.spatial import cKDTree

        if not len(rows):
            return np.empty(0, dtype=np.int64)
        away, nearest = cKDTree(self.points).query(rows)
        found = self.groups[nearest]
        return found if self.reach is None else np.where(away <= self.reach + 1e-9, found, NOBODY)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A scaling and a grouping, with the lasting id of each group."""

    scaling: Scaling
    grouping: Grouping
    ids: tuple[str, ...]

    def assign(self, rows: Floats) -> list[str]:
        """The lasting id of each row's group; "none" for those that belong to none."""
        names = np.array([*self.ids, "none"], dtype=object)
        return list(names[self.grouping(self.scaling(rows))])

    def to_bytes(self) -> tuple[bytes, str]:
        """The model as JSON, and the SHA-256 of that. JSON holds doubles exactly."""
        told = {
            "scaling": self.scaling.to_json(), "ids": list(self.ids), "points": self.grouping.points.tolist(),
            "groups": self.grouping.groups.tolist(), "reach": self.grouping.reach,
        }  # fmt: skip
        body = json.dumps(told, sort_keys=True).encode()
        return body, hashlib.sha256(body).hexdigest()

    @classmethod
    def from_bytes(cls, body: bytes, sha256: str) -> "FittedModel":
        """The stored model. Raises Tampered when the bytes are not those that were stored; nothing of them is read."""
        if hashlib.sha256(body).hexdigest() != sha256:
            raise Tampered("The stored model is damaged: its SHA-256 differs. Group anew; nothing was changed.")
        told: Mapping[str, Any] = json.loads(body)
        grouping = Grouping(
            np.array(told["points"], dtype=np.float64), np.array(told["groups"], dtype=np.int64), told["reach"]
        )
        return cls(Scaling.from_json(told["scaling"]), grouping, tuple(told["ids"]))
