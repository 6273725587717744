"""Blocking tokens: what two records of one person are likely to share, from coarse to fine. Pure.

No rule is written for a certain base. The bulk run joins tokens adaptively (`bulk.blocking`); the index in PostgreSQL
keeps a fixed set of conjunctions (`blocking`). Both take the tokens of a record from here.
"""

from collections.abc import Iterable, Iterator

from identity.linkage.cleaning import sound
from identity.linkage.fields import Record
from identity.linkage.levels import OTHER

Token = tuple[str, str]

_FIXED = (
    "given sound", "given start", "surname sound", "surname start", "surname", "day", "month", "month, day", "year",
    "day or month", "email", "mailbox", "phone", "phone end", "number", "postcode", "postcode area", "city", "street",
    "street start", "house",
)  # fmt: skip
# Both names of a person in either order: a kind of its own, made of two.
NAMES = "names"


def kinds(others: Iterable[str]) -> tuple[str, ...]:
    """All kinds of tokens of a base with these further columns, in the order of their numbers."""
    return (*_FIXED, *(f"{OTHER}{name}" for name in others), NAMES)


def tokens(record: Record) -> Iterator[Token]:
    """All tokens of a record, as pairs of kind and value."""
    yield from _name_tokens(record)
    yield from _date_tokens(record)
    yield from _contact_tokens(record)
    yield from _place_tokens(record)
    for name, value in record.other.items():
        yield f"{OTHER}{name}", value


def given_names(record: Record) -> list[str]:
    """The names that may be met as a given name. A name that stands alone may be either of the two."""
    alone = record.surname if not record.given else ""
    return list(dict.fromkeys(name for name in (record.given or alone, *record.others) if len(name) > 1))


def surname_met(record: Record) -> str:
    """The name that may be met as a surname."""
    return record.surname or record.given


def _name_tokens(record: Record) -> Iterator[Token]:
    givens, surname = given_names(record), surname_met(record)
    for code in dict.fromkeys(map(sound, givens)):
        yield "given sound", code
    for start in dict.fromkeys(name[:3] for name in givens if len(name) > 2):
        yield "given start", start
    if len(surname) > 1:
        yield "surname sound", sound(surname)
        yield "surname start", surname[:3]
        yield "surname", surname


def _date_tokens(record: Record) -> Iterator[Token]:
    born = record.birth_date
    if not born:
        return
    yield "year", born[:4]
    if born[4:] != "0000":
        yield "day", born
        yield "month", born[:6]
        yield "month, day", born[4:]
        yield "day or month", born[:4] + "".join(sorted((born[4:6], born[6:])))


def _contact_tokens(record: Record) -> Iterator[Token]:
    for email in record.emails:
        yield "email", email
        local = email.partition("@")[0]
        if len(local) >= 4:
            yield "mailbox", local
    for phone in record.phones:
        yield "phone", phone
        yield "phone end", phone[-6:]
    for number in record.numbers:
        yield "number", number


def _place_tokens(record: Record) -> Iterator[Token]:
    if record.postcode:
        yield "postcode", record.postcode
        if len(record.postcode) > 4:
            yield "postcode area", record.postcode[:3]
    if record.city:
        yield "city", record.city
    if record.street:
        yield "street", record.street
        yield "street start", record.street[:6]
    if record.house:
        yield "house", record.house
