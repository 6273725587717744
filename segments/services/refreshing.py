"""Holding memberships against the log: the safety net under the hot path, which on a healthy database corrects nothing.

All segments are compared on snapshots and without the turn: events go on being applied meanwhile. Only what looks wrong
there is judged again, under the turn.

The instant at which a rule is judged is always taken under the turn, after whatever waited for it: judged at an earlier
one, somebody whom the timer has just let go would come back.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

import psycopg
from django.db import transaction

from common import pg, turns
from common.clock import Ticker
from segments.compile import compile_difference
from segments.hierarchy import expanded
from segments.models import Segment
from segments.parsing import parse_rule
from segments.selectors.ledger import due_count
from segments.services.following import DUE_BATCH, run_due
from segments.services.memory import load_rules
from segments.services.settling import settle_rule


def refresh(*, segment_id: int, now: datetime, only: Sequence[int] | None = None) -> int:
    """Compare a segment with what the log says, or `only` these profiles, and write corrections with reason `refresh`.

    Returns how many. What is due is settled first, so on a healthy database that is none. It has the turn meanwhile.
    """
    ticker = Ticker(now)
    with transaction.atomic():
        conn = pg.raw()
        turns.borrow(conn)
        moment = ticker()
        segment = Segment.objects.select_for_update().get(pk=segment_id, archived_at=None)
        while run_due(now=moment, conn=conn) == DUE_BATCH:
            pass
        rule = expanded(parse_rule(segment.rule), load_rules(conn), slug=segment.slug)
        corrected = settle_rule(conn, segment, rule, reason="refresh", now=moment, only=only)
        Segment.objects.filter(pk=segment_id).update(refreshed_at=moment)
    return corrected


def refresh_all(*, now: datetime) -> dict[int, int]:
    """Compare every live segment with the log, the longest unseen first, and correct it; how many changes of each."""
    ticker = Ticker(now)
    corrections: dict[int, int] = {}
    ids = Segment.objects.filter(archived_at=None).order_by("refreshed_at", "pk").values_list("pk", flat=True)
    for segment_id in list(ids):
        suspects = _suspects(segment_id, ticker)
        corrections[segment_id] = refresh(segment_id=segment_id, now=ticker(), only=suspects) if suspects else 0
        Segment.objects.filter(pk=segment_id).update(refreshed_at=ticker())
    return corrections


def _suspects(segment_id: int, ticker: Ticker) -> list[int]:
    """The profiles whose stored membership differs from the log, at one instant between two batches."""
    with closing(pg.connect()) as snapshot:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        snapshot.read_only = True
        rules, moment = None, ticker()
        while rules is None:
            while run_due(now=ticker()) == DUE_BATCH:
                pass
            with transaction.atomic():
                # Who has the turn and writes nothing stops everybody else: the snapshot is what is committed.
                turns.borrow(pg.raw())
                moment = ticker()
                rules = load_rules(snapshot) if not due_count(moment) else None
        segment = Segment.objects.get(pk=segment_id)
        if segment.slug not in rules:
            return []
        rule = expanded(rules[segment.slug], rules, slug=segment.slug)
        statement = compile_difference(segment_id, rule, now=moment)
        with psycopg.Cursor(snapshot) as cursor:
            return [profile for (profile,) in cursor.execute(statement.text, statement.params)]
