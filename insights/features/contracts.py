"""What a feature is. No Django."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


class BadFeature(ValueError):
    """A feature that cannot be; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One fact about a person at an instant.

    `sql` is an aggregate over the rows of `relation` (see `compile`), with words in braces (see `dialect`). `empty` is
    the value of somebody of whom that relation has nothing: None is "not known". `skewed` numbers are looked at on a
    logarithmic scale where distances matter. `texts`: what `sql` gives is a list of texts, of which the number is made
    by `sentiment`. `ages`: it grows by a day each day, of everybody, such as days since the first time. `of_money`:
    sums of money are in it, whatever its unit. `parts`: the two features that it is made of, by `formula`; `sql` is of
    their values then, and there is no relation.
    """

    name: str
    title: str
    description: str
    relation: str
    sql: str
    type: str = "number"
    unit: str = ""
    window_days: int | None = None
    owner: str = "built in"
    empty: float | None = None
    skewed: bool = False
    high: str = ""
    low: str = ""
    texts: bool = False
    ages: bool = False
    of_money: bool = False
    formula: str = ""
    parts: tuple["Feature", ...] = ()

    @property
    def accumulates(self) -> bool:
        """Whether the value moves as more of the past is seen: counts, sums, days since the last time, and what is made
        of those, or of ages."""
        if self.parts:
            return any(one.ages or one.accumulates for one in self.parts)
        return not self.ages and (self.empty is not None or "{ago " in self.sql)

    @property
    def counts_money(self) -> bool:
        """Whether it says nothing where orders come in several currencies."""
        return self.unit == "money" or self.of_money

    @property
    def relations(self) -> frozenset[str]:
        """The relations it is read from."""
        return frozenset(one.relation for one in self.parts) or frozenset((self.relation,))


@dataclass(frozen=True, slots=True)
class Property:
    """What a declared feature reads: a property of the events of one name, or a trait as identify calls told it."""

    event: str
    name: str
    of_trait: bool


@dataclass(frozen=True, slots=True)
class SentimentView:
    """A feature of texts with how many people sound how, as the newest run counted them; None before the first."""

    name: str
    title: str
    told: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class DeclaredView:
    """A feature that somebody here declared: a measure of the events of one name, a trait as it was told, or what comes
    of the features `left` and `right`."""

    name: str
    title: str
    description: str
    owner: str
    measure: str
    event: str
    property: str
    window_days: int | None
    changed_by: str
    changed_at: datetime
    left: str = ""
    right: str = ""
