"""The comparisons and their levels: what two records can have in common, one comparison per independent fact. Pure.

A level is a small number, the most alike first; `MISSING` where either side says nothing. A model holds one row of
probabilities for each comparison and class in this order, and every executor computes the same numbers.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MISSING = -1
Levels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

# The words of each level, most alike first; the model's probabilities follow this order.
LEVELS: dict[str, tuple[str, ...]] = {
    "given": ("exact", "near", "related", "similar", "different", "swapped", "a middle name"),
    "middle": ("exact", "near", "different", "one has none", "neither has one"),
    "surname": ("exact", "close", "similar", "different", "the only name", "different, a woman"),
    "birth_date": ("exact", "near", "partial", "weak", "different", "the same year", "another year"),
    "phone": ("exact", "near", "two slips", "different"),
    "email": ("exact", "same mailbox name", "near", "similar", "different"),
    "number": ("exact", "near", "two slips", "different"),
    "location": ("address", "address nearly", "postcode", "postcode nearly", "city", "different", "address elsewhere"),
    "place": ("postcode", "postcode nearly", "city", "different"),
    "sex": ("same", "different"),
    "other": ("exact", "similar", "different"),
}
# Local parts are made of names, so what an alike address says depends on how many name parts are shared already.
# Where one of two streets is missing, agreeing on the town alone says something else than where the streets differ.
STANDARD = (
    "given", "middle", "surname", "birth_date", "phone", "email_0", "email_1", "email_2", "number", "location", "place",
    "sex",
)  # fmt: skip
OTHER = "other:"
# The bulk run keeps the levels of a pair as the digits of one signed 64-bit number; a digit for what is missing, too.
RADIX = 8
# So many comparisons fit into 63 bits, of which those of further columns have what the standard ones leave.
MOST_COMPARISONS = 21
MOST_OTHERS = MOST_COMPARISONS - len(STANDARD)

# Limits of likeness, one place for every executor.
CLOSE, SIMILAR_SURNAME, SIMILAR_GIVEN, SIMILAR_LOCAL, SIMILAR_PLACE, SIMILAR_OTHER = 0.92, 0.80, 0.85, 0.88, 0.92, 0.88
ONE_SLIP_FROM, TWO_SLIPS_FROM = 4, 8
DAYS_PARTIAL, DAYS_WEAK = 31, 372
# Of several mailboxes or telephones all are compared for equality, the first so many letter by letter.
FUZZY_VALUES = 2
# Of telephones and numbers the first, the next or the last so many digits must agree for a slip to be looked for.
DIGITS = 3

# A person has one birth date: where a base writes them down right, that two differ is a conflict, more than agreement
# that is wanting.
CONFLICT = (STANDARD.index("birth_date"), LEVELS["birth_date"].index("different"))

MATCH, STRANGERS, HOUSEHOLD, TWINS, GENERATIONS, LODGERS = "MNHTJL"
CLASSES = (MATCH, STRANGERS, HOUSEHOLD, TWINS, GENERATIONS, LODGERS)
RIVALS = (STRANGERS, HOUSEHOLD, TWINS, GENERATIONS, LODGERS)


class Term(NamedTuple):
    """A value whose frequency matters: agreeing on a common surname says less than agreeing on a rare one.

    Where `comparison` has `level`, the share of people who hold the value of `column` takes the place of the average
    chance in the `classes` whose two people draw that value independently: two of a household have birth dates like
    any two strangers, but one surname and one home, and no parents give one name twice.
    """

    comparison: str
    level: int
    column: str
    classes: str


STANDARD_TERMS = (
    Term("given", 0, "given", "N"),
    Term("surname", 0, "surname", "N"),
    Term("birth_date", 0, "birth_date", "NHL"),
    Term("phone", 0, "phones", "N"),
    *(Term(f"email_{n}", 0, "emails", "N") for n in (0, 1, 2)),
    Term("number", 0, "numbers", "N"),
    Term("location", 2, "postcode", "N"),
    Term("location", 4, "city", "N"),
    Term("place", 0, "postcode", "N"),
    Term("place", 2, "city", "N"),
)


def comparisons_of(others: Iterable[str]) -> tuple[str, ...]:
    """All comparisons of a base with these further columns.

    Raises:
        ValueError: there are more than `MOST_OTHERS`.
    """
    comparisons = (*STANDARD, *(f"{OTHER}{name}" for name in others))
    check_number(comparisons)
    return comparisons


def check_number(comparisons: Sequence[str]) -> None:
    """Refuse more comparisons than one number can hold the levels of: further ones would be lost without a word."""
    if len(comparisons) > MOST_COMPARISONS:
        further = len(comparisons) - len(STANDARD)
        raise ValueError(f"{further} further columns are compared, and at most {MOST_OTHERS} can be")


def terms_of(comparisons: Sequence[str]) -> tuple[Term, ...]:
    """The values whose frequency matters in these comparisons."""
    return (*STANDARD_TERMS, *(Term(one, 0, one, "N") for one in comparisons if one.startswith(OTHER)))


def field_of(comparison: str) -> str:
    """The fact that a comparison is about: the three versions of e-mail are one fact, further columns are alike."""
    if comparison.startswith(OTHER):
        return "other"
    return "email" if comparison.startswith("email_") else comparison
