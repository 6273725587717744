"""Scoring items for a person: factors, what goes together, what is alike. Pure; numpy only, for the web's processes.

Implicit ALS: Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008. Preference p is
1 where a person touched an item; its confidence is c = 1 + alpha log(1 + weight) (their equation 6 without the constant
inside); a person's factors are x = (Y'C Y + regularisation I)^-1 Y'C p, Y those of items (their equation 4).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

# What was touched last says what goes together with it.
LATEST = 50


def confidence(weight: npt.NDArray[np.float64], alpha: float) -> Floats:
    """How sure it is that an item is liked, from 1 up."""
    return (1 + alpha * np.log1p(weight)).astype(np.float32)


def fold_in(factors: Floats, gram: Floats, places: Ints, sure: Floats) -> Floats:
    """The factors of a person who touched the items at these places. `gram` is Y'Y + regularisation I."""
    some = factors[places].astype(np.float64)
    left = gram.astype(np.float64) + (some * (sure - 1)[:, None]).T @ some
    return np.linalg.solve(left, some.T @ sure.astype(np.float64)).astype(np.float32)


def liked(factors: Floats, vector: Floats) -> Floats:
    """For every item how much a person with these factors likes it. Not by BLAS, whose threads spin for milliseconds
    over what takes a fifth of one."""
    return np.einsum("ij,j->i", factors, vector)


def gather(near: Ints, scores: Floats, places: Ints, weights: Floats, *, count: int) -> Floats:
    """For every item how near it is to those at these places: the weighted sum of its similarities to them. `near`
    holds the places of each item's neighbours, -1 where there are fewer."""
    found = np.zeros(count, dtype=np.float32)
    if len(places) and near.shape[1]:
        which, much = near[places], scores[places] * weights[:, None]
        there = which >= 0
        np.add.at(found, which[there], much[there])
    return found


def mixed(parts: Sequence[Floats], mix: Sequence[float]) -> list[Floats]:
    """Each kind of score on one scale, where its best item has its share of the mix."""
    found = []
    for part, share in zip(parts, mix, strict=True):
        most = part.max(axis=-1, keepdims=True) if part.shape[-1] else np.zeros(1, dtype=np.float32)
        found.append(part * np.where(most > 0, share / np.where(most > 0, most, 1), 0).astype(np.float32))
    return found


def best(scores: Floats, count: int) -> Ints:
    """The places of the highest scores, the best first; of equal ones the lower place."""
    count = min(count, len(scores))
    if not count:
        return np.empty(0, dtype=np.int32)
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    some = np.flatnonzero(scores >= least)
    return some[np.argsort(-scores[some], kind="stable")][:count].astype(np.int32)


def because(near: Ints, scores: Floats, places: Ints, target: int) -> int:
    """The place of the touched item that is nearest to the target; -1 when none is near."""
    if not len(places) or not near.shape[1]:
        return -1
    rows, columns = np.nonzero(near[places] == target)
    if not len(rows):
        return -1
    return int(places[rows[np.argmax(scores[places][rows, columns])]])
