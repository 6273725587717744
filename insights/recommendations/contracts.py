"""Shapes of recommendations. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

MOST_RECOMMENDED = 100
# Whoever has touched fewer items is offered what is popular.
FEWEST_INTERACTIONS = 5


class BadRecommendation(ValueError):
    """What was said about items, signals or rules cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class Signal:
    """An event that tells of interest in an item, and how much of it beside others.

    `consumes`: who did this has the item, so that it is not offered to them again while rules say so. With `property`
    only events in which that number is `at_least` so much tell of interest; the others may still consume.
    """

    event: str
    weight: float
    consumes: bool = False
    property: str = ""
    at_least: float = 0.0


# Of Segment's e-commerce spec (https://segment.com/docs/connections/spec/ecommerce/v2/).
SIGNALS = (
    Signal("Product Viewed", 1.0),
    Signal("Product Added to Wishlist", 2.0),
    Signal("Product Added", 3.0),
    Signal("Order Completed", 5.0, consumes=True),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be offered. Empty tuples and None rule nothing out.

    `categories`: of these only; `not_categories`: never of these; `not_items`: ids that are left out.
    """

    exclude_consumed: bool = True
    in_stock_only: bool = True
    categories: tuple[str, ...] = ()
    not_categories: tuple[str, ...] = ()
    least_price: float | None = None
    most_price: float | None = None
    not_items: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, told: Mapping[str, Any], over: "Rules | None" = None) -> "Rules":
        """Rules from their JSON form; what is left out is that of `over`. Raises BadRecommendation."""
        _expect_known(cls, told)
        given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
        found = replace(over or cls(), **given)
        if found.least_price is not None and found.most_price is not None and found.least_price > found.most_price:
            raise BadRecommendation("least_price: not above most_price.")
        return found

    def allow(self, item: "ItemView") -> bool:
        """Whether an item may be offered, leaving aside who has what."""
        if self.in_stock_only and not item.in_stock:
            return False
        if self.categories and item.category not in self.categories:
            return False
        if item.category in self.not_categories or item.id in self.not_items:
            return False
        if self.least_price is not None and (item.price is None or item.price < self.least_price):
            return False
        return self.most_price is None or (item.price is not None and item.price <= self.most_price)


@dataclass(frozen=True, slots=True)
class RecommendationSetting:
    """What tells of interest, how fast that fades, and what is never offered. A signal is worth half after
    `half_life_days`."""

    signals: tuple[Signal, ...] = SIGNALS
    half_life_days: int = 90
    rules: Rules = field(default_factory=Rules)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "RecommendationSetting":
        """The setting from its JSON form; what is left out has its default. Raises BadRecommendation."""
        _expect_known(cls, told)
        given = dict(told)
        if "signals" in given:
            given["signals"] = tuple(_signal(one) for one in given["signals"])
        if "rules" in given:
            given["rules"] = Rules.from_json(given["rules"])
        found = cls(**given)
        if not found.signals or len({one.event for one in found.signals}) < len(found.signals):
            raise BadRecommendation("signals: name at least one event, and each only once.")
        if not 1 <= found.half_life_days <= 3650:
            raise BadRecommendation("half_life_days: between 1 and 3650.")
        return found

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        rules = {name: list(one) if isinstance(one, tuple) else one for name, one in asdict(self.rules).items()}
        return {
            "signals": [asdict(one) for one in self.signals], "half_life_days": self.half_life_days, "rules": rules,
        }  # fmt: skip


def _signal(told: Any) -> Signal:
    if not isinstance(told, Mapping):
        raise BadRecommendation("signals: a list of objects with event and weight.")
    _expect_known(Signal, told)
    try:
        found = Signal(**told)
        weight, least = float(found.weight), float(found.at_least)
    except (TypeError, ValueError):
        raise BadRecommendation("signals: each has an event and a weight that is a number.") from None
    if not isinstance(found.event, str) or not found.event or not 0 < weight <= 1000:
        raise BadRecommendation("signals: each names an event; its weight is above 0 and at most 1000.")
    return replace(found, weight=weight, at_least=least, consumes=bool(found.consumes), property=str(found.property))


def _expect_known(kind: Any, told: Mapping[str, Any]) -> None:
    known = [one.name for one in fields(kind)]
    unknown = sorted(set(told) - set(known))
    if unknown:
        raise BadRecommendation(f"{unknown[0]}: there is no such field. Known: {', '.join(known)}.")


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item of the catalogue. `stated`: somebody told it by the API or a file, so events fill gaps of it only."""

    id: str
    name: str
    category: str
    price: float | None
    image_url: str
    url: str
    in_stock: bool
    attributes: Mapping[str, Any]
    stated: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Recommended:
    """One item that is offered. `reason` is a sentence for people. `because`: the id of the item that led to it, if
    one did. `fallback`: it is popular or new, and nothing of this person led to it. `score`: higher is better, and
    compares within one answer only."""

    item: ItemView
    score: float
    reason: str
    because: str
    fallback: bool


@dataclass(frozen=True, slots=True)
class Recommendations:
    """An answer: the best first. `fallback`: none of it comes from what the person did or looks at. `model_version`
    and `as_of` are None while there is no model."""

    items: Sequence[Recommended]
    fallback: bool
    model_version: int | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class RecommenderView:
    """One version of what recommendations are made from. `figures`: how large, how it was chosen, how good it is."""

    version: int
    run_id: int
    live: bool
    as_of: datetime
    made_at: datetime
    sha256: str
    figures: Mapping[str, Any]
