"""What linkage writes into identity: matched links through identity's door, and questions for the steward."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg, turns
from identity.graph import Pair
from identity.linkage import deciding, records, statements
from identity.linkage.deciding import Decisions
from identity.linkage.explaining import evidence_json
from identity.linkage.model import Model, Scored, log_odds
from identity.services.matches import Match, link_matches
from identity.services.settle import After, Settled

HOLDER = "linkage"
BASIS = "linkage"

# A question for the steward: probability and the evidence as JSON, by pair.
Questions = Mapping[Pair, tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one batch."""

    links: int = 0
    reviews: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """The changed profiles of a batch, the scored pairs, and the matched links that no longer hold."""

    profile_ids: Collection[int]
    pairs: npt.NDArray[np.int64]
    scored: Scored
    withdrawn: Collection[Pair]
    model: Model
    now: datetime


def write(conn: psycopg.Connection[Any], batch: Batch, *, after: After | None) -> Written:
    """Decide about the scored pairs and write links and reviews, in the caller's transaction.

    Takes the turn first, so what stewards and the pipeline did meanwhile is seen: a pair that somebody has decided,
    and profiles that have gone, are left alone.
    """
    cursor = psycopg.Cursor(conn)
    weights = batch.scored.weights
    if (weights >= log_odds(batch.model.link_above)).any() or batch.withdrawn:
        turns.take(conn, HOLDER)
    elif (weights >= log_odds(batch.model.review_above)).any() or _stale(cursor, batch, {}):
        # Reviews are nothing that the applier remembers, so its caches may stay.
        turns.borrow(conn)
    else:
        return Written()
    decisions = _decide(cursor, batch)
    settled = _link(conn, batch, decisions)
    questions = {v.pair: _question(batch, v.row) for v in decisions.reviews}
    reviews = _review(cursor, batch, questions)
    if settled is not None:
        records.forget(cursor, settled.retired)
        cursor.execute(statements.MARK_DUE, {"ids": pg.int8s(sorted(settled.traits_changed))})
        if after is not None and (settled.moved or settled.traits_changed):
            after(conn, list(settled.moved), set(settled.traits_changed))
    return Written(len(decisions.links), reviews, len(batch.withdrawn))


def _decide(cursor: psycopg.Cursor[Any], batch: Batch) -> Decisions:
    asked = batch.pairs[batch.scored.weights >= log_odds(batch.model.review_above)]
    ids = np.unique(asked)
    values = {"ids": pg.int8s(ids)}
    live = [row[0] for row in cursor.execute(statements.LIVE, values).fetchall()]
    settled = set(cursor.execute(statements.SETTLED, values).fetchall())
    gone = batch.pairs[np.isin(batch.pairs, np.setdiff1d(ids, live)).any(axis=1)]
    settled.update((a, b) for a, b in gone.tolist())
    return deciding.decide(batch.pairs, batch.scored, banned=settled, model=batch.model)


def _link(conn: psycopg.Connection[Any], batch: Batch, decisions: Decisions) -> Settled | None:
    """A profile's id is that of its founding identifier, so a pair of profiles is a pair of identifiers."""
    if not decisions.links and not batch.withdrawn:
        return None
    chances = batch.scored.probabilities
    matches = [
        Match(*verdict.pair, float(chances[verdict.row]), evidence_json(batch.scored, verdict.row, batch.model))
        for verdict in decisions.links
    ]
    return link_matches(conn, matches=matches, withdrawn=list(batch.withdrawn), basis=BASIS, now=batch.now)


def _question(batch: Batch, row: int) -> tuple[float, str]:
    return float(batch.scored.probabilities[row]), evidence_json(batch.scored, row, batch.model)


def _stale(cursor: psycopg.Cursor[Any], batch: Batch, questions: Questions) -> list[int]:
    values = {
        "ids": pg.int8s(sorted(batch.profile_ids)),
        "a": pg.int8s([a for a, _ in questions]),
        "b": pg.int8s([b for _, b in questions]),
    }
    return [row[0] for row in cursor.execute(statements.STALE_REVIEWS, values)]


def _review(cursor: psycopg.Cursor[Any], batch: Batch, questions: Questions) -> int:
    """Ask what is in doubt, and take back open questions about these profiles that are settled by new data."""
    stale = _stale(cursor, batch, questions)
    if stale:
        cursor.execute(statements.DELETE_REVIEWS, {"ids": pg.int8s(stale)})
    if not questions:
        return 0
    rows = cursor.execute(
        statements.WRITE_REVIEWS,
        {
            "a": pg.int8s([a for a, _ in questions]),
            "b": pg.int8s([b for _, b in questions]),
            "probabilities": pg.float8s([chance for chance, _ in questions.values()]),
            "weights": pg.jsonbs([text for _, text in questions.values()]),
            "now": batch.now,
        },
    ).fetchall()
    return len(rows)
