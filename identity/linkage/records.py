"""The attribute records of linkage in PostgreSQL: read what changed, keep fields, keys and counts, find candidates."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from common import clock, pg
from identity.graph import Pair
from identity.linkage import blocking, statements
from identity.linkage.fields import Stored, read_stored
from identity.linkage.making import BASE_KEY, Contacts, Due, Made, make, still_right
from identity.linkage.terms import COLUMNS, Counts

if TYPE_CHECKING:
    from identity.linkage.vocabulary import Column

# The holders of any value of each column.
_TOTALS = {blocking.total_key(column): (column, "") for column in COLUMNS}

Cursor = psycopg.Cursor[Any]
Ints = npt.NDArray[np.int64]
# Blocking keys by profile.
Keys = Mapping[int, list[int]]


class _Kept(NamedTuple):
    """What is kept of a profile, keys and terms as PostgreSQL writes arrays; `again`: it is to be compared anyway."""

    keys: str = "{}"
    terms: str = "{}"
    fields: str = ""
    again: bool = True


_NOTHING = _Kept()


@dataclass(slots=True)
class Changes:
    """What differs between what is stored and what should be; `same` are profiles whose records stay as they are."""

    gone: list[Pair] = field(default_factory=list)
    new: list[Pair] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)
    same: list[int] = field(default_factory=list)


def find_due(cursor: Cursor, *, since: datetime | None, after: int, limit: int) -> list[int]:
    """The next profiles that changed, in the order of their ids."""
    (found,) = _arrays(cursor, statements.FIND_DUE, {"since": since, "after": after, "limit": limit})
    return [int(one) for one in found]


def load_due(cursor: Cursor, profile_ids: Collection[int], *, since: datetime | None) -> list[Due]:
    """Those of these profiles that still live and have changed, in the order of their ids."""
    if not profile_ids:
        return []
    rows = cursor.execute(statements.LOAD_DUE, {"ids": pg.int8s(list(profile_ids)), "since": since}).fetchall()
    contacts = _contacts(cursor, [row[0] for row in rows])
    return [Due(one, traits, changed_at, contacts[one]) for one, traits, changed_at in rows]


def make_due(
    cursor: Cursor, profile_ids: Collection[int], *, since: datetime | None, ahead: Mapping[int, Made]
) -> dict[int, Made]:
    """What is to be kept of those of these profiles that have changed; what was made ahead is taken if it is right."""
    if ahead:
        values = {"ids": pg.int8s(list(profile_ids)), "since": since}
        changed = dict(cursor.execute(statements.STILL_DUE, values).fetchall())
        contacts = _contacts(cursor, list(changed))
        right = still_right(ahead, {one: (at, contacts[one]) for one, at in changed.items()})
        fresh = make(load_due(cursor, changed.keys() - right.keys(), since=since))
        return {one: fresh.get(one) or right[one] for one in changed if one in fresh or one in right}
    return make(load_due(cursor, profile_ids, since=since))


def load_outdated(cursor: Cursor, *, after: int, limit: int) -> tuple[list[Due], int | None]:
    """Profiles whose records another recipe made, in the order of their ids, and where to go on, if anywhere."""
    values = {"after": after, "limit": limit, "recipe": blocking.RECIPE}
    rows = cursor.execute(statements.LOAD_OUTDATED, values).fetchall()
    contacts = _contacts(cursor, [row[0] for row in rows])
    due = [Due(one, traits, changed_at, contacts[one]) for one, traits, changed_at in rows if changed_at is not None]
    return due, int(rows[-1][0]) if len(rows) == limit else None


def keep(cursor: Cursor, made: Mapping[int, Made], changes: Changes) -> None:
    """Keep what was made of changed profiles."""
    written = {
        "ids": pg.int8s(list(made)),
        "fields": pg.texts([one.fields for one in made.values()]),
        # Arrays of arrays must be rectangular in PostgreSQL, so each goes as its own literal.
        "keys": pg.texts([one.listed_keys for one in made.values()]),
        "terms": pg.texts([one.listed_terms for one in made.values()]),
        "changed": pg.timestamps([clock.micros(one.changed_at) for one in made.values()]),
        "recipe": blocking.RECIPE,
    }
    # None of these answers anything, so they go one after the other without waiting.
    with cursor.connection.pipeline():
        _rewrite_keys(cursor, changes)
        cursor.execute(statements.WRITE_RECORDS, written)


def _contacts(cursor: Cursor, profile_ids: list[int]) -> dict[int, Contacts]:
    held: dict[int, tuple[list[str], list[str]]] = {}
    for profile_id, kind, value in cursor.execute(statements.CONTACTS, {"ids": pg.int8s(profile_ids)}):
        held.setdefault(profile_id, ([], []))[kind == "phone"].append(value)
    nothing = Contacts()
    return {one: Contacts(tuple(held[one][0]), tuple(held[one][1])) if one in held else nothing for one in profile_ids}


def _items(literal: str) -> set[str]:
    return set(literal[1:-1].split(",")) - {""}


def forget(cursor: Cursor, profile_ids: Collection[int]) -> None:
    """Drop the records of profiles that are no more."""
    if profile_ids:
        _rewrite_keys(cursor, _differing(cursor, dict.fromkeys(profile_ids, _NOTHING)))
        cursor.execute(statements.DELETE_RECORDS, {"ids": pg.int8s(sorted(profile_ids))})


def _rewrite_keys(cursor: Cursor, changes: Changes) -> None:
    """Bring the index of keys and the counts of terms in line; only what differs is written."""
    for statement, pairs in ((statements.DELETE_KEYS, changes.gone), (statements.INSERT_KEYS, changes.new)):
        if pairs:
            values = {"keys": pg.int8s([key for key, _ in pairs]), "ids": pg.int8s([p for _, p in pairs])}
            cursor.execute(statement, values)
    if changes.gone:
        cursor.execute(statements.UNMARK_FULL, {"keys": pg.int8s([key for key, _ in changes.gone])})
    counted = sorted((key, change) for key, change in changes.counts.items() if change)
    if counted:
        values = {"keys": pg.int8s([k for k, _ in counted]), "changes": pg.int4s([change for _, change in counted])}
        cursor.execute(statements.COUNT_KEYS, values)
    fewer = [key for key, change in counted if change < 0]
    if fewer:
        cursor.execute(statements.DELETE_EMPTY_COUNTS, {"keys": pg.int8s(fewer)})


def find_changes(cursor: Cursor, made: Mapping[int, Made]) -> Changes:
    """What is to be written so that this is kept.

    A profile whose record stays as it is has the pairs and the weights that it had, and need not be compared: most
    traits are nothing that linkage looks at. Unless something is asked about it: the question may be settled.
    """
    changes = _differing(
        cursor, {one: _Kept(new.listed_keys, new.listed_terms, new.fields, False) for one, new in made.items()}
    )
    if changes.same:
        asked = cursor.execute(statements.ASKED_ABOUT, {"ids": pg.int8s(changes.same)}).fetchall()
        changes.same = sorted(set(changes.same) - {one for (one,) in asked})
    return changes


def _differing(cursor: Cursor, kept: Mapping[int, _Kept]) -> Changes:
    values = {"ids": pg.int8s(list(kept)), "recipe": blocking.RECIPE}
    stored = {row[0]: _Kept(*row[1:]) for row in cursor.execute(statements.KEPT, values)}
    changes = Changes()
    for profile_id, present in kept.items():
        old = stored.get(profile_id, _NOTHING)
        if old == present:
            changes.same.append(profile_id)
        if old.keys != present.keys:
            before, now = _items(old.keys), _items(present.keys)
            changes.gone += [(int(key), profile_id) for key in before - now]
            changes.new += [(int(key), profile_id) for key in now - before]
        if old.terms != present.terms:
            before, now = _items(old.terms), _items(present.terms)
            changes.counts.update(map(int, now - before))
            changes.counts.subtract(map(int, before - now))
    return changes


def full_blocks(cursor: Cursor) -> Ints:
    """The keys of blocks that are known to be over-full, sorted."""
    (found,) = _arrays(cursor, statements.FULL_BLOCKS, {})
    return np.sort(found)


class Asked(NamedTuple):
    """The keys to look up, each once and in the order of the index, where neighbours are on one page; and who asks:
    each owner with the place of his key."""

    keys: Ints
    owners: Ints
    places: Ints

    @classmethod
    def of(cls, keys: Keys, full: Ints) -> "Asked":
        """The keys of these profiles but those of blocks known to be over-full."""
        owners = np.repeat(np.fromiter(keys, dtype=np.int64, count=len(keys)), [len(held) for held in keys.values()])
        wanted = np.fromiter(chain.from_iterable(keys.values()), dtype=np.int64, count=len(owners))
        unknown = ~np.isin(wanted, full)
        asked, places = np.unique(wanted[unknown], return_inverse=True)
        return cls(asked, owners[unknown], places)


def find_members(cursor: Cursor, asked: Asked) -> tuple[Ints, Ints]:
    """Who is under these keys: the place of the key and a profile, of over-full blocks just too many."""
    values = {"keys": pg.int8s(asked.keys), "most": blocking.MOST_IN_BLOCK + 1}
    place, member = _arrays(cursor, statements.MEMBERS, values)
    return place, member


def pair_up(asked: Asked, members: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """The pairs of the owners and whom they share a block with, smaller id first, sorted (n x 2); and the keys that
    were found over-full and are passed over. Of too many candidates those that share the most keys stay."""
    place, member = members
    fits = np.bincount(place, minlength=len(asked.keys)) <= blocking.MOST_IN_BLOCK
    by_key = _Grouped.of(place[fits[place]], member[fits[place]], len(asked.keys))
    owner, met = by_key.each(asked.owners, asked.places)
    return best_candidates(owner[owner != met], met[owner != met]), asked.keys[~fits]


def note_full(cursor: Cursor, keys: Ints) -> None:
    """Note for whoever looks up next that these keys are over-full."""
    if len(keys):
        cursor.execute(statements.MARK_FULL, {"keys": pg.int8s(keys)})


def find_candidates(cursor: Cursor, keys: Keys, full: Ints) -> tuple[Ints, Ints]:
    """The pairs of the records with these keys and any others that share a block, and `full` as it is now.

    Over-full blocks are passed over: those in `full` unseen, and what else is over-full is added to it and noted.
    """
    asked = Asked.of(keys, full)
    pairs, found_full = pair_up(asked, find_members(cursor, asked))
    note_full(cursor, found_full)
    return pairs, np.union1d(full, found_full)


class _Grouped(NamedTuple):
    """Numbers by group, the groups one after the other: where each begins and how many it has."""

    numbers: Ints
    begins: Ints
    sizes: Ints

    @classmethod
    def of(cls, group: Ints, numbers: Ints, groups: int) -> "_Grouped":
        """Each number with its group, of so many groups."""
        sizes = np.bincount(group, minlength=groups)
        return cls(numbers[np.argsort(group, kind="stable")], np.cumsum(sizes) - sizes, sizes)

    def each(self, owners: Ints, groups: Ints) -> tuple[Ints, Ints]:
        """Every owner with every number of his group."""
        sizes = self.sizes[groups]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.repeat(owners, sizes), self.numbers[np.repeat(self.begins[groups], sizes) + within]


def best_candidates(owner: Ints, candidate: Ints) -> Ints:
    """Pairs of those that met in a block: of each owner the candidates it met in most blocks, then by id."""
    if not len(owner):
        return np.empty((0, 2), dtype=np.int64)
    # What is sorted by several numbers is sorted by the one that they make: many times faster than by each. Ids come
    # from a sequence, so with five hundred owners there is room to ten million million of them.
    most = int(max(owner.max(), candidate.max())) + 1
    owners, place = np.unique(owner, return_inverse=True)
    met, shared = _counted(place * most + candidate)
    place = met // most
    # Those that share most first, and as they are, by id, among equals.
    width = int(shared.max()) + 1
    order = np.sort((place * width + width - 1 - shared) * len(met) + np.arange(len(met))) % len(met)
    sizes = np.bincount(place, minlength=len(owners))
    best = met[order[np.arange(len(met)) - np.repeat(np.cumsum(sizes) - sizes, sizes) < blocking.MOST_CANDIDATES]]
    ids, ends = np.unique(np.concatenate([owners[best // most], best % most]), return_inverse=True)
    left, right = np.split(ends, 2)
    pairs, _ = _counted(np.minimum(left, right) * len(ids) + np.maximum(left, right))
    return np.column_stack([ids[pairs // len(ids)], ids[pairs % len(ids)]])


def _counted(numbers: Ints) -> tuple[Ints, Ints]:
    """Each of these numbers once, sorted, and how often it came."""
    ordered = np.sort(numbers)
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    return ordered[starts], np.diff(starts, append=len(ordered))


def _arrays(cursor: Cursor, statement: str, values: Mapping[str, Any]) -> list[Ints]:
    """The columns of a statement that answers one row of packed `bigint[]`."""
    (row,) = cursor.execute(statement, values, binary=True).fetchall()
    return [pg.int8_array(column) for column in row]


def load_records(cursor: Cursor, profile_ids: Ints) -> dict[int, Stored]:
    """The stored records of those of these profiles that have one."""
    ((ids, stored),) = cursor.execute(statements.RECORDS, {"ids": pg.int8s(profile_ids)}, binary=True).fetchall()
    return dict(zip(pg.int8_array(ids).tolist(), read_stored(stored), strict=True)) if ids else {}


def load_counts(cursor: Cursor, values: Mapping[str, "Column"]) -> tuple[Counts, int]:
    """How many records hold each of these values that two have and any value at all, and the size of the base."""
    shared = {(name, value.decode()) for name in COLUMNS for value in values[name].repeated if value}
    by_key = {blocking.term_key(*term): term for term in shared} | _TOTALS
    found = dict(cursor.execute(statements.COUNTS, {"keys": pg.int8s([BASE_KEY, *by_key])}).fetchall())
    known = {term: found[key] for key, term in by_key.items() if key in found}
    holders = {(column, value): count for (column, value), count in known.items() if value}
    totals = {column: count for (column, value), count in known.items() if not value}
    return Counts(holders, totals), found.get(BASE_KEY, 0)


def sweep(cursor: Cursor, *, after: int, limit: int) -> int:
    """Drop the records of profiles that other writers merged away, a slice of the table. Answers where to go on."""
    rows = cursor.execute(statements.RETIRED, {"after": after, "limit": limit}).fetchall()
    forget(cursor, [profile_id for profile_id, retired in rows if retired])
    return int(rows[-1][0]) if len(rows) == limit else 0
