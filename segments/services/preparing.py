"""Counting the past of a rule without the turn, so that publishing it stops nobody for long.

New counters first count what comes (`filling`), then their past is counted on a snapshot of the very moment at which
they began, aside, and merged in slices. Only then a segment is published that reads them.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from common import jobs, pg, turns
from segments import sql
from segments.measures import Horizon, MeasureKey
from segments.models import Measure
from segments.parsing import parse_rule
from segments.rules import Node
from segments.services import counters
from segments.services.turn import take_turn

# One rule is prepared at a time. "segm" in ASCII.
LOCK = 0x7365676D
_SLICE = 20_000

Reserved = list[tuple[int, MeasureKey, Horizon]]


@contextmanager
def prepared(rule: Any, *, now: datetime, job_id: int | None = None) -> Iterator[None]:
    """Inside the block everything that the rule reads itself is counted; what is not read in the end is forgotten.

    Inside a transaction nothing is prepared: the counters are then filled by the publishing itself, under the turn. If
    the process dies, the next one that prepares a rule clears up. One rule is prepared at a time: whoever prepares a
    second one inside the block, and not inside a transaction, would wait for himself. With a job its progress is kept,
    and `jobs.Cancelled` is raised soon after somebody asked it to stop.
    """
    node = rule if isinstance(rule, Node) else parse_rule(rule)
    if connection.in_atomic_block:
        yield
        return
    with closing(pg.connect(autocommit=True)) as aside:
        with _stoppable(job_id, aside):
            aside.execute("select pg_advisory_lock(%s)", [LOCK])
        _clear()
        try:
            _count(aside, node, now, job_id)
            yield
        finally:
            _clear()


def _stoppable(job_id: int | None, aside: psycopg.Connection[Any]) -> AbstractContextManager[None]:
    return nullcontext() if job_id is None else jobs.stoppable(job_id, aside)


def _count(aside: psycopg.Connection[Any], rule: Node, now: datetime, job_id: int | None) -> None:
    def note(done: int, stage: str) -> None:
        if job_id is not None:
            jobs.go_on(job_id)
            # The last step is the publishing itself.
            jobs.progress(job_id, done, total=len(reserved) + 2, stage=stage)

    with ExitStack() as snapshot:
        reserved = _reserve(aside, snapshot, rule)
        for done, (measure_id, key, horizon) in enumerate(reserved):
            note(done, f"counting the past of {key.event}")
            with _stoppable(job_id, aside):
                counters.count_past(aside, measure_id, key, horizon, now=now, into=sql.STAGE)
    while reserved:
        note(len(reserved), "putting the past in place")
        if not _merge():
            break


def _reserve(aside: psycopg.Connection[Any], snapshot: ExitStack, rule: Node) -> Reserved:
    """Begin to count what comes, and keep a snapshot of all that came before."""
    if not counters.missing(pg.raw(), rule):
        return []
    with transaction.atomic():
        conn = take_turn()
        found = [(key, horizon) for key, horizon, _ in counters.missing(conn, rule)]
        if found:
            aside.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            snapshot.enter_context(aside.transaction())
            # The snapshot is taken by the first statement: now, while nobody can apply anything.
            aside.execute("select 1")
        return [(counters.insert(conn, key, horizon, filling=True), key, horizon) for key, horizon in found]


def _merge() -> int:
    with transaction.atomic():
        turns.borrow(pg.raw())
        with psycopg.Cursor(pg.raw()) as cursor:
            row = cursor.execute(sql.MERGE_STAGED, {"limit": _SLICE}).fetchone()
    return int(row[0]) if row else 0


def _clear() -> None:
    """Forget counters that were being filled, of this process or of one that died."""
    if not Measure.objects.filter(filling=True).exists():
        return
    with transaction.atomic():
        conn = take_turn()
        with psycopg.Cursor(conn) as cursor:
            cursor.execute(sql.DROP_FILLING)
            cursor.execute(sql.DROP_STAGED)
