"""From the traits of a profile, or the row of a file, to the cleaned record that linkage compares. Pure.

A trait is known by its name (`first_name`, `firstName`, `vorname` are one role); a file's columns may also be known by
their values (`roles`). Both come through `make_record`, so a person is the same record wherever he comes from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from identity.linkage import cleaning
from identity.linkage.role_names import role_of

Values = tuple[str, ...]
ByRole = Mapping[str, list[str]]
_MOST_VALUES = 5
_ADDRESS_OBJECTS = frozenset({"address", "home_address", "homeAddress", "billing_address", "billingAddress",
                              "shipping_address", "shippingAddress"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """The cleaned fields of one profile. An empty value is missing, which says nothing, for or against.

    `others` are the names a person bears besides the first, `kin` what those and the given name may be short for;
    `other` holds a file's further columns by name.
    """

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
    other: Mapping[str, str] = field(default_factory=dict)

    @property
    def kin(self) -> Values:
        """Every name that would be understood as this person's given name."""
        return kin_of(self.given, self.others)

    @property
    def formals(self) -> Values:
        """The given name and what it may be short for."""
        return formal_names(self.given) if self.given else ()

    def to_json(self) -> dict[str, Any]:
        """The stored form: what is missing is left out."""
        present = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in present if value}


class Stored(msgspec.Struct, gc=False, array_like=True):
    """A record as it is stored: a JSON array of these fields in this order, which is read without looking names up.

    A further field goes to the end: what is stored without it is read as missing.
    """

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

    @property
    def kin(self) -> Values:
        """Every name that would be understood as this person's given name."""
        return kin_of(self.given, self.others)

    @property
    def formals(self) -> Values:
        """The given name and what it may be short for."""
        return formal_names(self.given) if self.given else ()


_STORED = msgspec.json.Decoder(list[Stored])
_encode = msgspec.json.Encoder().encode
_values_of = attrgetter(*Stored.__struct_fields__)


def stored_form(record: Record) -> str:
    """What is kept of a record: the array that `Stored` is read from."""
    return _encode(_values_of(record)).decode()


def read_stored(stored: str | bytes) -> list[Stored]:
    """The records whose stored forms are the items of this JSON array."""
    return _STORED.decode(stored)


def record_of(traits: Mapping[str, Any], *, emails: Iterable[str] = (), phones: Iterable[str] = ()) -> Record:
    """The record of a profile with these traits; `emails` and `phones` are identifiers of the profile."""
    by_role = _by_role(traits)
    by_role.setdefault("email", []).extend(emails)
    by_role.setdefault("phone", []).extend(phones)
    return make_record(by_role)


def make_record(by_role: ByRole, other: Mapping[str, str] | None = None) -> Record:
    """The record of raw values by their role; `other` are values of columns without one."""
    emails = _distinct(map(cleaning.clean_email, by_role.get("email", ())))
    given, others, surname = _names(by_role)
    if not given and surname and emails:
        given = cleaning.given_in_mailbox(emails[0], surname)
    street, house = cleaning.clean_street(_first(by_role, "street"), _first(by_role, "house"))
    cleaned = {name: clean for name, raw in (other or {}).items() if (clean := cleaning.clean_text(raw[:200]))}
    return Record(
        given=given,
        others=others,
        surname=surname,
        birth_date=_birth_date(by_role) or (cleaning.year_in_mailbox(emails[0], given, surname) if emails else ""),
        emails=emails,
        phones=_distinct(map(cleaning.clean_phone, by_role.get("phone", ()))),
        numbers=_distinct(map(cleaning.alphanumeric, by_role.get("number", ()))),
        street=street,
        house=house,
        city=cleaning.clean_text(_first(by_role, "city")),
        postcode=cleaning.clean_postcode(_first(by_role, "postcode")),
        sex=cleaning.clean_sex(_first(by_role, "sex")),
        other=cleaned,
    )


def _by_role(traits: Mapping[str, Any]) -> dict[str, list[str]]:
    by_role: dict[str, list[str]] = {}
    for name in sorted(traits):
        value = traits[name]
        if isinstance(value, Mapping):
            if role_of(name) == "street" or name in _ADDRESS_OBJECTS:
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


def _first(by_role: ByRole, role: str) -> str:
    values = by_role.get(role)
    return values[0] if values else ""


def _distinct(values: Iterable[str]) -> Values:
    return tuple(dict.fromkeys(value for value in values if value))[:_MOST_VALUES]


def _birth_date(by_role: ByRole) -> str:
    """The first date that can be read; put together from its parts; the year alone where there is no more."""
    parts = cleaning.put_together(*(_first(by_role, f"birth_{part}") for part in ("year", "month", "day")))
    raw = (*by_role.get("birth_date", ()), parts, *by_role.get("birth_year", ()))
    return next((clean for one in raw if (clean := cleaning.clean_date(one))), "")


def _names(by_role: ByRole) -> tuple[str, Values, str]:
    """Given name, the other names, surname; a full name is used for what is missing and for names that it adds."""
    given = cleaning.clean_name(_first(by_role, "given"))
    surname = cleaning.clean_name(_first(by_role, "surname"))
    full = _first(by_role, "full")
    middle = cleaning.clean_name(_first(by_role, "middle"))
    if full and not (given and surname):
        first, inner, last = cleaning.split_full_name(full)
        given, surname = given or first, surname or (last if last != given else "")
        middle = f"{middle} {inner}"
    elif full:
        middle = f"{middle} {cleaning.clean_name(full)}"
    given, others = given_and_others(given, middle, surname)
    return given, others, surname


def given_and_others(given: str, middle: str, surname: str) -> tuple[str, Values]:
    """The first of cleaned given names; the rest and the middle names, without what is part of the surname.

    A middle name does not take the place of a given name that is missing: most people are not called by it.
    """
    first, *more = [*(given.split() or [""]), *middle.split()]
    known = {first, *surname.split()}
    return first, tuple(name for name in dict.fromkeys(more) if name not in known)[:_MOST_VALUES]


def kin_of(given: str, others: Values) -> Values:
    """The given name, what it may be short for, and the other names."""
    if not given:
        return others
    return (*formal_names(given), *others) if others else formal_names(given)


@cache
def _nick_namer() -> Any:
    from nicknames import NickNamer  # loaded on first use

    return NickNamer()


@lru_cache(maxsize=200_000)
def formal_names(name: str) -> Values:
    """The name itself and the formal names it may be short for."""
    return (name, *sorted(_nick_namer().canonicals_of(name) - {name}))
