"""The generated part of the demo: people with names, addresses, cards and devices, made to fit the real households.

Pure and deterministic: the same households and the same seed give the same people, on every machine. What is hard
about real customers is here on purpose and at plain rates (see docs/demo.md): partners who share a landline, an e-mail
address or a tablet, sons named after their fathers, twins, people who moved or married in the year, nicknames, second
loyalty cards. The rates were set before anything was resolved with them and are not to be moved to please a score.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from cdp.demo import names
from cdp.demo.shopping import FIRST_DAY, Household

SEED = 20170101

_AGE_BANDS = {
    "19-24": (19, 24),
    "25-34": (25, 34),
    "35-44": (35, 44),
    "45-54": (45, 54),
    "55-64": (55, 64),
    "65+": (65, 88),
}
_ONLINE = {"19-24": 0.85, "25-34": 0.85, "35-44": 0.75, "45-54": 0.65, "55-64": 0.5, "65+": 0.35}
_DAYS = 365
_MODELS = [("iOS", "iPhone13,2"), ("iOS", "iPhone14,5"), ("Android", "SM-G991U"), ("Android", "Pixel 6")]


@dataclass(frozen=True, slots=True)
class Residence:
    """Where somebody lives from a day on."""

    since: date
    street: str
    city: str
    postcode: str


@dataclass(frozen=True, slots=True)
class Phone:
    """A smartphone with the shop's app."""

    device_id: str
    push_token: str
    anonymous_id: str
    system: str
    model: str


@dataclass(frozen=True, slots=True)
class Person:
    """One true person. `key` is the truth and never leaves for the wire."""

    key: str
    household_id: int
    first_name: str
    called: str
    last_names: tuple[tuple[date, str], ...]
    birth_date: date
    mobile: str
    landline: str
    emails: tuple[str, ...]
    residences: tuple[Residence, ...]
    user_id: str
    loyalty_ids: tuple[str, ...]
    browsers: int
    tablet: str
    phone: Phone | None
    subscribed: bool
    share: float

    def last_name(self, day: date) -> str:
        """The surname borne on a day."""
        return [name for since, name in self.last_names if since <= day][-1]

    def residence(self, day: date) -> Residence:
        """The address lived at on a day."""
        return [home for home in self.residences if home.since <= day][-1]


@dataclass(slots=True)
class _Allocator:
    """Hands out what no two people may have by chance: numbers, addresses, cards."""

    rng: Random
    emails: set[str] = field(default_factory=set)
    numbers: list[str] = field(default_factory=list)
    accounts: set[int] = field(default_factory=set)
    born: int = 0

    def phone_number(self) -> str:
        """A number of the range 555-0100 to 555-0199, which is kept for fiction in every area code."""
        if not self.numbers:
            self.numbers = [f"+1{area}55501{n:02d}" for area in names.AREA_CODES for n in range(100)]
            self.rng.shuffle(self.numbers)
        return self.numbers.pop()

    def number(self, low: int, high: int) -> int:
        """A number that was not given before."""
        while (drawn := self.rng.randrange(low, high)) in self.accounts:
            pass
        self.accounts.add(drawn)
        return drawn

    def email(self, rng: Random, first: str, last: str, year: int) -> str:
        """An address such as people choose; free of the name for one in eight."""
        first, last = first.lower(), last.lower()
        while True:
            local = rng.choice(
                [f"{first}.{last}", f"{first}{last}", f"{first[0]}{last}", f"{first}.{last}{year % 100:02d}",
                 f"{last}.{first}", f"{first}{rng.randrange(1, 1000)}", f"{first[0]}.{last}{rng.randrange(10, 100)}",
                 f"{rng.choice(_HOBBIES)}{rng.randrange(1, 10_000)}"]
            )  # fmt: skip
            address = f"{local}@{names.common_first(rng, names.MAIL_DOMAINS)}"
            if address not in self.emails:
                self.emails.add(address)
                return address

    def key(self) -> str:
        """The next person's key."""
        self.born += 1
        return f"person-{self.born:05d}"


_HOBBIES = ["runner", "gardener", "fishing", "quilter", "skater", "guitar", "baker", "hiker", "reader", "bluebird"]


