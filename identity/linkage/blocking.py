"""The blocking keys of the index in PostgreSQL: a fixed set of conjunctions of tokens. Pure; light to import.

A key is a hash of a few tokens. Two records that share a key are candidates, unless more records share it than a block
may hold: such a key is skipped, and the finer keys that join it with one more fact find what it would have found. Keys
depend on the record alone, so they are computed once a change and stay in an index. The bulk run looks deeper: it
joins tokens as the base needs it (`bulk.blocking`).
"""

import itertools
import struct
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import blake2b

from identity.linkage.fields import Record
from identity.linkage.terms import COLUMNS, value_of
from identity.linkage.tokens import tokens

# The number of the recipe by which a record, its keys and its terms are made. Whoever changes what they come out as
# raises it: records of another recipe are made anew in the background.
RECIPE = 3

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
_LABELLED = tuple(("+".join(kinds), kinds[0], kinds[1] if len(kinds) > 1 else "") for kinds in CONJUNCTIONS)
# The two names, in either order, alone and with one more fact.
_WITH_NAMES: tuple[str, ...] = ("", "year", "city", "postcode", "postcode area")


def key_hash(text: str) -> int:
    """A signed 64-bit hash that is the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def blocking_keys(record: Record) -> list[int]:
    """All keys of a record, distinct and sorted."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, value in tokens(record):
        by_kind[kind].append(value)
    return sorted(_key_hashes({*_conjunctions(by_kind), *_names(by_kind)}))


def _key_hashes(texts: Collection[str]) -> tuple[int, ...]:
    """The `key_hash` of each; read as numbers all at once, for a record has some twenty."""
    digests = [blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return struct.unpack(f">{len(digests)}q", b"".join(digests))


def _conjunctions(by_kind: Mapping[str, list[str]]) -> Iterator[str]:
    for label, first, second in _LABELLED:
        for value in by_kind.get(first, ()):
            if not second:
                yield f"{label}\x1f{value}"
                continue
            for other in by_kind.get(second, ()):
                yield f"{label}\x1f{value}\x1f{other}"


def _names(by_kind: Mapping[str, list[str]]) -> Iterator[str]:
    """Sorted, so that a swap of given name and surname meets itself."""
    for given, surname in itertools.product(by_kind.get("given sound", ()), by_kind.get("surname sound", ())):
        if given != surname:
            first, second = (given, surname) if given < surname else (surname, given)
            for kind in _WITH_NAMES:
                for value in by_kind.get(kind, ()) if kind else ("",):
                    yield f"names\x1f{kind}\x1f{value}\x1f{first}\x1f{second}"


def term_keys(record: Record) -> dict[tuple[str, str], int]:
    """The keys under which the record's values are counted, and for each column the key of having any."""
    held = {column: value for column in COLUMNS if (value := value_of(record, column))}
    keys = {(column, value): term_key(column, value) for column, value in held.items()}
    return keys | {(column, ""): total_key(column) for column in held}


@lru_cache(maxsize=50_000)
def term_key(column: str, value: str) -> int:
    """The key under which the holders of a value are counted."""
    return key_hash(f"term\x1f{column}\x1f{value}")


@cache
def total_key(column: str) -> int:
    """The key under which the holders of any value are counted."""
    return key_hash(f"total\x1f{column}")
