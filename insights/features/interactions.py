"""Interactions: features that are the product, ratio, difference or sum of two others. Pure.

Both parts are measured: built in, or declared as a measure. An interaction of an interaction is refused, so none can be
made of itself whatever is declared anew later, each can be said in one line, and who uses what is seen at a glance.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from insights.features.catalogue import BUILT_IN
from insights.features.contracts import BadFeature, DeclaredView, Feature
from insights.features.declared import feature_of

# ln(10^300). Beyond it doubles end, where PostgreSQL ends the whole statement; a missing value is better than none.
_LIMIT = "690.7755278982137"
_SIZES = "ln(nullif(abs({a}), 0)) {sign} ln(nullif(abs({b}), 0))"
_MISSING = "case when {a} is null or {b} is null then null"
_WITHIN = f"when {_SIZES} > {_LIMIT} then null when {_SIZES} < -{_LIMIT} then 0"
_BOUNDED = "case when abs({a}) <= 1e300 and abs({b}) <= 1e300 and abs({a} {sign} {b}) <= 1e300 then {a} {sign} {b} end"


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done with the two parts. `sql` is of the values `{a}` and `{b}`, whatever the engine."""

    label: str
    symbol: str
    words: str
    sql: str


OPERATIONS = {
    "ratio": Operation(
        "divided by", "÷", "{a} divided by {b}; not known where {b} is 0, or either is not known.",
        f"{_MISSING} when {{b}} = 0 then null when {{a}} = 0 then 0"
        f" {_WITHIN.replace('{sign}', '-')} else {{a}} / nullif({{b}}, 0) end",
    ),
    "product": Operation(
        "times", "×", "{a} times {b}; not known where either is not known.",
        f"{_MISSING} when {{a}} = 0 or {{b}} = 0 then 0 {_WITHIN.replace('{sign}', '+')} else {{a}} * {{b}} end",
    ),
    "difference": Operation(
        "minus", "−", "{a} minus {b}; not known where either is not known.", _BOUNDED.replace("{sign}", "-")
    ),
    "addition": Operation(
        "plus", "+", "{a} plus {b}; not known where either is not known.", _BOUNDED.replace("{sign}", "+")
    ),
}  # fmt: skip


def assembled(views: Mapping[str, DeclaredView]) -> dict[str, Feature]:
    """Every feature there is, by name: those of the product, those that are measured here, then what is made of both.
    One of parts that are not there any more is left out."""
    measured = {name: feature_of(one) for name, one in views.items() if one.measure not in OPERATIONS}
    every = {**BUILT_IN, **measured}
    made = {
        name: _made_of(one, every[one.left], every[one.right]) for name, one in views.items()
        if one.measure in OPERATIONS and one.left in every and one.right in every
    }  # fmt: skip
    return {**every, **made}


def with_parts(features: Iterable[Feature]) -> list[Feature]:
    """These features, and whatever they are made of."""
    found = {one.name: one for one in features}
    return list({**{part.name: part for one in found.values() for part in one.parts}, **found}.values())


def users_among(name: str, views: Mapping[str, DeclaredView]) -> list[DeclaredView]:
    """What is made of a feature."""
    return [one for one in views.values() if one.measure in OPERATIONS and name in (one.left, one.right)]


def expect_parts(*, name: str, measure: str, left: str, right: str, known: Mapping[str, Feature]) -> None:
    """Raises BadFeature when these two make no feature."""
    for field, part in (("left", left), ("right", right)):
        if not part:
            raise BadFeature(f"{field}: choose a feature that is a number.")
        found = known.get(part)
        if found is None or part == name:
            raise BadFeature(f"{field}: there is no other feature {part}; choose one that is a number.")
        if found.type != "number":
            raise BadFeature(f"{field}: {found.title} is a text; choose a feature that is a number.")
        if found.parts:
            raise BadFeature(f"{field}: {found.title} is combined itself; combine features that are measured.")
        if found.texts:
            raise BadFeature(
                f"{field}: {found.title} is made of texts after the database has answered, so nothing can be reckoned"
                " of it there; choose another."
            )
    if left == right and measure != "product":
        raise BadFeature("right: with itself it tells nothing; choose another feature.")


def _made_of(view: DeclaredView, left: Feature, right: Feature) -> Feature:
    operation, parts = OPERATIONS[view.measure], (left, right)
    formula = f"{left.title} {operation.symbol} {right.title}"
    windows = [None if one.ages else one.window_days for one in parts]
    words = operation.words.format(a=left.title, b=right.title)
    return Feature(
        name=view.name, title=view.title or formula, description=f"{view.description} {words}".strip(), relation="",
        sql=operation.sql, unit=_unit(view.measure, left.unit, right.unit), owner=view.owner,
        window_days=None if None in windows else max(one for one in windows if one is not None),
        skewed=any(one.skewed for one in parts), parts=parts, formula=formula,
        of_money=any(one.counts_money for one in parts),
    )  # fmt: skip


def _unit(measure: str, left: str, right: str) -> str:
    """What the number is told in. Of money it stays money for each of something, or so many times."""
    if measure in ("difference", "addition"):
        return left if left == right else ""
    if measure == "ratio":
        return "" if left == right else left if left == "money" or not right else f"{left} per {right}" if left else ""
    return left if not right else right if not left else "money" if (left == "money") != (right == "money") else ""
