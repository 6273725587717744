"""The candidates of changed profiles: looked up, compared and weighed, part by part.

While one part is compared here, the database looks up the next one.
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import psycopg

from identity.linkage import deciding, engine, records
from identity.linkage.engine import Compared, Held
from identity.linkage.fields import Stored
from identity.linkage.model import Model, Scored, log_odds
from identity.linkage.vocabulary import Ints

Cursor = psycopg.Cursor[Any]
# So many changed profiles are looked up and compared at once; with their candidates they are some ten megabytes.
_PART = 500


class Candidates(NamedTuple):
    """Pairs of ids (n x 2, smaller first, each once) and their scores."""

    pairs: Ints
    scored: Scored


class _Found(NamedTuple):
    """The candidates of one part, and the records of all that are in a pair."""

    pairs: Ints
    records: dict[int, Stored]


def score_changed(cursor: Cursor, keys: records.Keys, model: Model) -> Candidates:
    """Compare the profiles with these keys to all that share a block with them, and weigh the pairs.

    Pairs inside tentative clusters that blocking did not bring are weighed too: they may speak against the cluster.
    """
    known: dict[int, Stored] = {}
    parts: list[Compared] = []
    for found in _each_once(_look_up(cursor, keys), keys):
        known |= found.records
        parts.append(engine.compare_held(Held.of(found.records, model), found.pairs, model))
    pairs, scored = _weigh(cursor, parts, model)
    strong = pairs[scored.weights >= log_odds(model.link_above)].tolist()
    extra = deciding.missing_cross_pairs([(a, b) for a, b in strong], pairs)
    if not extra:
        return Candidates(pairs, scored)
    more = np.array(sorted(extra), dtype=np.int64)
    held = Held.of({one: known[one] for one in np.unique(more).tolist()}, model)
    others = _weigh(cursor, [engine.compare_held(held, more, model)], model)
    return Candidates(np.concatenate([pairs, others.pairs]), Scored.joined([scored, others.scored]))


def _look_up(cursor: Cursor, keys: records.Keys) -> Iterator[_Found]:
    """Part by part, and always one part ahead of whoever takes them."""
    ids = list(keys)
    first, *others = [{one: keys[one] for one in ids[n : n + _PART]} for n in range(0, max(len(ids), 1), _PART)]
    full = records.full_blocks(cursor)
    if not others:
        yield _look_up_part(cursor, first, full)[0]
        return
    with ThreadPoolExecutor(1) as ahead:
        answer = ahead.submit(_look_up_part, cursor, first, full)
        for part in others:
            found, full = answer.result()
            answer = ahead.submit(_look_up_part, cursor, part, full)
            yield found
        yield answer.result()[0]


def _look_up_part(cursor: Cursor, keys: records.Keys, full: Ints) -> tuple[_Found, Ints]:
    pairs, full = records.find_candidates(cursor, keys, full)
    stored = records.load_records(cursor, np.unique(pairs))
    return _Found(pairs[np.isin(pairs, list(stored)).all(axis=1)], stored), full


def _each_once(parts: Iterator[_Found], changed: Collection[int]) -> Iterator[_Found]:
    """Two changed profiles in different parts find each other twice; the second time counts for nothing."""
    ids, seen = np.array(sorted(changed), dtype=np.int64), set[tuple[int, int]]()
    for found in parts:
        between = np.flatnonzero(np.isin(found.pairs, ids).all(axis=1))
        pairs = [(a, b) for a, b in found.pairs[between].tolist()]
        again = between[[pair in seen for pair in pairs]]
        seen.update(pairs)
        yield found._replace(pairs=np.delete(found.pairs, again, axis=0))


def _weigh(cursor: Cursor, parts: Sequence[Compared], model: Model) -> Candidates:
    counts, base = records.load_counts(cursor, [part.held.terms() for part in parts])
    scored = [engine.weigh(part, counts, base=base, model=model) for part in parts]
    return Candidates(np.concatenate([part.pairs for part in parts]), Scored.joined(scored))
