"""From the traits of a profile to the cleaned fields that linkage compares. Pure; light to import.

A trait is known by its name (`first_name`, `firstName`, `vorname` are one role). What has no role is no evidence:
linkage would rather see less than take a loyalty tier for a name.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from typing import Any, Self

from identity.standardise import standardise

Values = tuple[str, ...]
_MOST_VALUES = 5

ROLES: dict[str, frozenset[str]] = {
    "given": frozenset({"first_name", "firstname", "given_name", "givenname", "forename", "fname", "vorname"}),
    "surname": frozenset({"last_name", "lastname", "surname", "family_name", "familyname", "lname", "nachname"}),
    "full": frozenset({"name", "full_name", "fullname", "display_name", "customer_name", "contact_name"}),
    "email": frozenset({"email", "e_mail", "mail", "email_address", "emailaddress"}),
    "phone": frozenset(
        {"phone", "mobile", "telephone", "tel", "cell", "landline", "phone_number", "mobile_phone", "mobile_number",
         "cell_phone", "home_phone"}
    ),
    "birth_date": frozenset({"birthday", "birth_date", "birthdate", "date_of_birth", "dob", "geburtsdatum"}),
    "street": frozenset(
        {"street", "street_address", "address", "address1", "address_1", "address_line1", "address_line_1", "line1",
         "street_name", "strasse"}
    ),
    "house": frozenset({"house_number", "street_number", "house_no", "housenumber", "hausnummer"}),
    "city": frozenset({"city", "town", "suburb", "locality", "ort"}),
    "postcode": frozenset({"postcode", "postal_code", "postalcode", "zip", "zip_code", "zipcode", "plz"}),
    "sex": frozenset({"sex", "gender"}),
    "number": frozenset({"ssn", "soc_sec_id", "social_security_number", "national_id", "tax_id", "passport_number"}),
}  # fmt: skip
_ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
_ADDRESS_OBJECTS = frozenset({"address", "home_address", "billing_address", "shipping_address"})

TITLES = frozenset(
    ["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "lord", "lady", "rev", "herr", "frau",
     "jr", "sr", "junior", "senior", "ii", "iii", "iv", "1st", "2nd", "3rd", "bt", "esq", "phd", "md"]
)  # fmt: skip
_STREET_WORDS = {
    "st": "street", "str": "street", "rd": "road", "ave": "avenue", "av": "avenue", "dr": "drive", "ln": "lane",
    "ct": "court", "pl": "place", "blvd": "boulevard", "sq": "square", "ter": "terrace", "hwy": "highway",
    "cres": "crescent", "pde": "parade", "cct": "circuit",
}  # fmt: skip
_UNIT = re.compile(r"\b(?:apt|apartment|unit|flat|suite|ste|no)\b.*$|#.*$")
_HOUSE_FIRST = re.compile(r"^(\d+[a-z]?)\b\s*(?:-\s*\d+)?\s*(.*)$")
_HOUSE_LAST = re.compile(r"^(.*?)\s+(\d+\s?[a-z]?)$")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
# Nobody was born after this; a fixed bound keeps cleaning a function of the value alone.
_FUTURE = "21000101"
_PLACEHOLDER_DAYS = frozenset({"18000101", "19000101", "19010101", "19700101", "20000101"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_DOT_MATTERS = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, slots=True)
class Record:
    """The cleaned fields of one profile. An empty value is missing, which says nothing, for or against."""

    given: str = ""
    others: Values = ()
    surname: str = ""
    birth_date: str = ""
    emails: Values = ()
    phones: Values = ()
    numbers: Values = ()
    street: str = ""
    house: str = ""
    city: str = ""
    postcode: str = ""
    sex: str = ""

    def to_json(self) -> dict[str, Any]:
        """The stored form: what is missing is left out."""
        present = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in present if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The record that `to_json` gave."""
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in stored.items()}
        return cls(**values)


def record_of(traits: Mapping[str, Any], *, emails: Iterable[str] = (), phones: Iterable[str] = ()) -> Record:
    """The record of a profile with these traits; `emails` and `phones` are identifiers of the profile."""
    by_role = _by_role(traits)
    given, others, surname = _names(by_role)
    street, house = _street(_first(by_role, "street"), _first(by_role, "house"))
    return Record(
        given=given,
        others=others,
        surname=surname,
        birth_date=_distinct_first(clean_date(raw) for raw in by_role.get("birth_date", ())),
        emails=_distinct(clean_email(raw) for raw in [*by_role.get("email", ()), *emails]),
        phones=_distinct(clean_phone(raw) for raw in [*by_role.get("phone", ()), *phones]),
        numbers=_distinct(_alphanumeric(raw) for raw in by_role.get("number", ())),
        street=street,
        house=house,
        city=clean_words(_first(by_role, "city")),
        postcode=clean_postcode(_first(by_role, "postcode")),
        sex=clean_sex(_first(by_role, "sex")),
    )


@lru_cache(maxsize=10_000)
def role_of(name: str) -> str | None:
    """The role of a trait by its name, or None when the name is not one we know."""
    snake = _CAMEL.sub("_", name).lower().replace("-", "_").replace(" ", "_")
    return _ROLE_OF.get(snake) or _ROLE_OF.get(snake.replace("_", ""))


