"""How good lists of recommendations are. Pure.

- recall, precision and NDCG at k with a gain of 1 (Järvelin and Kekäläinen 2002), averaged over people who have
  something to foresee.
- coverage: the share of all items that anybody is offered.
- novelty: the mean of -log2 of the share of people who touched an offered item (Zhou et al. 2010), in bits.
- diversity: one minus the mean Jaccard index of the tags of pairs within a list.
- serendipity: the share of a list that is right and not among what popularity would have offered (Ge et al. 2010).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Lists = Sequence[npt.NDArray[np.int32]]

# What is watched from run to run: a fall by this share of the mean of the runs before raises an alarm.
FALL = 0.3
REMEMBERED = 4
WATCHED = ("ndcg", "coverage", "novelty", "diversity", "serendipity")


@dataclass(frozen=True, slots=True)
class Measures:
    """Of the lists of everybody who was judged."""

    people: int
    recall: float
    precision: float
    ndcg: float
    coverage: float
    novelty: float
    diversity: float
    serendipity: float


def measured(
    lists: Lists, wanted: Sequence[frozenset[int]], popular: Lists, *, share: npt.NDArray[np.float64],
    tags: Sequence[frozenset[str]], k: int = 10,
) -> Measures:  # fmt: skip
    """`wanted`: what each person then touched. `share`: of people who touched each item. `tags`: of each item."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)
    recall, precision, ndcg, surprise, apart = [], [], [], [], []
    for told, right, usual in zip(lists, wanted, popular, strict=True):
        hits = np.array([one in right for one in told[:k].tolist()], dtype=bool)
        among = set(usual[:k].tolist())
        recall.append(hits.sum() / len(right))
        precision.append(hits.sum() / k)
        ndcg.append(float(discount[: len(hits)][hits].sum() / ideal[min(k, len(right)) - 1]))
        new = sum(1 for one in told[:k].tolist() if one in right and one not in among)
        surprise.append(new / k)
        if (distance := _apart([tags[one] for one in told[:k].tolist()])) is not None:
            apart.append(distance)
    offered = np.concatenate([one[:k] for one in lists]) if lists else np.empty(0, dtype=np.int32)
    known = share[offered]
    return Measures(
        len(lists), _mean(recall), _mean(precision), _mean(ndcg), len(np.unique(offered)) / max(len(share), 1),
        _mean(-np.log2(known[known > 0])), _mean(apart), _mean(surprise),
    )  # fmt: skip


def _apart(tags: Sequence[frozenset[str]]) -> float | None:
    """The mean distance of pairs that have tags; None when no pair has."""
    told = [one for one in tags if one]
    found = [
        1 - len(a & b) / len(a | b) for place, a in enumerate(told) for b in told[place + 1 :]
    ]  # fmt: skip
    return sum(found) / len(found) if found else None


def alarms(now: Mapping[str, float], popular: Mapping[str, float], before: Sequence[Mapping[str, float]]) -> list[str]:
    """What people should look at: figures that fell by 30 % against the mean of the last four runs, and recommendations
    that are no better than what is popular."""
    found = []
    if now["ndcg"] <= popular["ndcg"]:
        found.append(
            f"Recommendations are no better than what is popular: NDCG {now['ndcg']:.3f} against"
            f" {popular['ndcg']:.3f}. There may be too few interactions, or signals that tell of no interest."
        )
    last = list(before)[-REMEMBERED:]
    for name in WATCHED if last else ():
        usual = sum(one[name] for one in last) / len(last)
        if usual > 0 and now[name] < (1 - FALL) * usual:
            found.append(
                f"{name.capitalize()} fell from {usual:.3f}, the mean of the last {len(last)} runs, to"
                f" {now[name]:.3f}. Look whether a source sends less, or the catalogue changed."
            )
    return found


def _mean(values: Sequence[float] | npt.NDArray[np.float64]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
