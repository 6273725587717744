"""The door for record linkage: matched links in and out, without decisions or audit of their own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from common import pg
from identity.services import statements
from identity.services.policies import load_policy
from identity.services.settle import Settled, settle


class Match(NamedTuple):
    """Two identifiers that linkage holds to be one person; `evidence_json` keeps the per-field weights."""

    a: int
    b: int
    probability: float
    evidence_json: str


def link_matches(
    conn: psycopg.Connection[Any],
    *,
    matches: Sequence[Match],
    withdrawn: Sequence[tuple[int, int]] = (),
    basis: str,
    now: datetime,
) -> Settled:
    """Store matched links and withdraw those that no longer hold, then recompute their components.

    The caller owns the transaction and the turn. A match that a steward retracted stays retracted; the policy's guards
    apply to matches as to every link, so a match may be stored and refused.
    """
    cursor = psycopg.Cursor(conn)
    ordered = {(min(m.a, m.b), max(m.a, m.b)): m for m in matches if m.a != m.b}
    touched: set[int] = set()
    if ordered:
        rows = cursor.execute(
            statements.UPSERT_MATCHES,
            {
                "a": pg.int8s([a for a, _ in ordered]),
                "b": pg.int8s([b for _, b in ordered]),
                "probabilities": pg.float8s([m.probability for m in ordered.values()]),
                "evidence": pg.jsonbs([m.evidence_json for m in ordered.values()]),
                "basis": basis,
                "now": now,
            },
        ).fetchall()
        touched.update(end for row in rows for end in row)
    if withdrawn:
        rows = cursor.execute(
            statements.WITHDRAW_MATCHES,
            {
                "a": pg.int8s([min(pair) for pair in withdrawn]),
                "b": pg.int8s([max(pair) for pair in withdrawn]),
                "basis": basis,
                "now": now,
            },
        ).fetchall()
        touched.update(end for row in rows for end in row)
    return settle(cursor, touched, policy=load_policy(cursor)[1], now=now)
