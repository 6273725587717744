"""The level of each fact for whole columns of pairs, by numpy where a number tells and by rapidfuzz where letters do.

Pure. Values are UTF-8 bytes, empty where missing; lists are tuples of them (`vocabulary`). Every function takes the two
sides of each of its columns and gives one level a row, the same as the SQL of the bulk run.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from rapidfuzz.process import cpdist

from identity.linkage import levels as lv
from identity.linkage.levels import MISSING, Levels
from identity.linkage.vocabulary import Bools, Ints, Sides, Texts


def _among(test: Callable[[Sides], Bools], where: Bools, sides: Sides) -> Bools:
    """A test of the rows `where`; false elsewhere."""
    found = np.zeros(len(where), dtype=bool)
    rows = np.flatnonzero(where)
    if len(rows):
        found[rows] = test(sides.at(rows))
    return found


def _edits(sides: Sides) -> Ints:
    """Damerau-Levenshtein distance; above two it is three."""

    def distance(a: Texts, b: Texts) -> Ints:
        if not len(a):
            return np.empty(0, dtype=np.int64)
        return np.asarray(cpdist(a, b, scorer=DamerauLevenshtein.distance, score_cutoff=2), dtype=np.int64)

    return np.asarray(sides.ask(distance))


def _alike(sides: Sides, limit: float) -> Bools:
    def similar(a: Texts, b: Texts) -> Bools:
        if not len(a):
            return np.empty(0, dtype=bool)
        return np.asarray(cpdist(a, b, scorer=JaroWinkler.similarity, dtype=np.float64) >= limit)

    return np.asarray(sides.ask(similar))


def _slip(sides: Sides) -> Bools:
    """One edit or transposition, two in long names, not at both ends; in three letters it makes another name."""
    first, second = sides.of_value(sides.vocabulary.lengths)
    shorter = np.minimum(first, second)
    possible = (np.abs(first - second) <= 2) & (shorter >= lv.ONE_SLIP_FROM)
    begin, end = (x == y for x, y in map(sides.of_value, sides.vocabulary.ends))
    most = np.where(shorter >= lv.TWO_SLIPS_FROM, 2, 1)
    slipped = np.zeros(len(sides), dtype=bool)
    rows = np.flatnonzero(possible & (begin | end))
    slipped[rows] = _edits(sides.at(rows)) <= most[rows]
    return slipped


def _overlap(lists: Sides) -> Bools:
    """Whether two lists have an item in common: of single items it is the same one or none."""

    def meet(a: Texts, b: Texts) -> Bools:
        return np.fromiter((not set(x).isdisjoint(y) for x, y in zip(a, b, strict=True)), dtype=bool, count=len(a))

    several = np.logical_or(*(lengths > 1 for lengths in lists.of_value(lists.vocabulary.lengths)))
    return lists.equal | _among(lambda some: np.asarray(some.ask(meet)), several & ~lists.equal, lists)


def _begins(sides: Sides) -> Bools:
    """One begins with the other: an initial, or a short form."""

    def begins(x: bytes, y: bytes) -> bool:
        return (y if len(x) <= len(y) else x).startswith(x if len(x) <= len(y) else y)

    x, y = sides.of_value(sides.vocabulary.ends[0])
    return _among(
        lambda some: np.asarray(some.ask(lambda a, b: np.fromiter(map(begins, a, b), dtype=bool, count=len(a)))),
        x == y,
        sides,
    )


def _choose(conditions: Sequence[tuple[int, Callable[[Bools], Bools]]], todo: Bools, otherwise: int) -> Levels:
    """The level of the first condition that holds; each is asked only about the rows that are left."""
    levels = np.full(len(todo), MISSING, dtype=np.int8)
    left = todo.copy()
    for level, condition in conditions:
        hit = condition(left) & left
        levels[hit] = level
        left &= ~hit
    levels[left] = otherwise
    return levels


def _names(given: Sides, surname: Sides) -> tuple[Bools, Bools]:
    """Whether the two names are swapped, and whether the only name of one is the other name of the other."""
    filled = given.vocabulary.filled
    (g_a, g_b), (s_a, s_b) = given.of_value(filled), surname.of_value(filled)
    crosswise = Sides(given.left, surname.right, given.vocabulary), Sides(surname.left, given.right, given.vocabulary)
    met = g_a & s_a & g_b & s_b & ~given.equal & ~surname.equal
    swapped = met & crosswise[0].equal & crosswise[1].equal
    for same, other in (crosswise, crosswise[::-1]):
        half = met & same.equal & ~swapped
        swapped |= _among(_begins, half, other) | _among(_slip, half, other)
    one = (g_a != s_a) | (g_b != s_b)
    one &= ~(g_a & given.equal) & ~(s_a & surname.equal)

    def crossed(sides: Sides) -> Bools:
        both = one & sides.both
        return (both & sides.equal) | _among(_slip, both & ~sides.equal, sides)

    return swapped, crossed(crosswise[0]) | crossed(crosswise[1])


def given_levels(given: Sides, surname: Sides, formals: Sides, kin: Sides, others: Sides) -> Levels:
    """Exact, a slip, nickname or initial, similar, different; swapped with the surname; a middle name of the other."""
    swapped, lone = _names(given, surname)
    return _choose(
        [
            (0, lambda left: given.equal),
            (5, lambda left: swapped),
            (1, lambda left: _among(_slip, left, given)),
            (2, lambda left: _among(_overlap, left, formals)),
            (2, lambda left: _among(_begins, left, given)),
            (6, lambda left: _by_middle_name(left, kin, others)),
            (3, lambda left: _among(lambda some: _alike(some, lv.SIMILAR_GIVEN), left, given)),
        ],
        given.both & (given.equal | swapped | ~lone),
        otherwise=4,
    )


def _by_middle_name(left: Bools, kin: Sides, others: Sides) -> Bools:
    """Whether the given name of one is a middle name of the other."""
    crossed = _among(_overlap, left & np.logical_or(*others.of_value(others.vocabulary.filled)), kin)
    return crossed & ~_among(_overlap, crossed & others.both, others)


def middle_levels(others: Sides) -> Levels:
    """A middle name in common; a slip or an initial of the first ones; different; one has none; neither has one."""
    both, some = others.both, np.logical_or(*others.of_value(others.vocabulary.filled))
    items, places = others.vocabulary.items
    firsts = Sides(places[0][others.left], places[0][others.right], items)
    initials = firsts.equal & (firsts.of_value(items.lengths)[0] == 1)
    return _choose(
        [
            (4, lambda left: ~some),
            (3, lambda left: ~both),
            (0, lambda left: _among(_overlap, left & ~initials, others)),
            (1, lambda left: _among(_begins, left, firsts)),
            (1, lambda left: _among(_slip, left, firsts)),
        ],
        np.ones(len(others), dtype=bool),
        otherwise=2,
    )


def surname_levels(given: Sides, surname: Sides, sex: Sides) -> Levels:
    """Exact, close, similar, different; or the only name of one of them, which the other bears on the other side.

    That the surnames of a woman differ is a level of its own: she may have married.
    """
    female = sex.vocabulary.once("female", lambda values: np.array([one == b"f" for one in values], dtype=bool))
    filled = sex.vocabulary.filled
    (f_a, f_b), (k_a, k_b) = sex.of_value(female), sex.of_value(filled)
    woman = (f_a | f_b) & (f_a | ~k_a) & (f_b | ~k_b)
    swapped, lone = _names(given, surname)
    levels = _choose(
        [
            (0, lambda left: surname.equal),
            (1, lambda left: _among(lambda some: _alike(some, lv.CLOSE), left, surname)),
            (1, lambda left: _among(_slip, left, surname)),
            (2, lambda left: _among(lambda some: _alike(some, lv.SIMILAR_SURNAME), left, surname)),
            (2, lambda left: _among(_shared_word, left, surname)),
            (5, lambda left: woman),
        ],
        surname.both & ~swapped,
        otherwise=3,
    )
    levels[lone] = 4
    return levels


def _shared_word(sides: Sides) -> Bools:
    def shared(x: bytes, y: bytes) -> bool:
        return not set(x.split(b" ")).isdisjoint(y.split(b" "))

    several = sides.vocabulary.once("several words", lambda values: np.array([b" " in one for one in values]))
    x, y = sides.of_value(several)
    return _among(
        lambda some: np.asarray(some.ask(lambda a, b: np.fromiter(map(shared, a, b), dtype=bool, count=len(a)))),
        x | y,
        sides,
    )


def birth_date_levels(dates: Sides) -> Levels:
    """Exact; a slip or day and month swapped; two parts or a month apart; a year apart; different.

    Where one is a year alone: the same year, or another.
    """
    levels = np.full(len(dates), MISSING, dtype=np.int8)
    rows = np.flatnonzero(dates.both)
    some = dates.at(rows)
    digits, days, year_alone = dates.vocabulary.once("calendar", _calendar)
    x, y = some.of_value(digits)
    same = x == y
    equal, year, month, day = some.equal, same[:, :4].all(1), same[:, 4:6].all(1), same[:, 6:].all(1)
    swapped = year & (x[:, 4:] == y[:, [6, 7, 4, 5]]).all(1)
    apart = np.abs(np.subtract(*some.of_value(days)))
    partial = (year & (month | day)) | (month & day) | (apart <= lv.DAYS_PARTIAL)
    weak = year | (apart <= lv.DAYS_WEAK)
    year_only = np.logical_or(*some.of_value(year_alone))
    ends = ~equal & (same[:, :3].all(1) | same[:, 5:].all(1))
    slip = swapped | _among(lambda near: _edits(near) <= 1, ends, some)
    levels[rows] = np.select([year_only & year, year_only, equal, slip, partial, weak], [5, 6, 0, 1, 2, 3], 4)
    return levels


def _calendar(dates: Texts) -> tuple[npt.NDArray[np.int8], Ints, Bools]:
    """Of each date its digits, its day as if every month had 31 and a year 372, and whether it is a year alone."""
    digits = dates.astype("S8").view(np.uint8).reshape(-1, 8).astype(np.int8) - ord("0")
    number = digits.astype(np.int64)
    year = number[:, 0] * 1000 + number[:, 1] * 100 + number[:, 2] * 10 + number[:, 3]
    days = year * 372 + (number[:, 4] * 10 + number[:, 5]) * 31 + number[:, 6] * 10 + number[:, 7]
    return digits, days, (digits[:, 4:] == 0).all(1)


def digits_levels(lists: Sides) -> Levels:
    """The best of all combinations of telephones or numbers: exact, one edit, two edits, different."""
    return _best(lists, _digit_levels)


def _digit_levels(sides: Sides) -> Levels:
    thirds = sides.vocabulary.once("thirds", _thirds)
    some = np.logical_or.reduce([x == y for x, y in map(sides.of_value, thirds)])
    levels = np.full(len(sides), 3, dtype=np.int8)
    rows = np.flatnonzero(some)
    levels[rows] = np.clip(_edits(sides.at(rows)), 1, 3)
    return levels


def _thirds(values: Texts) -> list[Ints]:
    """The first, the next and the last digits of each; two alike in none of them differ by more than two slips."""
    n = lv.DIGITS
    parts = ([v[:n] for v in values], [v[n : 2 * n] for v in values], [v[-n:] for v in values])
    return [np.array([int.from_bytes(one, "big") for one in part], dtype=np.int64) for part in parts]


def _best(lists: Sides, level: Callable[[Sides], Levels]) -> Levels:
    """Exact where two lists have a value in common, else the best level of their first values."""
    both = lists.both
    levels = np.full(len(lists), MISSING, dtype=np.int8)
    equal = _among(_overlap, both, lists)
    levels[equal] = 0
    rows = np.flatnonzero(both & ~equal)
    some, least = lists.at(rows), np.full(len(rows), 127, dtype=np.int8)
    items, places = lists.vocabulary.items
    for first in places[: lv.FUZZY_VALUES]:
        for second in places[: lv.FUZZY_VALUES]:
            sides = Sides(first[some.left], second[some.right], items)
            there = np.flatnonzero(sides.both)
            if len(there):
                least[there] = np.minimum(least[there], level(sides.at(there)))
    levels[rows] = least
    return levels


def email_levels(lists: Sides) -> Levels:
    """The same mailbox; its name at another provider, a slip, similar, different; the best of all combinations."""
    return _best(lists, _mailbox_levels)


def _mailbox_levels(sides: Sides) -> Levels:
    local, domain = (column.sides(sides.left, sides.right) for column in sides.vocabulary.mailboxes)
    # One mailbox name, one letter of the domain: a slip of the domain rather than another provider.
    short = local.equal & (local.of_value(local.vocabulary.lengths)[0] < 5)
    other = _among(lambda some: _edits(some) > 1, short, domain)
    return _choose(
        [
            (2, lambda left: other),
            (1, lambda left: local.equal),
            (2, lambda left: _among(_slip, left, local)),
            (3, lambda left: _among(lambda some: _alike(some, lv.SIMILAR_LOCAL), left, local)),
        ],
        np.ones(len(sides), dtype=bool),
        otherwise=4,
    )


def location_levels(street: Sides, house: Sides, postcode: Sides, city: Sides) -> Levels:
    """All address fields are one fact; the best evidence decides."""
    posts, cities, streets = postcode.both, city.both, street.both
    houses = house.both
    same_post, same_city = posts & postcode.equal, cities & city.equal
    no_place = ~posts & ~cities
    here = same_post | same_city | no_place
    same_street, same_house = streets & street.equal, houses & house.equal
    near = streets & same_house & here
    return _choose(
        [
            (0, lambda left: same_street & here & (same_house | ~houses)),
            (
                1,
                lambda left: _among(
                    lambda some: _alike(some, lv.SIMILAR_PLACE), left & same_street & same_house & cities, city
                ),
            ),
            (1, lambda left: _among(_slip, left & same_street & same_house & posts, postcode)),
            (6, lambda left: same_street & same_house),
            (1, lambda left: _among(lambda some: _alike(some, 0.9), left & near, street)),
            (2, lambda left: same_post),
            (3, lambda left: _among(_slip, left & posts & (same_city | ~cities), postcode)),
            (4, lambda left: same_city),
            (4, lambda left: _among(lambda some: _alike(some, lv.SIMILAR_PLACE), left & cities, city)),
        ],
        ~no_place | streets,
        otherwise=5,
    )


def street_known(street: Sides) -> Levels:
    """Whether both have a street: where not, only the place can be compared."""
    return street.both.astype(np.int8)


def sex_levels(given: Sides, sex: Sides) -> Levels:
    """Only where the given names differ: a given name tells the sex already."""
    known = sex.both & ~(given.both & given.equal)
    return np.where(known, (~sex.equal).astype(np.int8), np.int8(MISSING))


def other_levels(values: Sides) -> Levels:
    """A further column of a file: exact, similar, different."""
    return _choose(
        [
            (0, lambda left: values.equal),
            (1, lambda left: _among(_slip, left, values)),
            (1, lambda left: _among(lambda some: _alike(some, lv.SIMILAR_OTHER), left, values)),
        ],
        values.both,
        otherwise=2,
    )


# The columns of each fact, and what compares them.
FACTS: dict[str, tuple[tuple[str, ...], Callable[..., Levels]]] = {
    "given": (("given", "surname", "formals", "kin", "others"), given_levels),
    "middle": (("others",), middle_levels),
    "surname": (("given", "surname", "sex"), surname_levels),
    "birth_date": (("birth_date",), birth_date_levels),
    "phone": (("phones",), digits_levels),
    "email": (("emails",), email_levels),
    "number": (("numbers",), digits_levels),
    "location": (("street", "house", "postcode", "city"), location_levels),
    "sex": (("given", "sex"), sex_levels),
    "streets": (("street",), street_known),
}
# Columns that are compared crosswise.
CROSSWISE = ("given", "surname")
