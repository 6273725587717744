"""Blocking keys: which records are worth comparing. Pure; light to import.

A key is a hash of a few cleaned values. Two records that share a key are candidates, unless more records share it
than a block may hold: such a key is skipped, and the finer keys that join it with one more field find what it would
have found. Keys depend on the record alone, so they are computed once a change and stay in an index.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

from identity.linkage.fields import Record

# More records than this under one key, and the key is skipped.
MOST_IN_BLOCK = 60
# More candidates than this for one record, and those that share fewest keys are dropped.
MOST_CANDIDATES = 200

TERM_FIELDS = ("given", "surname", "city", "postcode")


def key_hash(*parts: str) -> int:
    """A signed 64-bit hash that is the same in every process."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@lru_cache(maxsize=50_000)
def sound(name: str) -> str:
    """How a name sounds, roughly: its metaphone, or the name itself where that says nothing."""
    import jellyfish  # loaded on first use, by the worker of linkage

    return jellyfish.metaphone(name) or name


def term_hashes(record: Record) -> dict[str, int]:
    """The values of which the frequency matters, by field: a common surname is weaker evidence than a rare one."""
    return {name: key_hash("term", name, value) for name in TERM_FIELDS if (value := getattr(record, name))}


def blocking_keys(record: Record) -> list[int]:
    """All keys of a record, distinct and sorted."""
    return sorted({key_hash(*parts) for parts in _conjunctions(record) if all(parts)})


def _conjunctions(record: Record) -> Iterator[tuple[str, ...]]:
    yield from _exact_keys(record)
    yield from _name_keys(record)
    yield from _birth_keys(record)
    yield from _place_keys(record)


def _exact_keys(record: Record) -> Iterator[tuple[str, ...]]:
    for email in record.emails:
        local = email.partition("@")[0]
        yield "email", email
        yield "local", local if len(local) >= 4 else ""
    for phone in record.phones:
        yield "phone", phone
        yield "phone6", phone[-6:]
    for number in record.numbers:
        yield "number", number


def _name_keys(record: Record) -> Iterator[tuple[str, ...]]:
    if not record.surname:
        return
    surname = sound(record.surname)
    yield "surname", record.surname
    for given in _given_codes(record):
        # Sorted, so that a swap of given name and surname meets itself.
        yield ("names", *sorted((given, surname)))
        yield "names, city", given, surname, record.city
        yield "names, postcode", given, surname, record.postcode
        yield "names, year", given, surname, record.birth_date[:4]
    yield "surname, city", surname, record.city, record.given[:1]
    yield "surname, postcode", surname, record.postcode


def _given_codes(record: Record) -> Iterable[str]:
    names = (record.given, *record.others)
    return dict.fromkeys(sound(name) for name in names if len(name) > 1)


def _birth_keys(record: Record) -> Iterator[tuple[str, ...]]:
    born = record.birth_date
    if not born:
        return
    low, high = sorted((born[4:6], born[6:8]))
    yield "born", born
    yield "born, surname", born, record.surname[:2]
    yield "born, given", born, record.given[:2]
    yield "born, city", born, record.city
    yield "born swapped, surname", born[:4] + low + high, record.surname[:1]
    yield "surname, month", sound(record.surname) if record.surname else "", born[:6]
    for given in _given_codes(record):
        yield "given, day", given, born[4:]
        yield "given, month", given, born[:6]


def _place_keys(record: Record) -> Iterator[tuple[str, ...]]:
    yield "street, house", record.street, record.house, record.street and (record.postcode or record.city)
    yield "house, postcode", record.house, record.postcode, record.street[:3]
    for given in _given_codes(record):
        yield "given, street", given, record.street
        yield "given, postcode", given, record.postcode
        yield "given, house, street", given, record.house, record.street[:3]


def candidate_pairs(
    keys: Iterable[tuple[int, Iterable[int]]], *, most_in_block: int = MOST_IN_BLOCK
) -> set[tuple[int, int]]:
    """All pairs of records that share a block, in memory: what the index in PostgreSQL answers, for files and tests."""
    blocks: dict[int, list[int]] = {}
    for record_id, hashes in keys:
        for one in hashes:
            blocks.setdefault(one, []).append(record_id)
    return {
        (a, b) if a < b else (b, a)
        for block in blocks.values()
        if 1 < len(block) <= most_in_block
        for place, a in enumerate(block)
        for b in block[place + 1 :]
    }
