"""Shapes of customer lifetime value. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from insights.predictions.contracts import Reason

HORIZONS = (30, 60, 90, 180, 365)
USUAL_HORIZON = 90
BGNBD, BOOSTING = "bgnbd", "boosting"
LIFETIME_METHODS = {BGNBD: "BG/NBD + Gamma-Gamma", BOOSTING: "gradient boosting"}
# Which method somebody chose: by what the last closed window shows, or one of them whatever it shows.
USUAL_CHOICE = "best"
LIFETIME_CHOICES = {
    USUAL_CHOICE: "the better one of the last closed window", BGNBD: "BG/NBD + Gamma-Gamma, always",
    BOOSTING: "gradient boosting, always",
}  # fmt: skip


class BadLifetime(ValueError):
    """A setting that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers by what was expected of them, the best first: means of one customer in the window that
    was held against."""

    people: int
    expected_orders: float
    orders: float
    expected_value: float
    value: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What would have been expected at the begin of the last closed window, beside what came. `order_factor` and
    `value_factor`: by which expectations are now multiplied. Errors are of one customer's value; `naive` is that of
    going on as before."""

    people: int
    orders: float
    expected_orders: float
    value: float
    expected_value: float
    order_factor: float
    value_factor: float
    mean_error: float
    naive_mean_error: float
    squared_error: float
    naive_squared_error: float
    deciles: Sequence[Decile]


@dataclass(frozen=True, slots=True)
class Measured:
    """One method on the last closed window: the sum that it expected and by which share that was off, errors of one
    customer (the mean, and the root of the mean square), the share explained of what sets customers apart (of Poisson's
    deviance), Spearman's correlation of ranks, and the normalised Gini."""

    method: str
    total: float
    total_error: float
    mean_error: float
    squared_error: float
    explained: float
    rank: float
    gini: float

    @property
    def words(self) -> str:
        """The method as people call it."""
        return LIFETIME_METHODS.get(self.method, f"{LIFETIME_METHODS[BGNBD]}, not calibrated")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods on the same customers in the last closed window, none of which saw anything of it; BG/NBD calibrated on
    the window before, which is also the newest that boosting learned from, and once more as it comes. `gain`: by which
    share boosting explains more, with the interval in which that lies by chance; `squared_low` to `squared_high`: that
    of its squared errors less those of BG/NBD. `windows` and `rows`: what boosting learned from."""

    people: int
    value: float
    windows: int
    rows: int
    methods: Sequence[Measured]
    gain: float
    low: float
    high: float
    squared_low: float
    squared_high: float

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Comparison":
        return cls(**{**told, "methods": [Measured(**one) for one in told["methods"]]})


@dataclass(frozen=True, slots=True)
class LifetimeOf:
    """What one customer is worth by the newest computation, and why. `reasons` only of boosting: what each feature
    adds to the logarithm of the value."""

    profile_id: int
    as_of: datetime
    method: str
    version: int | None
    horizon_days: int
    currency: str
    value: float
    sentence: str
    reasons: Sequence[Reason]

    @property
    def words(self) -> str:
        """The method as people call it."""
        return LIFETIME_METHODS[self.method]


@dataclass(frozen=True, slots=True)
class LifetimeView:
    """The newest computation. `check` is None while history is too short for one. `correlation` is that of orders and
    their mean value among those who ordered again: the model asks that it is small. `method`: by which values were
    expected, `version`: of the model of boosting, `chosen`: what was asked for, `why`: what decided; `comparison` is
    None while boosting has too little to learn from. `leans`: what values lean on most, with its share."""

    run_id: int
    as_of: datetime
    currency: str
    horizon_days: int
    people: int
    again: int
    alive: float
    expected_orders: float
    expected_value: float
    correlation: float
    order_parameters: Sequence[float]
    value_parameters: Sequence[float]
    check: Checked | None
    method: str = BGNBD
    version: int | None = None
    chosen: str = USUAL_CHOICE
    why: str = ""
    comparison: Comparison | None = None
    leans: Sequence[tuple[str, float]] = ()

    @property
    def words(self) -> str:
        """The method as people call it."""
        return LIFETIME_METHODS[self.method]
