"""A group told in words: where its medians stand among everybody's. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from insights.clusters.scaling import Floats
from insights.features.contracts import Feature

# A median in the upper or lower third of everybody is worth a word.
_HIGH, _LOW = 2 / 3, 1 / 3
_MOST_WORDS = 4


def medians(own: Floats, features: Sequence[Feature]) -> dict[str, float | None]:
    """The median of each feature among the people of a group; None where nothing is known of any."""
    found = (own[:, place] for place in range(len(features)))
    return {one.name: _median(column) for one, column in zip(features, found, strict=True)}


def positions(
    rows: Floats, inside: npt.NDArray[np.bool_], features: Sequence[Feature]
) -> dict[str, float | None]:  # fmt: skip
    """By feature, the share of everybody who has less than the group's median, those equal counting half."""
    return {one.name: _position(rows[:, place], rows[inside, place]) for place, one in enumerate(features)}


def describe(
    middle: Mapping[str, float | None], stands: Mapping[str, float | None], features: Sequence[Feature], *,
    currency: str = "",
) -> str:  # fmt: skip
    """ "Buys often (12 orders), bought recently (9 days)": what sets the group apart, the most telling first."""
    telling = sorted(features, key=lambda one: -abs((_known(stands[one.name])) - 0.5))
    words = []
    for feature in telling:
        position, value = stands[feature.name], middle[feature.name]
        if position is None or value is None or _LOW < position < _HIGH:
            continue
        words.append(f"{_word(feature, position)} ({_amount(value, feature.unit, currency)})")
    told = ", ".join(words[:_MOST_WORDS]) or "average in all"
    return told[0].upper() + told[1:]


def _word(feature: Feature, position: float) -> str:
    word = feature.high if position >= _HIGH else feature.low
    return word or f"{'much' if position >= _HIGH else 'little'}: {feature.title.lower()}"


def _amount(value: float, unit: str, currency: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:,.1f}"
    if unit == "money":
        return f"{number} {currency}".strip()
    return f"{number} {unit[:-1] if number == '1' and unit.endswith('s') else unit}".strip()


def _known(position: float | None) -> float:
    return 0.5 if position is None else position


def _position(every: Floats, own: Floats) -> float | None:
    middle = _median(own)
    known = every[~np.isnan(every)]
    if middle is None or not len(known):
        return None
    return float(((known < middle).sum() + 0.5 * (known == middle).sum()) / len(known))


def _median(column: Floats) -> float | None:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else None
