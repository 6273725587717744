"""From changed profiles to what is kept of them: the cleaned record, its blocking keys and its terms. Pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from common import pg
from identity.linkage import blocking
from identity.linkage.fields import Record, Values, record_of, stored_form

# Counted once for every record that has a field: the size of the base.
BASE_KEY = blocking.total_key("")


class Contacts(NamedTuple):
    """The mailboxes and telephones that are identifiers of a profile."""

    emails: Values = ()
    phones: Values = ()


class Due(NamedTuple):
    """A profile that changed since its record was made, with its traits as JSON."""

    profile_id: int
    traits: str
    changed_at: datetime
    contacts: Contacts


class Made(NamedTuple):
    """What is made of a changed profile; keys and terms also as PostgreSQL writes arrays."""

    changed_at: datetime
    contacts: Contacts
    fields: str
    keys: list[int]
    listed_keys: str
    listed_terms: str


def make(due: Collection[Due]) -> dict[int, Made]:
    """What is to be kept of each of these profiles."""
    return {one.profile_id: _made(one) for one in due}


def _made(one: Due) -> Made:
    record = record_of(pg.from_jsonb(one.traits), emails=one.contacts.emails, phones=one.contacts.phones)
    keys = blocking.blocking_keys(record)
    terms = _terms(record) if keys else []
    return Made(one.changed_at, one.contacts, stored_form(record), keys, _literal(keys), _literal(terms))


def _terms(record: Record) -> list[int]:
    return sorted({BASE_KEY, *blocking.term_keys(record).values()})


def _literal(hashes: Iterable[int]) -> str:
    return "{" + ",".join(map(str, hashes)) + "}"


def still_right(made: Mapping[int, Made], now: Mapping[int, tuple[datetime, Contacts]]) -> dict[int, Made]:
    """What was made ahead of profiles that have not changed since, by when they changed and their contacts."""
    return {
        one: made[one]
        for one, (changed_at, contacts) in now.items()
        if one in made and (made[one].changed_at, made[one].contacts) == (changed_at, contacts)
    }
