"""Which column is what: roles by name, else by the shape of the values. Pure.

What has no role is no evidence about a person by itself. A file's other columns may still be compared as they are; a
profile's are not: linkage would rather see less than take a loyalty tier for a fact about a person.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from identity.linkage import cleaning

ROLES: dict[str, frozenset[str]] = {
    "given": frozenset(
        {"first_name", "firstname", "first", "given_name", "givenname", "given", "forename", "forenames", "fname",
         "christian_name", "vorname", "prenom", "nombre"}
    ),
    "middle": frozenset(
        {"middle_name", "middlename", "middle", "first_name2", "first_name_2", "second_name", "given_name2", "mname",
         "surname2", "maiden_name", "birth_name", "nickname"}
    ),
    "surname": frozenset(
        {"last_name", "lastname", "last", "surname", "family_name", "familyname", "lname", "sname", "nachname",
         "nom", "apellido"}
    ),
    "full": frozenset({"name", "full_name", "fullname", "display_name", "customer_name", "contact_name"}),
    "email": frozenset({"email", "e_mail", "mail", "email_address", "emailaddress", "mail_address"}),
    "phone": frozenset(
        {"phone", "mobile", "telephone", "tel", "cell", "landline", "phone_number", "mobile_phone", "mobile_number",
         "cell_phone", "home_phone", "telefon", "phone1", "phone2"}
    ),
    "birth_date": frozenset(
        {"birthday", "birth_date", "birthdate", "date_of_birth", "dob", "bday", "geburtsdatum", "born"}
    ),
    "birth_year": frozenset({"birth_year", "year_of_birth", "dob_year", "yob"}),
    "street": frozenset(
        {"street", "street_address", "address", "address1", "address_1", "address_line1", "address_line_1", "line1",
         "street_name", "strasse", "addr"}
    ),
    "house": frozenset({"house_number", "street_number", "house_no", "housenumber", "hausnummer"}),
    "city": frozenset({"city", "town", "suburb", "locality", "ort", "stadt"}),
    "postcode": frozenset(
        {"postcode", "postal_code", "postalcode", "zip", "zip_code", "zipcode", "plz", "postcode_fake", "post_code"}
    ),
    # Told by the postcode or the city: known, so that nobody takes them for facts of their own.
    "region": frozenset(
        {"state", "region", "province", "county", "country", "country_code", "address_2", "address2", "address_line_2"}
    ),
    "sex": frozenset({"sex", "gender", "geschlecht"}),
    "number": frozenset(
        {"ssn", "soc_sec_id", "social_security_number", "national_id", "tax_id", "passport_number", "nhs_number"}
    ),
}  # fmt: skip
_ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Roles without which nothing is merged unasked.
NAME_ROLES = frozenset({"given", "surname", "full"})
# What a file's column may be besides: not looked at, compared as it is, the key of a row, the source it comes from.
IGNORE, FURTHER, KEY, SOURCE = "ignore", "other", "id", "source"
_KEYS = frozenset({"id", "record_id", "rec_id", "unique_id", "uid", "row_id", "customer_id", "user_id"})
_SOURCES = frozenset({"source", "source_dataset", "dataset"})
# Somebody's answer is no evidence.
_ANSWERS = frozenset({"cluster", "cluster_id", "label", "truth", "entity_id", "person_id"})
# Most values of a column that are looked at.
SAMPLE = 2_000

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")
_PHONE = re.compile(r"[+(]?\d[\d\s().\-/]{6,18}\d")
_STREET = re.compile(r"\d+[a-zA-Z]?\s+[^\W\d_].*|[^\W\d_][^\d]*\s\d+\s?[a-zA-Z]?")
_POSTCODE = re.compile(
    r"\d{4,6}|\d{5}-\d{4}|[A-Za-z]{1,2}\d[A-Za-z\d]?\s*\d[A-Za-z]{2}|[A-Za-z]\d[A-Za-z]\s?\d[A-Za-z]\d"
)
_WORDS = re.compile(r"[^\W\d_]+(?:[ '’.\-]+[^\W\d_]+)*\.?")
_SEXES = frozenset({"m", "f", "w", "male", "female", "man", "woman"})


class Guess(NamedTuple):
    """The role of a column, and how it was found: by `name`, by `values`, or not at all."""

    role: str | None
    by: str


@lru_cache(maxsize=10_000)
def role_of(name: str) -> str | None:
    """The role of a column or trait by its name, or None when the name is not one we know."""
    snake = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", name).lower()).strip("_")
    return _ROLE_OF.get(snake) or _ROLE_OF.get(snake.replace("_", ""))


def recognise(columns: Mapping[str, Sequence[str]]) -> dict[str, Guess]:
    """The role of every column of a table, from its name or else from its values (blank ones empty).

    Values show a mailbox, a date of birth, a telephone, a street, a postcode and a sex by their shape. Names show
    themselves by the given names everybody knows and by turning up in the mailboxes of the same rows, so `columns`
    must be aligned: row n of each is one record. What only repeats other columns is ignored: it would count one fact
    twice.
    """
    guesses = {name: Guess(_by_name(name), "name") for name in columns}
    taken = {guess.role for guess in guesses.values()}
    for name in [name for name, guess in guesses.items() if guess.role is None]:
        role = _by_shape(columns[name])
        guesses[name] = Guess(role, "values") if role and role not in taken else Guess(None, "")
        taken.add(role)
    _name_the_names(columns, guesses)
    for name in [name for name, guess in guesses.items() if guess.role is None]:
        guesses[name] = _repeated(name, columns, guesses) or Guess(FURTHER, "")
    return guesses


def _by_name(name: str) -> str | None:
    snake = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    for role, names in ((KEY, _KEYS), (SOURCE, _SOURCES), (IGNORE, _ANSWERS)):
        if snake in names:
            return role
    return role_of(name)


def _repeated(name: str, columns: Mapping[str, Sequence[str]], guesses: Mapping[str, Guess]) -> Guess | None:
    """The full name, or what the place determines."""
    by_role = {guess.role: other for other, guess in guesses.items()}
    values = columns[name]
    parts = [columns[by_role[role]] for role in ("given", "surname") if role in by_role]
    if len(parts) == 2 and _contains(values, parts) > 0.6:
        return Guess(IGNORE if "full" in by_role else "full", "values")
    places = [columns[by_role[role]] for role in ("postcode", "city") if role in by_role]
    if any(_determines(place, values, share=0.95) for place in places):
        return Guess(IGNORE, "values")
    return None


def _contains(values: Sequence[str], parts: Sequence[Sequence[str]]) -> float:
    """In which share of the rows that have all of them the value contains every part."""
    rows = [row for row in zip(values[:SAMPLE], *(part[:SAMPLE] for part in parts), strict=True) if all(row)]
    whole = [set(cleaning.clean_words(row[0]).split()) for row in rows]
    inside = [
        all(set(cleaning.clean_words(p).split()) <= words for p in row[1:])
        for row, words in zip(rows, whole, strict=True)
    ]
    return sum(inside) / max(len(rows), 1)


def _by_shape(values: Sequence[str]) -> str | None:
    present = [value.strip() for value in values[:SAMPLE] if value and value.strip()]
    if len(present) < 3:
        return None
    for role, least, test in _SHAPES:
        if _share(present, test) > least:
            return None if role in ("postcode", "house") and _years(present) > 0.3 else role
    return None


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


def _name_the_names(columns: Mapping[str, Sequence[str]], guesses: dict[str, Guess]) -> None:
    """Give the roles of given name, surname and city to what consists of words."""
    wordy = [name for name, guess in guesses.items() if guess.role is None and _wordy(columns[name])]
    taken = {guess.role for guess in guesses.values()}
    for name in [one for one in wordy if _wholes(one, wordy, columns)]:
        guesses[name] = Guess(IGNORE if "full" in taken else "full", "values")
        taken.add("full")
        wordy.remove(name)
    if not wordy:
        return
    mailboxes = next((columns[name] for name, guess in guesses.items() if guess.role == "email"), None)
    told = {name: _in_mailboxes(columns[name], mailboxes) for name in wordy}
    known = {name: _share(_clean(columns[name]), _is_given) for name in wordy}
    most = max(known.values())
    names = [name for name in wordy if most >= 0.25 and known[name] >= 0.8 * most]
    if names and "given" not in taken:
        best = _given(columns, names, told, known)
        guesses[best] = Guess("given", "values")
        wordy.remove(best)
        names.remove(best)
    _name_surname_and_city(columns, guesses, wordy, told, names)


def _given(
    columns: Mapping[str, Sequence[str]], names: Sequence[str], told: Mapping[str, float], known: Mapping[str, float]
) -> str:
    """Of the columns that hold given names, the one that people are called by: a middle name is not in their mailboxes,
    and many have none."""
    filled = {name: sum(map(bool, columns[name][:SAMPLE])) for name in names}
    likely = [name for name in names if filled[name] >= 0.8 * max(filled.values())]
    likely = [name for name in likely if told[name] >= 0.1] or likely
    return max(likely, key=lambda name: known[name])


def _name_surname_and_city(
    columns: Mapping[str, Sequence[str]],
    guesses: dict[str, Guess],
    wordy: list[str],
    told: Mapping[str, float],
    names: Collection[str],
) -> None:
    """Of what is left; `names` are the columns of given names among it, of which one may be the middle names."""
    taken = {guess.role for guess in guesses.values()}
    # Where mailboxes are made of names, a column of given names that is in none holds no surnames.
    made = any(share >= 0.1 for share in told.values())
    possible = [name for name in wordy if not (made and name in names and told[name] < 0.1)]
    surname = _surname(columns, possible, told, guesses) if possible and "surname" not in taken else None
    if surname:
        guesses[surname] = Guess("surname", "values")
        wordy.remove(surname)
        taken.add("surname")
    # Of few words, as colours are, some are names too.
    middles = [name for name in wordy if name in names and told[name] < 0.1 and _variety(columns[name]) > 10]
    if "middle" not in taken and "given" in taken and (made or "surname" in taken) and len(middles) == 1:
        guesses[middles[0]] = Guess("middle", "values")
        wordy.remove(middles[0])
    if "city" not in taken and "surname" in taken:
        cities = [
            name for name in wordy if told[name] < 0.05 and _variety(columns[name]) > 10 and _filled(columns[name])
        ]
        if len(cities) == 1:
            guesses[cities[0]] = Guess("city", "values")


def _wholes(name: str, wordy: Sequence[str], columns: Mapping[str, Sequence[str]]) -> bool:
    """Whether a column holds what two others hold, as a full name does."""
    held = [other for other in wordy if other != name and _contains(columns[name], [columns[other]]) > 0.6]
    return len(held) >= 2


def _surname(
    columns: Mapping[str, Sequence[str]],
    wordy: Sequence[str],
    told: Mapping[str, float],
    guesses: Mapping[str, Guess],
) -> str | None:
    """Who is told by the mailboxes; else the column of the most values, unless the postcode determines it."""
    best = max(wordy, key=lambda name: told[name])
    if told[best] >= 0.1:
        return best
    postcodes = next((columns[name] for name, guess in guesses.items() if guess.role == "postcode"), None)
    free = [name for name in wordy if postcodes is None or not _determines(postcodes, columns[name])]
    best = max(free, key=lambda name: _variety(columns[name]) * _single(columns[name]), default="")
    return best if best and _variety(columns[best]) >= 20 else None


def _wordy(values: Sequence[str]) -> bool:
    present = [value.strip() for value in values[:SAMPLE] if value and value.strip()]
    return len(present) >= 3 and _share(present, lambda v: bool(_WORDS.fullmatch(v)) and len(v) <= 40) > 0.8


def _filled(values: Sequence[str]) -> bool:
    return sum(map(bool, values[:SAMPLE])) > 0.3 * len(values[:SAMPLE])


def _single(values: Sequence[str]) -> float:
    """The share of rows with one word: surnames mostly are, towns and streets often not."""
    return sum(bool(value) and " " not in value.strip() for value in values[:SAMPLE]) / max(len(values[:SAMPLE]), 1)


def _clean(values: Iterable[str]) -> list[str]:
    return [clean for value in list(values)[:SAMPLE] if value and (clean := cleaning.clean_name(value))] or [""]


def _variety(values: Sequence[str]) -> int:
    return len(set(_clean(values)))


@cache
def _given_names() -> frozenset[str]:
    from nicknames import NickNamer

    lookup = NickNamer.default_lookup() if hasattr(NickNamer, "default_lookup") else NickNamer()._nickname_lookup
    names = {name for formal, shorts in lookup.items() for name in (formal, *shorts)}
    return frozenset(map(cleaning.fold, names))


def _is_given(name: str) -> bool:
    return name.partition(" ")[0] in _given_names()


def _in_mailboxes(values: Sequence[str], mailboxes: Sequence[str] | None) -> float:
    """How often a value of three letters or more is part of the mailbox in the same row."""
    if mailboxes is None:
        return 0.0
    rows = list(zip(values[:SAMPLE], mailboxes[:SAMPLE], strict=True))
    pairs = [(cleaning.clean_name(v), m.partition("@")[0].lower()) for v, m in rows if v and m]
    return sum(len(v) >= 3 and v in m for v, m in pairs) / max(len(pairs), 1)


def _determines(left: Sequence[str], right: Sequence[str], *, share: float = 0.75) -> bool:
    """Whether rows that agree on the left agree on the right, in at least that share of them."""
    by_left: dict[str, list[str]] = {}
    for a, b in zip(left, right, strict=True):
        if a and b:
            by_left.setdefault(cleaning.alphanumeric(a), []).append(cleaning.clean_words(b))
    groups = [group for group in by_left.values() if len(group) > 1]
    if not groups:
        return False
    most = sum(max(map(group.count, set(group))) for group in groups)
    return most / sum(map(len, groups)) > share