def people(households: Sequence[Household], *, seed: int = SEED) -> list[Person]:
    """Everybody who lives in these households, in the households' order."""
    allocator = _Allocator(Random(f"{seed}/allocator"))
    return [person for household in households for person in _household(household, allocator, seed)]


def _household(household: Household, allocator: _Allocator, seed: int) -> list[Person]:
    rng = Random(f"{seed}/household/{household.id}")
    band = household.age or rng.choices(list(_AGE_BANDS), weights=[46, 142, 194, 288, 59, 72])[0]
    adults = household.adults or rng.choices([1, 2], weights=[43, 57])[0]
    members = [_first_adult(rng, band, allocator, household.id)]
    if adults == 2:
        members.append(_partner(rng, members[0], band, allocator))
    members += _grown_children(rng, members, household, band, allocator)
    if rng.random() < 0.01:
        members.append(_twin(rng, members[0], allocator))
    if len(members) > 1 and rng.random() < 0.15:
        tablet = _uuid(rng)
        members = [replace(one, tablet=tablet) if _shops_online(one) else one for one in members]
    members = _moved(rng, members)
    return [_renamed(rng, one, allocator) for one in members]


def _first_adult(rng: Random, band: str, allocator: _Allocator, household_id: int) -> Person:
    low, high = _AGE_BANDS[band]
    home = _residence(rng, date.min)
    landline = allocator.phone_number() if rng.random() < 0.35 else ""
    return _person(
        rng, allocator, household_id=household_id, woman=rng.random() < 0.55, age=rng.randint(low, high), band=band,
        surname=names.common_first(rng, names.SURNAMES), home=home, landline=landline, share=3.0,
    )  # fmt: skip


def _partner(rng: Random, first: Person, band: str, allocator: _Allocator) -> Person:
    surname = first.last_names[0][1] if rng.random() < 0.75 else names.common_first(rng, names.SURNAMES)
    low, high = _AGE_BANDS[band]
    woman = first.first_name not in {name for pool in names.WOMEN.values() for name in pool}
    partner = _person(
        rng, allocator, household_id=first.household_id, woman=woman if rng.random() < 0.95 else not woman,
        age=max(19, rng.randint(low - 3, high + 3)), band=band, surname=surname, home=first.residences[0],
        landline=first.landline, share=rng.choice([0.5, 1.0, 2.0]),
    )  # fmt: skip
    # Some couples have one address for both, and it is in both their accounts.
    return replace(partner, emails=first.emails) if rng.random() < 0.04 and first.emails else partner


def _grown_children(
    rng: Random, parents: list[Person], household: Household, band: str, allocator: _Allocator
) -> list[Person]:
    if band not in {"45-54", "55-64", "65+"} or rng.random() > (0.45 if household.kids else 0.12):
        return []
    father = next((one for one in parents if one.first_name in {n for pool in names.MEN.values() for n in pool}), None)
    child = _person(
        rng, allocator, household_id=household.id, woman=rng.random() < 0.5, age=rng.randint(17, 26), band="19-24",
        surname=parents[0].last_names[0][1], home=parents[0].residences[0], landline=parents[0].landline, share=0.5,
    )  # fmt: skip
    if father is not None and rng.random() < 0.15:
        child = replace(child, first_name=father.first_name, called=father.called, last_names=father.last_names)
    return [child, _twin(rng, child, allocator)] if rng.random() < 0.06 else [child]


def _twin(rng: Random, one: Person, allocator: _Allocator) -> Person:
    """Born the same day, of the same name and home; the given names often begin alike."""
    pool = (names.WOMEN if rng.random() < 0.5 else names.MEN)["young"]
    alike = [name for name in pool if name[0] == one.first_name[0] and name != one.first_name]
    given = rng.choice(alike) if alike and rng.random() < 0.5 else rng.choice([n for n in pool if n != one.first_name])
    twin = _person(
        rng, allocator, household_id=one.household_id, woman=given in names.WOMEN["young"], age=20, band="19-24",
        surname=one.last_names[0][1], home=one.residences[0], landline=one.landline, share=0.5, given=given,
    )  # fmt: skip
    return replace(twin, birth_date=one.birth_date)


