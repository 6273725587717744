"""Whom a model would choose, group by group. Pure. One number says little: rates of choice differ where base rates do,
so all are shown side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from insights.predictions.encoding import Floats

# A group of fewer people is not shown: rates of few say nothing, and may say too much of somebody.
LEAST_PEOPLE = 50
# Four fifths: Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D.
FOUR_FIFTHS = 0.8


def report(truth: Floats, scores: Floats, groups: Sequence[str | None], *, share: float) -> dict[str, Any]:
    """Of the `share` of people with the highest scores: selection rate, true and false positive rates and base rate of
    each group; the ratio of the lowest selection rate to the highest; how far true and false positive rates are apart
    (equalised odds)."""
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[np.argsort(-scores, kind="stable")[: round(share * len(scores))]] = True
    names = np.array(["(not known)" if one is None else one for one in groups], dtype=object)
    rows = []
    for name in sorted(set(names.tolist())):
        inside = names == name
        if inside.sum() < LEAST_PEOPLE:
            continue
        did = truth[inside] > 0.5
        rows.append(
            {
                "group": name, "people": int(inside.sum()), "selection": float(chosen[inside].mean()),
                "tpr": _mean(chosen[inside][did]), "fpr": _mean(chosen[inside][~did]), "base_rate": float(did.mean()),
                "mean_score": float(scores[inside].mean()),
            }
        )  # fmt: skip
    rates = [one["selection"] for one in rows]
    ratio = min(rates) / max(rates) if len(rows) > 1 and max(rates) else None
    odds = max((_spread(rows, key) for key in ("tpr", "fpr")), default=0.0) if len(rows) > 1 else None
    shown = sum(one["people"] for one in rows)
    return {
        "rows": rows, "ratio": ratio, "odds": odds, "passes": ratio is None or ratio >= FOUR_FIFTHS,
        "hidden": len(scores) - shown, "share": share,
    }  # fmt: skip


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None


def _spread(rows: list[dict[str, Any]], key: str) -> float:
    told = [one[key] for one in rows if one[key] is not None]
    return max(told) - min(told) if told else 0.0