def _by_role(traits: Mapping[str, Any]) -> dict[str, list[str]]:
    by_role: dict[str, list[str]] = {}
    for name in sorted(traits):
        value = traits[name]
        if isinstance(value, Mapping):
            if role_of(name) == "street" or _CAMEL.sub("_", name).lower() in _ADDRESS_OBJECTS:
                for inner, found in _by_role(value).items():
                    by_role.setdefault(inner, []).extend(found)
            continue
        role = role_of(name)
        if role is not None:
            texts = (_text(one) for one in (value if isinstance(value, list) else [value]))
            by_role.setdefault(role, []).extend(text for text in texts if text)
    return by_role


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()[:200]
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64:
        return str(value)
    return ""


def _first(by_role: Mapping[str, list[str]], role: str) -> str:
    return next(iter(by_role.get(role, ())), "")


def _distinct(values: Iterable[str]) -> Values:
    return tuple(dict.fromkeys(value for value in values if value))[:_MOST_VALUES]


def _distinct_first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


@lru_cache(maxsize=100_000)
def fold(text: str) -> str:
    """Lower case without accents: `Müller-Łoś` is `muller-los`. Other scripts are kept. Folding twice changes nothing.

    Decomposed and case-folded twice, as Unicode's own NFKC_Casefold does (Standard, section 3.13): a decomposition can
    bring capitals (`ᴬ`), and folding can bring what decomposes.
    """
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def clean_words(raw: str) -> str:
    """Folded words with single spaces; apostrophes join, other punctuation parts."""
    folded = fold(raw).replace("'", "").replace("’", "")
    return " ".join("".join(letter if letter.isalnum() else " " for letter in folded).split())


def clean_name(raw: str) -> str:
    """A name without titles and generations; empty when nothing is left."""
    words = [word for word in clean_words(raw).split() if word not in TITLES]
    return " ".join(words) if any(not word.isdigit() for word in words) else ""


def _names(by_role: Mapping[str, list[str]]) -> tuple[str, Values, str]:
    """Given name, its other tokens, surname; a full name is used for the parts that are missing."""
    given, surname = clean_name(_first(by_role, "given")), clean_name(_first(by_role, "surname"))
    full = _first(by_role, "full")
    middle = ""
    if full and not (given and surname):
        first, middle, last = split_full_name(full)
        given, surname = given or first, surname or last
    tokens = [*given.split(), *middle.split()]
    return (tokens[0] if tokens else ""), tuple(tokens[1:_MOST_VALUES]), surname


@lru_cache(maxsize=50_000)
def split_full_name(full: str) -> tuple[str, str, str]:
    """First, middle and last part of a full name, cleaned."""
    from nameparser import HumanName  # loaded on first use: only the worker of linkage reads full names

    parts = HumanName(full)
    return clean_name(parts.first), clean_name(parts.middle), clean_name(parts.last)


def clean_email(raw: str) -> str:
    """The mailbox that an address means: tags are dropped everywhere, dots where the provider ignores them."""
    address = standardise("email", raw)
    if address is None:
        return ""
    local, _, domain = address.partition("@")
    local = local.partition("+")[0] or local
    if domain in _NO_DOT_MATTERS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def clean_phone(raw: str) -> str:
    """The last nine digits, which no way of writing the country changes."""
    number = standardise("phone", raw) or raw
    digits = "".join(letter for letter in number if letter.isdigit())
    return digits[-9:] if len(digits) >= 7 and len(set(digits)) > 1 else ""


@lru_cache(maxsize=100_000)
def clean_date(raw: str) -> str:
    """`yyyymmdd`, or empty. Ambiguous days are read month first; comparing forgives a swap of the two."""
    found = re.match(r"^(\d{4})-?(\d{2})-?(\d{2})(?!\d)", raw)
    if found:
        year, month, day = (int(part) for part in found.groups())
    else:
        found = re.match(r"^(\d{1,2})[./ -](\d{1,2})[./ -](\d{4})$", raw)
        if not found:
            return ""
        month, day, year = (int(part) for part in found.groups())
    if month > 12 >= day:
        month, day = day, month
    try:
        clean = date(year, month, day).strftime("%Y%m%d") if year >= 1850 else ""
    except ValueError:
        return ""
    return "" if clean in _PLACEHOLDER_DAYS or clean > _FUTURE else clean


@lru_cache(maxsize=100_000)
def _street(raw: str, raw_house: str) -> tuple[str, str]:
    """Street and house number; a number before or after the street is taken off it."""
    text, house = _UNIT.sub("", fold(raw)), clean_words(raw_house).replace(" ", "")
    text = clean_words(text)
    if not house:
        if found := _HOUSE_FIRST.match(text):
            house, text = found.group(1), found.group(2)
        elif found := _HOUSE_LAST.match(text):
            text, house = found.group(1), found.group(2).replace(" ", "")
    return " ".join(_STREET_WORDS.get(word, word) for word in text.split()), house.lstrip("0")


def clean_postcode(raw: str) -> str:
    """Letters and digits only; the four digits after an American code are left out."""
    if found := re.fullmatch(r"\s*(\d{5})-\d{4}\s*", raw):
        return found.group(1)
    return _alphanumeric(raw)


def _alphanumeric(raw: str) -> str:
    return "".join(letter for letter in fold(raw) if letter.isalnum())


def clean_sex(raw: str) -> str:
    """`f` or `m`, else missing."""
    return {"f": "f", "w": "f", "m": "m"}.get(fold(raw)[:1], "")
