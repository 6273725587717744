"""Values as linkage compares them: folded, without titles, punctuation and the many ways of writing one thing. Pure.

Every function is one of the value alone and is memoised, for the values of a base repeat: that is why files and
profiles are cleaned by the same code, a million rows as well as one. What hardly repeats and is plain is not.
"""

import re
import unicodedata
from functools import lru_cache

from identity.policy import BLOCKED_VALUES
from identity.standardise import standardise

_MEMORY = 400_000
# Of what hardly two people share; a worker would keep each for nothing, hundreds of megabytes in a long run.
_SHORT_MEMORY = 20_000

_GENERATIONS = "jr sr junior senior ii iii iv bt bart esq phd md"
_HONOURS = "mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend herr frau hon captain colonel"
_PEERAGE = "baron baroness baronet viscount viscountess earl countess duke duchess marquess marquis knight"
TITLES = frozenset(f"{_GENERATIONS} {_HONOURS} {_PEERAGE}".split())
_PARTICLES = frozenset(["of", "the", "and"])
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_STREET_WORDS = {
    "st": "street", "str": "street", "rd": "road", "ave": "avenue", "av": "avenue", "dr": "drive", "ln": "lane",
    "ct": "court", "pl": "place", "blvd": "boulevard", "sq": "square", "ter": "terrace", "hwy": "highway",
    "cres": "crescent", "pde": "parade", "cct": "circuit", "cl": "close",
}  # fmt: skip
_STREET_ENDS = frozenset(_STREET_WORDS.values())
_UNIT = re.compile(r"\b(?:apt|apartment|unit|flat|suite|ste|no)\b.*$|#.*$")
# A number and plain words, as most streets are written: the words alone come again and again.
_PLAIN_STREET = re.compile(r"([0-9]+) ([A-Za-z ]+)")
_HOUSE_FIRST = re.compile(r"^(\d+[a-z]?)\b\s*(?:-\s*\d+)?\s*(.*)$")
_HOUSE_LAST = re.compile(r"^(.*?)\s+(\d+\s?[a-z]?)$")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_YEAR_FIRST = re.compile(r"^(\d{4})(?:[-/. ]?(\d{2})[-/. ]?(\d{2})|[-/. ](\d{1,2})[-/. ](\d{1,2}))(?!\d)")
_YEAR_LAST = re.compile(r"^(\d{1,2})[./ -](\d{1,2})[./ -](\d{4}|\d{2})(?:[ T]\d{1,2}:.*)?$")
# Eight digits that end in a year.
_YEAR_AT_THE_END = re.compile(r"^(\d{2})(\d{2})((?:18|19|20)\d{2})$")
# A month in letters, after the day or before it: 17-Mar-1984, 17. März 1984, March 17th, 1984.
_MONTH_IN_LETTERS = re.compile(
    r"^(?:(\d{1,2})(?:st|nd|rd|th)?[ .-]+)?([a-z]{3,9})[ .-]+(?:(\d{1,2})(?:st|nd|rd|th)?,? +)?(\d{4}|\d{2})$"
)
_MONTHS = {
    name: n
    for n, names in enumerate(
        ("jan ene gen", "feb fev", "mar mrz", "apr abr avr", "may mai mag maj", "jun giu", "jul lug", "aug ago aou",
         "sep set", "oct okt ott out", "nov", "dec dez dic"), start=1,
    )
    for name in names.split()
} | {"juin": 6, "juillet": 7}  # fmt: skip
_YEAR_ONLY = re.compile(r"^[12]\d{3}$")
_PLACEHOLDER_DAYS = frozenset({"18000101", "19000101", "19010101", "19700101", "20000101"})
_NO_DOT_MATTERS = frozenset({"gmail.com", "googlemail.com"})
# As most addresses come, and short: they are as they mean, but for a provider's dots.
_PLAIN_EMAIL = re.compile(r"([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)@((?:[a-z0-9-]+\.)+[a-z]{2,24})")
_SHORT_EMAIL = 64
_SEPARATORS = str.maketrans("", "", "+ ().-/")
_PLAIN_NUMBER = re.compile(r"[+\d\s().\-/]+")
_NO_DIGITS = re.compile(r"[^0-9]+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_ENDS_IN_YEAR = re.compile(r"(.*[^0-9])(?:((?:19|20)\d{2})|(\d{2}))")
# What stands beside a surname in a mailbox that is not one person's.
_NOBODY = frozenset(
    ["contact", "familie", "family", "home", "house", "info", "mail", "office", "post", "shop", "team", "the"]
)
# What is written where nothing is known. A name may be Na or Nil.
_NOTHING = frozenset(
    ["na", "nil", "none", "null", "nan", "unknown", "undefined", "unspecified", "missing", "notavailable",
     "notapplicable", "notknown", "notprovided", "notspecified", "noname", "unbekannt", "inconnu", "desconocido"]
)  # fmt: skip
_NO_NAME = _NOTHING - {"na", "nil"}
# Birth years of two digits: from here on of the last century.
_CENTURY = 30
# What `str.isalnum` says no to.
_NO_WORD = re.compile(r"[\W_]+")


@lru_cache(maxsize=_SHORT_MEMORY)
def fold(text: str) -> str:
    """Lower case without accents: `Müller-Łoś` is `muller-los`. Other scripts are kept. Folding twice changes nothing.

    Decomposed and case-folded twice, as Unicode's own NFKC_Casefold does (Standard, section 3.13): a decomposition can
    bring capitals (`ᴬ`), and folding can bring what decomposes.
    """
    if text.isascii():
        return text.lower()
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@lru_cache(maxsize=_SHORT_MEMORY)
def clean_words(raw: str) -> str:
    """Folded words with single spaces; apostrophes join, other punctuation parts."""
    folded = fold(raw)
    if folded.isalnum():
        return folded
    return _NO_WORD.sub(" ", folded.replace("'", "").replace("’", "")).strip()


@lru_cache(maxsize=_SHORT_MEMORY)
def clean_text(raw: str) -> str:
    """Clean words; empty where they say that nothing is known: `N/A`, `null`, `unknown`."""
    words = clean_words(raw)
    return "" if words.replace(" ", "") in _NOTHING else words


@lru_cache(maxsize=_MEMORY)
def clean_name(raw: str) -> str:
    """A name without titles, ranks and generations; empty when nothing is left, or nothing is known."""
    words = [word for word in clean_words(raw).split() if _is_name(word)]
    if "".join(words) in _NO_NAME or words == ["n", "a"]:
        return ""
    return " ".join(words) if any(not word.isdigit() for word in words) else ""


def _is_name(word: str) -> bool:
    return word not in TITLES and word not in _PARTICLES and not _ORDINAL.fullmatch(word)


@lru_cache(maxsize=_MEMORY)
def split_full_name(full: str) -> tuple[str, str, str]:
    """First, middle and last part of a full name, cleaned. A name of one word is a first name here: it stands alone."""
    words = clean_name(full).split()
    if not words:
        return "", "", ""
    if "," not in full and len(words) == 2:
        return words[0], "", words[1]
    from nameparser import HumanName  # loaded on first use: only what reads longer full names pays for it

    parts = HumanName(full)
    return clean_name(parts.first), clean_name(parts.middle), clean_name(parts.last)


def clean_email(raw: str) -> str:
    """The mailbox that an address means: tags are dropped everywhere, dots where the provider ignores them."""
    plain = _PLAIN_EMAIL.fullmatch(raw) if len(raw) <= _SHORT_EMAIL else None
    # Remembering what is plain would cost more than reading it again.
    if plain is None or raw in BLOCKED_VALUES:
        return _any_email(raw)
    return raw if plain[2] not in _NO_DOT_MATTERS else f"{plain[1].replace('.', '')}@gmail.com"


@lru_cache(maxsize=_SHORT_MEMORY)
def _any_email(raw: str) -> str:
    address = standardise("email", raw)
    if address is None:
        return ""
    local, _, domain = fold(address).partition("@")
    local = local.partition("+")[0] or local
    if domain in _NO_DOT_MATTERS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def given_in_mailbox(email: str, surname: str) -> str:
    """The given name, or its initial, that a mailbox is made of besides the surname; empty where it is not.

    `mary.oduya@`, `oduyamary84@` and `m_oduya@` name Mary or M; `oduya.family@` and `info@` name nobody.
    """
    letters = _NO_LETTERS.sub(" ", email.partition("@")[0]).strip()
    known = surname.replace(" ", "")
    if len(known) < 3:
        return ""
    joined = letters.replace(" ", "")
    if joined.endswith(known):
        rest = letters[: len(letters) - len(known)] if letters.endswith(known) else joined[: -len(known)]
    elif letters.startswith(known):
        rest = letters[len(known) :]
    else:
        return ""
    rest = rest.strip()
    return "" if " " in rest or len(rest) == 2 or rest in _NOBODY else rest


def year_in_mailbox(email: str, given: str, surname: str) -> str:
    """The year, as a date without a day, that ends a mailbox made of both names; empty where there is none.

    `mary.oduya84@` tells 1984, `oduyamary2001@` tells 2001. After one name alone, or none, digits are any number; 21 to
    29 may be of either century.
    """
    found = _ENDS_IN_YEAR.fullmatch(email.partition("@")[0])
    if not found or len(given) < 2 or len(surname) < 2:
        return ""
    letters, names = _NO_LETTERS.sub("", found[1]), (given.replace(" ", ""), surname.replace(" ", ""))
    if letters not in ("".join(names), "".join(reversed(names))):
        return ""
    if found[2]:
        return f"{found[2]}0000"
    year = int(found[3])
    return "" if 20 < year < 30 else f"{1900 + year if year >= 30 else 2000 + year}0000"


def clean_phone(raw: str) -> str:
    """The last nine digits, which no way of writing the country changes.

    phonenumbers is asked only about what is more than digits and separators (letters, extensions): for the rest the
    last nine digits are the same with it and without, and it costs forty times as much.
    """
    digits = raw.translate(_SEPARATORS)
    if not digits.isdigit() or not digits.isascii():
        digits = _any_digits(raw)
    return digits[-9:] if len(digits) >= 7 and digits.count(digits[0]) < len(digits) else ""


@lru_cache(maxsize=_SHORT_MEMORY)
def _any_digits(raw: str) -> str:
    number = raw if _PLAIN_NUMBER.fullmatch(raw) else standardise("phone", raw) or raw
    return _NO_DIGITS.sub("", number)


@lru_cache(maxsize=_MEMORY)
def clean_date(raw: str) -> str:
    """`yyyymmdd`, or empty. Days that no calendar has (`18560041`) are kept: a slip of the pen is still evidence.

    A year alone is `yyyy0000`. Ambiguous days are read month first; comparing forgives a swap of the two. Of two digits
    a year from 30 on is of the last century.
    """
    if _YEAR_ONLY.match(raw):
        return f"{raw}0000"
    found = _date_parts(raw) or _date_in_letters(raw)
    if not found:
        return ""
    year, month, day = found
    if int(month) > 12 >= int(day) > 0:
        month, day = day, month
    if len(year) == 2:
        year = f"{19 if int(year) >= _CENTURY else 20}{year}"
    clean = f"{year}{int(month):02d}{int(day):02d}"
    return clean if "1000" <= year < "2100" and clean not in _PLACEHOLDER_DAYS else ""


def put_together(year: str, month: str, day: str) -> str:
    """A date of columns for its parts, as a date is written; the year alone, or nothing, where one is missing."""
    year = year.removesuffix(".0")
    if len(year) == 2 and year.isdigit():
        year = f"{19 if int(year) >= _CENTURY else 20}{year}"
    month, day = (part.removesuffix(".0") for part in (month, day))
    if not (year and month and day):
        return year
    return f"{year}-{month:0>2}-{day:0>2}" if month.isdigit() else f"{day} {month} {year}"


def _date_parts(raw: str) -> tuple[str, str, str] | None:
    """Year, month and day of digits."""
    if (found := _YEAR_AT_THE_END.match(raw)) and not _is_day(raw[4:6], raw[6:]):
        month, day, year = found.groups()
        if _is_day(month, day) or _is_day(day, month):
            return year, month, day
    if found := _YEAR_FIRST.match(raw):
        return found[1], found[2] or found[4], found[3] or found[5]
    if found := _YEAR_LAST.match(raw):
        month, day, year = found.groups()
        return (month, day, year) if len(year) == 2 and int(month) > 31 else (year, month, day)
    return None


def _is_day(month: str, day: str) -> bool:
    return "01" <= month <= "12" and "01" <= day <= "31"


def _date_in_letters(raw: str) -> tuple[str, str, str] | None:
    """The same where the month has a name."""
    if not raw[-2:].isdigit() or not (found := _MONTH_IN_LETTERS.match(fold(raw))):
        return None
    before, name, after, year = found.groups()
    month, day = _MONTHS.get(name) or _MONTHS.get(name[:3]), before or after
    return (year, str(month), day) if month and day and not (before and after) else None


def clean_street(raw: str, raw_house: str) -> tuple[str, str]:
    """Street and house number; a number before or after the street is taken off it."""
    if not raw_house and (plain := _PLAIN_STREET.fullmatch(raw)) and plain[2][0] != " ":
        return _plain_street(plain[2]), plain[1].lstrip("0")
    return _any_street(raw, raw_house)


@lru_cache(maxsize=_SHORT_MEMORY)
def _any_street(raw: str, raw_house: str) -> tuple[str, str]:
    text, house = clean_text(_UNIT.sub("", fold(raw))), clean_text(raw_house).replace(" ", "")
    if not house:
        if found := _HOUSE_FIRST.match(text):
            house, text = found.group(1), found.group(2)
        elif found := _HOUSE_LAST.match(text):
            text, house = found.group(1), found.group(2).replace(" ", "")
    return _street_words(text), house.lstrip("0")


@lru_cache(maxsize=_MEMORY)
def _plain_street(words: str) -> str:
    return _street_words(clean_words(_UNIT.sub("", fold(words))))


def _street_words(text: str) -> str:
    return " ".join(_STREET_WORDS.get(word, word) for word in text.split())


def is_street(raw: str) -> bool:
    """Whether the last word is one that streets end with."""
    last = clean_words(raw).rpartition(" ")[2]
    return last in _STREET_WORDS or last in _STREET_ENDS


@lru_cache(maxsize=_MEMORY)
def clean_postcode(raw: str) -> str:
    """Letters and digits only; the four digits after an American code are left out."""
    if found := re.fullmatch(r"\s*(\d{5})-\d{4}\s*", raw):
        return found.group(1)
    return alphanumeric(raw)


@lru_cache(maxsize=_SHORT_MEMORY)
def alphanumeric(raw: str) -> str:
    """Folded letters and digits, nothing else; empty where they say that nothing is known."""
    found = _NO_WORD.sub("", fold(raw))
    return "" if found in _NOTHING else found


@lru_cache(maxsize=_MEMORY)
def clean_sex(raw: str) -> str:
    """`f` or `m`, else missing."""
    return {"f": "f", "w": "f", "m": "m"}.get(clean_text(raw)[:1], "")


@lru_cache(maxsize=_MEMORY)
def sound(name: str) -> str:
    """How a name sounds, roughly: its metaphone, or the name itself where that says nothing."""
    import jellyfish  # loaded on first use, by what makes blocking keys

    return jellyfish.metaphone(name).replace(" ", "") or name
