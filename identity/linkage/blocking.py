"""The blocking keys of the index in PostgreSQL: a fixed set of conjunctions of tokens. Pure; light to import.

A key is a hash of a few tokens. Two records that share a key are candidates, unless more records share it than a block
may hold: such a key is skipped, and the finer keys that join it with one more fact find what it would have found. Keys
depend on the record alone, so they are computed once a change and stay in an index. The bulk run looks deeper: it
joins tokens as the base needs it (`bulk.blocking`).
"""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

from identity.linkage.fields import Record
from identity.linkage.terms import COLUMNS, value_of
from identity.linkage.tokens import tokens

# More records than this under one key, and the key is skipped.
MOST_IN_BLOCK = 60
# More candidates than this for one record, and those that share fewest keys are dropped.
MOST_CANDIDATES = 20

# Exact keys, then a name with a date, a place or the other name, then what is left to those who changed their names.
CONJUNCTIONS: tuple[tuple[str, ...], ...] = (
    ("email",), ("mailbox",), ("phone",), ("phone end",), ("number",), ("surname",), ("day",),
    ("given sound", "month, day"), ("given sound", "month"), ("surname sound", "month"),
    ("given start", "day or month"), ("surname start", "day or month"), ("given sound", "postcode"),
    ("surname sound", "postcode"), ("given sound", "street"), ("surname sound", "city"), ("surname sound", "year"),
    ("street", "house"), ("house", "postcode"), ("day", "city"), ("mailbox", "given start"),
)  # fmt: skip
# The two names, in either order, alone and with one more fact.
_WITH_NAMES: tuple[str, ...] = ("", "year", "city", "postcode", "postcode area")


def key_hash(*parts: str) -> int:
    """A signed 64-bit hash that is the same in every process."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def blocking_keys(record: Record) -> list[int]:
    """All keys of a record, distinct and sorted."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, value in tokens(record):
        by_kind[kind].append(value)
    return sorted({key_hash(*parts) for parts in (*_conjunctions(by_kind), *_names(by_kind))})


def _conjunctions(by_kind: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    for kinds in CONJUNCTIONS:
        for values in itertools.product(*(by_kind.get(kind, ()) for kind in kinds)):
            yield ("+".join(kinds), *values)


def _names(by_kind: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Sorted, so that a swap of given name and surname meets itself."""
    for given, surname in itertools.product(by_kind.get("given sound", ()), by_kind.get("surname sound", ())):
        both = sorted((given, surname)) if given != surname else None
        for kind in _WITH_NAMES if both else ():
            for value in by_kind.get(kind, ()) if kind else ("",):
                yield ("names", kind, value, *(both or ()))


def term_keys(record: Record) -> dict[tuple[str, str], int]:
    """The keys under which the record's values are counted, and for each column the key of having any."""
    held = {column: value for column in COLUMNS if (value := value_of(record, column))}
    keys = {(column, value): term_key(column, value) for column, value in held.items()}
    return keys | {(column, ""): total_key(column) for column in held}


def term_key(column: str, value: str) -> int:
    """The key under which the holders of a value are counted."""
    return key_hash("term", column, value)


@cache
def total_key(column: str) -> int:
    """The key under which the holders of any value are counted."""
    return key_hash("total", column)
