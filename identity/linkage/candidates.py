"""The candidates of changed profiles: looked up, compared and weighed, part by part.

While one part is compared here, the database looks up the next one.
"""

from collections.abc import Iterator
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


class _Found(NamedTuple):
    """The candidates of one part, and the records of all that are in a pair; the keys of blocks known to be full."""

    pairs: Ints
    records: dict[int, Stored]
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
        self._first = database.ask(_look_up, self._parts[0], None)

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
        """Part by part, and always one part ahead of whoever takes them."""
        found = self._first.result()
        for part in self._parts[1:]:
            coming = self._database.ask(_look_up, part, found.full)
            yield found
            found = coming.result()
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


def _look_up(cursor: Cursor, keys: records.Keys, full: Ints | None) -> _Found:
    pairs, full = records.find_candidates(cursor, keys, records.full_blocks(cursor) if full is None else full)
    stored = records.load_records(cursor, np.unique(pairs))
    return _Found(pairs[np.isin(pairs, list(stored)).all(axis=1)], stored, full)