def _person(
    rng: Random, allocator: _Allocator, *, household_id: int, woman: bool, age: int, band: str, surname: str,
    home: Residence, landline: str, share: float, given: str = "",
) -> Person:  # fmt: skip
    generation = "old" if age >= 55 else "middle" if age >= 33 else "young"
    first_name = given or names.common_first(rng, (names.WOMEN if woman else names.MEN)[generation])
    born = FIRST_DAY - timedelta(days=age * 365 + age // 4 + rng.randrange(365))
    online = rng.random() < _ONLINE[band]
    addresses = [allocator.email(rng, first_name, surname, born.year)] if online or rng.random() < 0.5 else []
    if online and rng.random() < 0.18:
        addresses.append(allocator.email(rng, first_name, surname, born.year))
    cards = 0 if rng.random() > 0.72 else 2 if rng.random() < 0.05 else 1
    return Person(
        key=allocator.key(),
        household_id=household_id,
        first_name=first_name,
        called=rng.choice(names.NICKNAMES.get(first_name, [first_name])),
        last_names=((date.min, surname),),
        birth_date=born,
        mobile=allocator.phone_number() if rng.random() < 0.93 else "",
        landline=landline,
        emails=tuple(addresses),
        residences=(home,),
        user_id=f"u{allocator.number(10_000_000, 99_999_999)}" if online and rng.random() < 0.85 else "",
        loyalty_ids=tuple(f"LC{allocator.number(4_000_000_000, 4_999_999_999)}" for _ in range(cards)),
        browsers=rng.choices([1, 2, 3], weights=[55, 35, 10])[0] if online else 0,
        tablet="",
        phone=_phone(rng) if online and rng.random() < 0.55 else None,
        subscribed=rng.random() < 0.8,
        share=share,
    )


def _phone(rng: Random) -> Phone:
    system, model = rng.choice(_MODELS)
    return Phone(
        device_id=_uuid(rng).upper() if system == "iOS" else f"{rng.getrandbits(64):016x}",
        push_token=f"{rng.getrandbits(256):064x}",
        anonymous_id=_uuid(rng),
        system=system,
        model=model,
    )


def _residence(rng: Random, since: date) -> Residence:
    town, postcodes = rng.choices(names.TOWNS, weights=[len(codes) ** 2 for _, codes in names.TOWNS])[0]
    street = f"{names.common_first(rng, names.STREETS)} {rng.choice(names.STREET_TYPES)}"
    flat = f" Apt {rng.randrange(1, 40)}" if rng.random() < 0.2 else ""
    return Residence(since, f"{rng.randrange(1, 2400)} {street}{flat}", town, rng.choice(postcodes))


def _moved(rng: Random, members: list[Person]) -> list[Person]:
    """One household in eight moves in the year, and one child in five moves out alone."""
    if rng.random() < 0.12:
        home = _residence(rng, FIRST_DAY + timedelta(days=rng.randrange(20, _DAYS - 20)))
        members = [replace(one, residences=(*one.residences, home)) for one in members]
    return [_moved_out(rng, one) if one.share < 1 and rng.random() < 0.2 else one for one in members]


def _moved_out(rng: Random, one: Person) -> Person:
    home = _residence(rng, FIRST_DAY + timedelta(days=rng.randrange(_DAYS - 25, _DAYS)))
    return replace(one, residences=(*one.residences, home))


def _renamed(rng: Random, one: Person, allocator: _Allocator) -> Person:
    """One in twenty-five takes another surname in the year; half of them take another e-mail address with it."""
    if rng.random() > 0.04:
        return one
    day = FIRST_DAY + timedelta(days=rng.randrange(20, _DAYS - 20))
    surname = names.common_first(rng, names.SURNAMES)
    emails = one.emails
    if emails and rng.random() < 0.5:
        emails = (*emails, allocator.email(rng, one.first_name, surname, one.birth_date.year))
    return replace(one, last_names=(*one.last_names, (day, surname)), emails=emails)


def _shops_online(one: Person) -> bool:
    return one.browsers > 0


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
