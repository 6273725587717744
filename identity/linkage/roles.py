"""Which column is what: roles by name, else by the shape of the values. Pure.

What has no role is no evidence about a person by itself. A file's other columns may still be compared as they are; a
profile's are not: linkage would rather see less than take a loyalty tier for a fact about a person.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import NamedTuple

from identity.linkage import cleaning, name_columns
from identity.linkage.name_columns import IGNORE, SAMPLE, contains, determines
from identity.linkage.role_names import AGES, is_of_others, role_of, role_of_owned, snake

# Roles without which nothing is merged unasked.
NAME_ROLES = frozenset({"given", "surname", "full"})
# What a file's column may be besides: not looked at, compared as it is, the key of a row, the source it comes from.
FURTHER, KEY, SOURCE = "other", "id", "source"
_KEYS = frozenset({"id", "record_id", "rec_id", "unique_id", "uid", "row_id", "customer_id", "user_id"})
_SOURCES = frozenset({"source", "source_dataset", "dataset"})
# Somebody's answer is no evidence.
_ANSWERS = frozenset({"cluster", "cluster_id", "label", "truth", "entity_id", "person_id"})
# A further column in which more of any two rows agree is no evidence: it adds two bits at most, and what falls into a
# few classes is mostly told by others, or by the home (kinds of dwelling, groups of age, the year of a survey).
MOST_AGREEING = 0.15
# Of these a person may have several, each in a column of its own.
_SEVERAL = frozenset({"email", "phone"})
# Columns of tables that were put one under the other are hardly ever filled together.
_BESIDE = 0.2
_BETWEEN = {"year": (1850, 2100), "month": (1, 12), "day": (1, 31)}
# Dates of one sort lie that many years apart: of births, not of visits.
_LIVES = 15

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")
_PHONE = re.compile(r"[+(]?\d[\d\s().\-/]{6,18}\d")
_STREET = re.compile(r"\d+[a-zA-Z]?\s+[^\W\d_].*|[^\W\d_][^\d]*\s\d+\s?[a-zA-Z]?")
_POSTCODE = re.compile(
    r"\d{4,6}|\d{5}-\d{4}|[A-Za-z]{1,2}\d[A-Za-z\d]?\s*\d[A-Za-z]{2}|[A-Za-z]\d[A-Za-z]\s?\d[A-Za-z]\d"
)
_SEXES = frozenset({"m", "f", "w", "male", "female", "man", "woman"})


class Guess(NamedTuple):
    """The role of a column, and how it was found: by `name`, by `values`, or not at all."""

    role: str | None
    by: str


def recognise(columns: Mapping[str, Sequence[str]]) -> dict[str, Guess]:
    """The role of every column of a table, from its name or else from its values (blank ones empty).

    Values show a mailbox, a date of birth, a telephone, a street, a postcode and a sex by their shape. Names show
    themselves by the given names everybody knows and by turning up in the mailboxes of the same rows, so `columns`
    must be aligned: row n of each is one record. What only repeats other columns is ignored: it would count one fact
    twice.
    """
    guesses = _by_names(columns)
    taken = {guess.role for guess in guesses.values()}
    for name in [name for name, guess in guesses.items() if guess.role is None and snake(name) not in AGES]:
        role = _by_shape(columns[name])
        guesses[name] = Guess(role, "values") if role and role not in taken else Guess(None, "")
        taken.add(role)
    _part_the_date(columns, guesses)
    known = {name: guess.role for name, guess in guesses.items()}
    guesses |= {name: Guess(role, "values") for name, role in name_columns.recognise(columns, known).items()}
    for name in [name for name, guess in guesses.items() if guess.role is None]:
        says_little = _agreeing(columns[name]) > MOST_AGREEING
        guesses[name] = (
            _repeated(name, columns, guesses)
            or _age(name, guesses)
            or (Guess(IGNORE, "values") if says_little else Guess(FURTHER, ""))
        )
    return guesses


def _by_names(columns: Mapping[str, Sequence[str]]) -> dict[str, Guess]:
    """Roles by the names of columns. What says whose it is (`mailing_city`) counts where nothing else has the role, or
    in rows where nothing else has a value; a second address beside the first is no further fact."""
    guesses = {name: Guess(_by_name(name), "name") for name in columns}
    holders = {guess.role: name for name, guess in guesses.items()}
    for name in [name for name, guess in guesses.items() if guess.role is None]:
        role = role_of_owned(name)
        if role is None:
            guesses[name] = Guess(IGNORE, "name") if is_of_others(name) else guesses[name]
            continue
        first = holders.setdefault(role, name)
        instead = first == name or role in _SEVERAL or _beside(columns[first], columns[name]) < _BESIDE
        guesses[name] = Guess(role if instead else IGNORE, "name")
    return guesses


def _beside(left: Sequence[str], right: Sequence[str]) -> float:
    """In which share of the rows that have a value on the right there is one on the left, too."""
    both = sum(bool(a and b) for a, b in zip(left[:SAMPLE], right[:SAMPLE], strict=True))
    return both / max(sum(map(bool, right[:SAMPLE])), 1)


def _by_name(name: str) -> str | None:
    words = snake(name)
    for role, names in ((KEY, _KEYS), (SOURCE, _SOURCES), (IGNORE, _ANSWERS)):
        if words in names:
            return role
    return role_of(name)


def _part_the_date(columns: Mapping[str, Sequence[str]], guesses: dict[str, Guess]) -> None:
    """Day, month and year of birth in columns of their own, which short names or their values tell together."""
    taken = {guess.role for guess in guesses.values()}
    if not taken.isdisjoint({"birth_date", "birth_day", "birth_month"}):
        return
    free = [name for name, guess in guesses.items() if guess.role in (None, "birth_year", "house")]
    found = {part: [name for name in free if _holds_part(columns[name], part)] for part in ("year", "month", "day")}
    parts = {part: names[0] for part, names in found.items() if len(names) == 1}
    if len(parts) == 3 and guesses[parts["day"]].by != "name":
        for part, name in parts.items():
            guesses[name] = Guess(f"birth_{part}", "values")
    elif "birth_year" not in taken and "year" in parts:
        guesses[parts["year"]] = Guess("birth_year", "values")


def _holds_part(values: Sequence[str], part: str) -> bool:
    """Whether numbers are days, months or years of birth: of years there are many, and they lie far apart."""
    numbers = [int(value) for value in values[:SAMPLE] if value.isdigit() and len(value) <= 4]
    if len(numbers) < 0.95 * max(sum(map(bool, values[:SAMPLE])), 20):
        return False
    least, most = _BETWEEN[part]
    inside = [number for number in numbers if least <= number <= most]
    kinds = len(set(inside))
    enough = {"year": 20, "month": 12, "day": 25}[part]
    return len(inside) >= 0.97 * len(numbers) and (kinds >= enough if part != "month" else kinds == enough)


def _age(name: str, guesses: Mapping[str, Guess]) -> Guess | None:
    """An age is the birth date once more, and changes."""
    born = any(guess.role in ("birth_date", "birth_year") for guess in guesses.values())
    return Guess(IGNORE, "name") if born and snake(name) in AGES else None


def _agreeing(values: Sequence[str]) -> float:
    """How often two rows that have a value have the same one."""
    present = [value for value in values[:SAMPLE] if value]
    counts = Counter(present)
    return sum(n * (n - 1) for n in counts.values()) / max(len(present) * (len(present) - 1), 1)


def information(values: Sequence[str]) -> float:
    """What a further column can tell of two rows, in bits: how many values it has, where both rows have one."""
    filled = sum(map(bool, values[:SAMPLE])) / max(len(values[:SAMPLE]), 1)
    return filled**2 * -log2(_agreeing(values) or 0.5 / SAMPLE**2)


def _repeated(name: str, columns: Mapping[str, Sequence[str]], guesses: Mapping[str, Guess]) -> Guess | None:
    """The full name, or what the place determines."""
    by_role = {guess.role: other for other, guess in guesses.items()}
    values = columns[name]
    parts = [columns[by_role[role]] for role in ("given", "surname") if role in by_role]
    if len(parts) == 2 and contains(values, parts) > 0.6:
        return Guess(IGNORE if "full" in by_role else "full", "values")
    places = [columns[by_role[role]] for role in ("postcode", "city") if role in by_role]
    if any(determines(place, values, share=0.95) for place in places):
        return Guess(IGNORE, "values")
    return None


def _by_shape(values: Sequence[str]) -> str | None:
    present = [value.strip() for value in values[:SAMPLE] if value and value.strip()]
    if len(present) < 3:
        return None
    for role, least, test in _SHAPES:
        if _share(present, test) > least:
            return role if _plausible(role, present) else None
    return None


def _plausible(role: str, present: Sequence[str]) -> bool:
    """Whether values of this shape are what they look like: years, sums of money and days of visits look alike."""
    if role in ("postcode", "house") and _years(present) > 0.3:
        return False
    if role == "postcode":
        lengths = Counter(len(value) for value in present if value.isdigit())
        return max(lengths.values(), default=0) >= 0.9 * lengths.total()
    if role == "birth_date":
        years = sorted(clean[:4] for value in present if (clean := cleaning.clean_date(value)))
        return int(years[len(years) * 19 // 20]) - int(years[len(years) // 20]) >= _LIVES or len(years) < 20
    return True


def _share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, values)) / len(values)


def _digits(value: str) -> int:
    return sum(letter.isdigit() for letter in value)


def _years(values: Sequence[str]) -> float:
    return _share(values, lambda value: value.isdigit() and len(value) == 4 and "1850" <= value <= "2100")


def _is_birth_date(value: str) -> bool:
    clean = cleaning.clean_date(value) if not value.isdigit() or len(value) == 8 else ""
    return bool(clean) and clean[4:] != "0000" and clean[4:6] <= "12" and clean[6:] <= "31"


# The shape of the values of each role and the share that must have it, in the order they are tried.
_SHAPES: tuple[tuple[str, float, Callable[[str], bool]], ...] = (
    ("email", 0.8, lambda value: bool(_EMAIL.fullmatch(value))),
    ("birth_date", 0.8, _is_birth_date),
    ("sex", 0.95, lambda value: value.lower() in _SEXES),
    ("postcode", 0.8, lambda value: bool(_POSTCODE.fullmatch(value))),
    ("phone", 0.8, lambda value: bool(_PHONE.fullmatch(value)) and 8 <= _digits(value) <= 15),
    ("street", 0.6, lambda value: bool(_STREET.fullmatch(value)) or cleaning.is_street(value)),
    ("house", 0.8, lambda value: value.isdigit() and len(value) <= 4),
)
