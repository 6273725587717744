"""The candidates of changed profiles: looked up, compared and weighed, part by part.

While one part is compared here, the database reads the records of the next one and looks up whom the one after meets.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np
import psycopg

from identity.linkage import deciding, engine, records
from identity.linkage.beside import Beside
from identity.linkage.engine import Compared, Held
from identity.linkage.fields import Stored
from identity.linkage.model import Model, Scored, log_odds
from identity.linkage.terms import Counts
from identity.linkage.vocabulary import Ints

Cursor = psycopg.Cursor[Any]
# So many changed profiles are looked up and compared at once; with their candidates they are some ten megabytes.
_PART = 500


class Candidates(NamedTuple):
    """Pairs of ids (n x 2, smaller first, each once) and their scores."""

    pairs: Ints
    scored: Scored


class _Met(NamedTuple):
    """Whom one part met, under which keys."""

    asked: records.Asked
    members: tuple[Ints, Ints]


class _Found(NamedTuple):
    """The candidates of one part, and the records of all that are in a pair."""

    pairs: Ints
    records: dict[int, Stored]


class _Begun(NamedTuple):
    """What is there before anything is compared: the first part, whom the second met, which keys are over-full."""

    first: _Found
    second: _Met | None
    full: Ints


class _Waiting(NamedTuple):
    """What was compared, and the counts that it is to be weighed with, once they come."""

    compared: Compared
    counts: Future[tuple[Counts, int]]

    def weigh(self, model: Model) -> Candidates:
        counts, base = self.counts.result()
        return Candidates(self.compared.pairs, engine.weigh(self.compared, counts, base=base, model=model))


class Scoring:
    """Compare the profiles with these keys to all that share a block with them, and weigh the pairs.

    Begins to look them up at once; whoever made it may compute something else before `finish`.
    """

    def __init__(self, database: Beside, keys: records.Keys, model: Model) -> None:
        self._database, self._model, self._changed = database, model, np.array(sorted(keys), dtype=np.int64)
        ids = list(keys)
        self._parts = [{one: keys[one] for one in ids[n : n + _PART]} for n in range(0, max(len(ids), 1), _PART)]
        self._begun = database.ask(_begin, self._parts[:2])

    def finish(self) -> Candidates:
        """Pairs inside tentative clusters that blocking did not bring are weighed too: they may speak against it."""
        known: dict[int, Stored] = {}
        parts: list[Candidates] = []
        waiting: _Waiting | None = None
        for found in self._each_once():
            known |= found.records
            asked = self._compare(found.records, found.pairs)
            # The counts were asked after the next part was: they are here when that is.
            parts += [waiting.weigh(self._model)] if waiting else []
            waiting = asked
        parts += [waiting.weigh(self._model)] if waiting else []
        pairs = np.concatenate([part.pairs for part in parts])
        scored = Scored.joined([part.scored for part in parts])
        strong = pairs[scored.weights >= log_odds(self._model.link_above)].tolist()
        extra = deciding.missing_cross_pairs([(a, b) for a, b in strong], pairs)
        if not extra:
            return Candidates(pairs, scored)
        more = np.array(sorted(extra), dtype=np.int64)
        held = {one: known[one] for one in np.unique(more).tolist()}
        others = self._compare(held, more).weigh(self._model)
        return Candidates(np.concatenate([pairs, others.pairs]), Scored.joined([scored, others.scored]))

    def _compare(self, held: dict[int, Stored], pairs: Ints) -> _Waiting:
        columns = Held.of(held, self._model)
        counts = self._database.ask(records.load_counts, columns.terms())
        return _Waiting(engine.compare_held(columns, pairs, self._model), counts)

    def _found(self) -> Iterator[_Found]:
        """Part by part. The database is asked about two parts ahead of what is compared here, so it need not wait."""
        found, met, full = self._begun.result()
        for part in (*self._parts[2:], None):
            if met is None:
                break
            ahead = self._database.ask(_meet, part, full) if part else None
            pairs, overfull = records.pair_up(*met)
            full = np.union1d(full, overfull)
            coming = self._database.ask(_load, pairs, overfull)
            yield found
            found, met = coming.result(), ahead.result() if ahead else None
        yield found

    def _each_once(self) -> Iterator[_Found]:
        """Two changed profiles in different parts find each other twice; the second time counts for nothing."""
        seen = set[tuple[int, int]]()
        for found in self._found():
            between = np.flatnonzero(np.isin(found.pairs, self._changed).all(axis=1))
            pairs = [(a, b) for a, b in found.pairs[between].tolist()]
            again = between[[pair in seen for pair in pairs]]
            seen.update(pairs)
            yield found._replace(pairs=np.delete(found.pairs, again, axis=0))


def _begin(cursor: Cursor, parts: Sequence[records.Keys]) -> _Begun:
    full = records.full_blocks(cursor)
    pairs, overfull = records.pair_up(*_meet(cursor, parts[0], full))
    first, full = _load(cursor, pairs, overfull), np.union1d(full, overfull)
    return _Begun(first, _meet(cursor, parts[1], full) if len(parts) > 1 else None, full)


def _meet(cursor: Cursor, keys: records.Keys, full: Ints) -> _Met:
    asked = records.Asked.of(keys, full)
    return _Met(asked, records.find_members(cursor, asked))


def _load(cursor: Cursor, pairs: Ints, overfull: Ints) -> _Found:
    records.note_full(cursor, overfull)
    ids = np.unique(pairs)
    stored = records.load_records(cursor, ids)
    if len(stored) < len(ids):
        pairs = pairs[np.isin(pairs, list(stored)).all(axis=1)]
    return _Found(pairs, stored)
