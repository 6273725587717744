"""Publishing that takes longer than a request should: a row that waits, and a job that shows how far it is.

A worker that is killed leaves the row waiting; the next one begins anew, and what was counted is cleared up.
"""

import logging
from collections.abc import Mapping
from contextlib import closing
from datetime import date, datetime
from typing import Any

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from common import audit, jobs, pg
from common.clock import Ticker
from segments import sql
from segments.contracts import PublicationView, RuleError, SegmentView
from segments.hierarchy import expanded
from segments.models import Publication, Segment
from segments.parsing import parse_rule
from segments.rules import Node
from segments.services import counters
from segments.services.memory import load_rules
from segments.services.preparing import prepared
from segments.services.publishing import (
    SlugTaken,
    change_details,
    change_rule,
    create_segment,
    expect_free,
    expect_lists,
    slug_of,
)
from segments.views import publication_view

log = logging.getLogger(__name__)

# One worker at a time works at one publication. "publ" in ASCII.
_LOCK = 0x7075626C


class SegmentChanged(ValueError):
    """The segment is no longer what the person had before him."""


def takes_long(rule: Any) -> bool:
    """Whether publishing has so much of the past to count that it should be asked for by `request_publication`."""
    conn = pg.raw()
    if not counters.missing(conn, rule if isinstance(rule, Node) else parse_rule(rule)):
        return False
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(sql.ABOUT_LOGGED).fetchone()
    return bool(row and row[0] > settings.PUBLISH_AT_ONCE_EVENTS)


@transaction.atomic
def request_publication(
    *,
    rule: Any,
    by: str,
    now: datetime,
    segment: SegmentView | None = None,
    slug: str = "",
    details: Mapping[str, Any] | None = None,
    note: str = "",
    via: str = "ui",
) -> PublicationView:
    """Have a new segment, or the next version of one, published by a worker; `details` are set along with the rule.

    Raises `RuleError`, or `SlugTaken`. What only the moment of publishing can tell, ends the publication as failed.
    """
    node = rule if isinstance(rule, Node) else parse_rule(rule)
    given = {key: value.isoformat() if isinstance(value, date) else value for key, value in (details or {}).items()}
    name = str(given.get("name") or (segment.name if segment else slug))
    slug = segment.slug if segment else slug_of(slug, name)
    if segment is None:
        expect_free(slug)
    # Circles, and what the rule refers to that is not there, are told now rather than after the counting.
    expanded(node, load_rules(pg.raw()), slug=slug)
    expect_lists(node)
    row = Publication.objects.create(
        segment_id=segment.id if segment else None,
        based_on=segment.version if segment else 0,
        slug=slug,
        rule=node.to_json(),
        details=given,
        note=note,
        job_id=jobs.start("publication", f"Publishing {name}"[:200], by=by),
        requested_by=by,
        via=via,
        requested_at=now,
    )
    return publication_view(row)


def run_publications(*, now: datetime) -> int:
    """Publish everything that waits; answers how many came to an end."""
    ended, ticker = 0, Ticker(now)
    for row_id in (
        Publication.objects.filter(state=Publication.State.WAITING).order_by("pk").values_list("pk", flat=True)
    ):
        with closing(pg.connect(autocommit=True)) as conn:
            mine = pg.try_lock(conn, _LOCK, row_id)
            row = Publication.objects.filter(pk=row_id, state=Publication.State.WAITING).first() if mine else None
            if row is not None:
                _work(row, ticker)
                ended += 1
    return ended


def _work(row: Publication, ticker: Ticker) -> None:
    try:
        _publish(row, ticker)
    except jobs.Cancelled:
        _end(row, Publication.State.CANCELLED, at=ticker())
    except (RuleError, SlugTaken, SegmentChanged) as wrong:
        _end(row, Publication.State.FAILED, at=ticker(), error=str(wrong))
    except (InterfaceError, OperationalError, psycopg.InterfaceError, psycopg.OperationalError):
        # It stays waiting: the next worker begins anew.
        log.exception("publication %s was cut off", row.pk)
    except Exception as error:
        log.exception("publication %s failed", row.pk)
        _end(row, Publication.State.FAILED, at=ticker(), error=f"It could not go on: {type(error).__name__}.")


def _publish(row: Publication, ticker: Ticker) -> None:
    """Count the past, then publish and say so in one transaction."""
    now, details = ticker(), _details(row)
    with prepared(row.rule, now=now, job_id=row.job_id), transaction.atomic():
        jobs.progress(row.job_id, 0, stage="publishing")
        before = None if row.segment_id is None else _expect_unchanged(row.segment_id, row.based_on)
        if before is None:
            shown = create_segment(slug=row.slug, rule=row.rule, by=row.requested_by, now=now, **details)
        else:
            if details:
                change_details(segment_id=before.pk, now=now, **details)
            shown = change_rule(segment_id=before.pk, rule=row.rule, by=row.requested_by, now=now, note=row.note)
        audit.record(
            actor=row.requested_by, via=row.via, action=f"segment.{'changed' if before else 'created'}",
            object_type="segment", object_id=shown.id, at=now,
            summary=f"{'Changed' if before else 'Created'} the segment “{shown.name}”",
            before={"rule": before.rule, "name": before.name} if before else None,
            after={"rule": shown.rule, "name": shown.name},
        )  # fmt: skip
        Publication.objects.filter(pk=row.pk).update(segment_id=shown.id)
        jobs.go_on(row.job_id)
        _end(row, Publication.State.DONE, at=ticker(), people=shown.size)


def _expect_unchanged(segment_id: int, version: int) -> Segment:
    segment = Segment.objects.select_for_update().get(pk=segment_id)
    if segment.version != version or segment.archived_at is not None:
        raise SegmentChanged("Somebody changed the segment meanwhile. Look at its rule and publish yours again.")
    return segment


def _details(row: Publication) -> dict[str, Any]:
    found = dict(row.details)
    if found.get("review_on"):
        found["review_on"] = date.fromisoformat(found["review_on"])
    return found


@transaction.atomic
def _end(row: Publication, state: str, *, at: datetime, error: str = "", people: int | None = None) -> None:
    Publication.objects.filter(pk=row.pk).update(state=state, error=error, finished_at=at)
    jobs.finish(row.job_id, counts={} if people is None else {"people": people}, error=error)
