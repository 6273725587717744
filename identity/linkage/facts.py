"""The level of each fact for whole columns of pairs, by rapidfuzz. Pure.

Texts are UTF-8 bytes, empty where missing; lists are tuples of them. Every function takes the columns of the one side,
then those of the other, and gives one level a row, the same as the SQL of the bulk run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from rapidfuzz.process import cpdist

from identity.linkage import levels as lv
from identity.linkage.levels import MISSING, Levels

Texts = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def _present(*columns: Texts) -> Bools:
    there = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        there &= column.astype(bool)
    return there


def _lengths(texts: Texts) -> Ints:
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


def _edits(a: Texts, b: Texts) -> Ints:
    """Damerau-Levenshtein distance; above two it is three."""
    if not len(a):
        return np.empty(0, dtype=np.int64)
    return np.asarray(cpdist(a, b, scorer=DamerauLevenshtein.distance, score_cutoff=2), dtype=np.int64)


def _alike(a: Texts, b: Texts, limit: float) -> Bools:
    if not len(a):
        return np.empty(0, dtype=bool)
    return np.asarray(cpdist(a, b, scorer=JaroWinkler.similarity, dtype=np.float64) >= limit)


def _slip(a: Texts, b: Texts) -> Bools:
    """One edit or transposition, two in long names, not at both ends; in three letters it makes another name."""
    first, second = _lengths(a), _lengths(b)
    shorter = np.minimum(first, second)
    possible = (np.abs(first - second) <= 2) & (shorter >= lv.ONE_SLIP_FROM)
    rows = np.flatnonzero(possible)
    rows = rows[
        np.fromiter((_an_end(x, y) for x, y in zip(a[rows], b[rows], strict=True)), dtype=bool, count=len(rows))
    ]
    slipped = np.zeros(len(a), dtype=bool)
    slipped[rows] = _edits(a[rows], b[rows]) <= np.where(shorter[rows] >= lv.TWO_SLIPS_FROM, 2, 1)
    return slipped


def _an_end(x: bytes, y: bytes) -> bool:
    """Whether two texts begin or end with the same letter."""
    if x.isascii() and y.isascii():
        return x[0] == y[0] or x[-1] == y[-1]
    first, second = x.decode(), y.decode()
    return first[0] == second[0] or first[-1] == second[-1]


def _among(test: Callable[..., Bools], where: Bools, *columns: Texts) -> Bools:
    """A test of the rows `where`; false elsewhere."""
    found = np.zeros(len(where), dtype=bool)
    rows = np.flatnonzero(where)
    found[rows] = test(*(column[rows] for column in columns))
    return found


def _overlap(a: Texts, b: Texts) -> Bools:
    return np.fromiter((not set(x).isdisjoint(y) for x, y in zip(a, b, strict=True)), dtype=bool, count=len(a))


def _begins(a: Texts, b: Texts) -> Bools:
    """One begins with the other, which is an initial or of three letters at least."""

    def begins(x: bytes, y: bytes) -> bool:
        short, long = (x, y) if len(x) <= len(y) else (y, x)
        return len(short) != 2 and long.startswith(short)

    return np.fromiter(map(begins, a, b), dtype=bool, count=len(a))


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


def _names(g_a: Texts, s_a: Texts, g_b: Texts, s_b: Texts) -> tuple[Bools, Bools]:
    """Whether the two names are swapped, and whether the only name of one is the other name of the other."""
    swapped = _present(g_a, s_a, g_b, s_b) & (g_a == s_b) & (g_b == s_a) & (g_a != g_b)
    one = (g_a.astype(bool) != s_a.astype(bool)) | (g_b.astype(bool) != s_b.astype(bool))
    one &= ~(_present(g_a, g_b) & (g_a == g_b)) & ~(_present(s_a, s_b) & (s_a == s_b))

    def crossed(a: Texts, b: Texts) -> Bools:
        both = one & _present(a, b)
        return (both & (a == b)) | _among(_slip, both & (a != b), a, b)

    return swapped, crossed(g_a, s_b) | crossed(s_a, g_b)


def given_levels(g_a: Texts, s_a: Texts, k_a: Texts, g_b: Texts, s_b: Texts, k_b: Texts) -> Levels:
    """Exact, a slip, nickname / initial / shared name, similar, different, or swapped with the surname."""
    swapped, lone = _names(g_a, s_a, g_b, s_b)
    equal = g_a == g_b
    return _choose(
        [
            (0, lambda left: equal),
            (5, lambda left: swapped),
            (1, lambda left: _among(_slip, left, g_a, g_b)),
            (2, lambda left: _among(_overlap, left, k_a, k_b)),
            (2, lambda left: _among(_begins, left, g_a, g_b)),
            (3, lambda left: _among(lambda a, b: _alike(a, b, lv.SIMILAR_GIVEN), left, g_a, g_b)),
        ],
        _present(g_a, g_b) & (equal | swapped | ~lone),
        otherwise=4,
    )


def surname_levels(g_a: Texts, s_a: Texts, g_b: Texts, s_b: Texts) -> Levels:
    """Exact, close, similar, different; or the only name of one of them, which the other bears on the other side."""
    swapped, lone = _names(g_a, s_a, g_b, s_b)
    levels = _choose(
        [
            (0, lambda left: s_a == s_b),
            (1, lambda left: _among(lambda a, b: _alike(a, b, lv.CLOSE), left, s_a, s_b)),
            (1, lambda left: _among(_slip, left, s_a, s_b)),
            (2, lambda left: _among(lambda a, b: _alike(a, b, lv.SIMILAR_SURNAME), left, s_a, s_b)),
            (2, lambda left: _among(_shared_word, left, s_a, s_b)),
        ],
        _present(s_a, s_b) & ~swapped,
        otherwise=3,
    )
    levels[lone] = 4
    return levels


def _shared_word(a: Texts, b: Texts) -> Bools:
    shared = (
        (b" " in x or b" " in y) and not set(x.split(b" ")).isdisjoint(y.split(b" ")) for x, y in zip(a, b, strict=True)
    )
    return np.fromiter(shared, dtype=bool, count=len(a))


def birth_date_levels(a: Texts, b: Texts) -> Levels:
    """Exact; a slip or day and month swapped; two parts or a month apart; a year apart; different."""
    both = _present(a, b)
    levels = np.full(len(a), MISSING, dtype=np.int8)
    rows = np.flatnonzero(both)
    x, y = (column[rows].astype("S8").view("S1").reshape(-1, 8) for column in (a, b))
    equal = x == y
    year, month, day = equal[:, :4].all(1), equal[:, 4:6].all(1), equal[:, 6:].all(1)
    swapped = year & (x[:, 4:] == y[:, [6, 7, 4, 5]]).all(1)
    apart = np.abs(_days(x) - _days(y))
    partial = (year & (month | day)) | (month & day) | (apart <= lv.DAYS_PARTIAL)
    weak = year | (apart <= lv.DAYS_WEAK)
    year_only = (x[:, 4:] == b"0").all(1) | (y[:, 4:] == b"0").all(1)
    ends = equal[:, :3].all(1) | equal[:, 5:].all(1)
    slip = swapped
    slip[ends] |= _edits(a[rows][ends], b[rows][ends]) <= 1
    order = [equal.all(1), year_only & year, year_only, slip, partial, weak]
    levels[rows] = np.select(order, [0, 3, 4, 1, 2, 3], 4)
    return levels


def _days(digits: npt.NDArray[Any]) -> Ints:
    numbers = digits.astype(np.int64)
    year = numbers[:, 0] * 1000 + numbers[:, 1] * 100 + numbers[:, 2] * 10 + numbers[:, 3]
    return np.asarray(year * 372 + (numbers[:, 4] * 10 + numbers[:, 5]) * 31 + numbers[:, 6] * 10 + numbers[:, 7])


def digits_levels(a: Texts, b: Texts) -> Levels:
    """The best of all combinations of telephones or numbers: exact, one edit, two edits, different."""
    both = _present(a, b)
    levels = np.full(len(a), MISSING, dtype=np.int8)
    equal = _among(_overlap, both, a, b)
    levels[equal] = 0
    rows = np.flatnonzero(both & ~equal)
    levels[rows] = _best(a[rows], b[rows], _digit_levels)
    return levels


def _digit_levels(a: Texts, b: Texts) -> Ints:
    some = np.fromiter((_some_digits(x, y) for x, y in zip(a, b, strict=True)), dtype=bool, count=len(a))
    levels = np.full(len(a), 3, dtype=np.int64)
    levels[some] = np.clip(_edits(a[some], b[some]), 1, 3)
    return levels


def _some_digits(x: bytes, y: bytes) -> bool:
    """Whether the first, the next or the last digits are the same."""
    n = lv.DIGITS
    return x[:n] == y[:n] or x[n : 2 * n] == y[n : 2 * n] or x[-n:] == y[-n:]


def _best(a: Texts, b: Texts, distance: Callable[[Texts, Texts], Ints]) -> Ints:
    """The least distance of the first values of two lists."""
    least = np.full(len(a), 127, dtype=np.int64)
    for i in range(lv.FUZZY_VALUES):
        for j in range(lv.FUZZY_VALUES):
            has = np.fromiter((len(x) > i and len(y) > j for x, y in zip(a, b, strict=True)), dtype=bool, count=len(a))
            rows = np.flatnonzero(has)
            if len(rows):
                x, y = _nth(a[rows], i), _nth(b[rows], j)
                least[rows] = np.minimum(least[rows], distance(x, y))
    return least


def _nth(lists: Texts, n: int) -> Texts:
    texts = np.empty(len(lists), dtype=object)
    texts[:] = [one[n] for one in lists]
    return texts


def email_levels(a: Texts, b: Texts) -> Levels:
    """The same mailbox; its name at another provider, a slip, similar, different; the best of all combinations."""
    both = _present(a, b)
    levels = np.full(len(a), MISSING, dtype=np.int8)
    equal = _among(_overlap, both, a, b)
    levels[equal] = 0
    rows = np.flatnonzero(both & ~equal)
    levels[rows] = _best(a[rows], b[rows], _mailbox_levels)
    return levels


def _mailbox_levels(a: Texts, b: Texts) -> Ints:
    parts = [np.array([text.partition(b"@")[::2] for text in column], dtype=object) for column in (a, b)]
    (x, x_domain), (y, y_domain) = ((part[:, 0], part[:, 1]) for part in parts)
    same = x == y
    # One mailbox name, one letter of the domain: a slip of the domain rather than another provider.
    short = same & (_lengths(x) < 5)
    other = _among(lambda p, q: _edits(p, q) > 1, short, x_domain, y_domain)
    levels = _choose(
        [
            (2, lambda left: other),
            (1, lambda left: same),
            (2, lambda left: _among(_slip, left, x, y)),
            (3, lambda left: _among(lambda p, q: _alike(p, q, lv.SIMILAR_LOCAL), left, x, y)),
        ],
        np.ones(len(a), dtype=bool),
        otherwise=4,
    )
    return levels.astype(np.int64)


def location_levels(*columns: Texts) -> Levels:
    """All address fields are one fact; the best evidence decides."""
    street_a, house_a, post_a, city_a, street_b, house_b, post_b, city_b = columns
    posts, cities, houses = _present(post_a, post_b), _present(city_a, city_b), _present(house_a, house_b)
    streets = _present(street_a, street_b)
    same_post, same_city = posts & (post_a == post_b), cities & (city_a == city_b)
    no_place = ~posts & ~cities
    here = same_post | same_city | no_place
    same_street, same_house = streets & (street_a == street_b), houses & (house_a == house_b)
    near = streets & same_house & here
    return _choose(
        [
            (0, lambda left: same_street & here & (same_house | ~houses)),
            (1, lambda left: same_street & same_house),
            (1, lambda left: _among(lambda a, b: _alike(a, b, 0.9), left & near, street_a, street_b)),
            (2, lambda left: same_post),
            (3, lambda left: _among(_slip, left & posts & (same_city | ~cities), post_a, post_b)),
            (4, lambda left: same_city),
            (4, lambda left: _among(lambda a, b: _alike(a, b, lv.SIMILAR_PLACE), left & cities, city_a, city_b)),
        ],
        ~no_place | streets,
        otherwise=5,
    )


def street_known(a: Texts, b: Texts) -> Levels:
    """Whether both have a street: where not, only the place can be compared."""
    return _present(a, b).astype(np.int8)


def sex_levels(g_a: Texts, x_a: Texts, g_b: Texts, x_b: Texts) -> Levels:
    """Only where the given names differ: a given name tells the sex already."""
    known = _present(x_a, x_b) & ~(_present(g_a, g_b) & (g_a == g_b))
    return np.where(known, (x_a != x_b).astype(np.int8), np.int8(MISSING))


def other_levels(a: Texts, b: Texts) -> Levels:
    """A further column of a file: exact, similar, different."""
    return _choose(
        [
            (0, lambda left: a == b),
            (1, lambda left: _among(_slip, left, a, b)),
            (1, lambda left: _among(lambda p, q: _alike(p, q, lv.SIMILAR_OTHER), left, a, b)),
        ],
        _present(a, b),
        otherwise=2,
    )


# The columns of each fact, and what compares them.
FACTS: dict[str, tuple[tuple[str, ...], Callable[..., Levels]]] = {
    "given": (("given", "surname", "kin"), given_levels),
    "surname": (("given", "surname"), surname_levels),
    "birth_date": (("birth_date",), birth_date_levels),
    "phone": (("phones",), digits_levels),
    "email": (("emails",), email_levels),
    "number": (("numbers",), digits_levels),
    "location": (("street", "house", "postcode", "city"), location_levels),
    "sex": (("given", "sex"), sex_levels),
    "streets": (("street",), street_known),
}
