"""One round of a worker: what has come is let in, what is due moves on. Safe to run side by side, late, or twice."""

import time
from collections.abc import Callable
from datetime import datetime

import psycopg
from django.db import transaction

from campaigns.journeys import following, listening, outside, reading, working
from campaigns.journeys.models import Campaign
from campaigns.journeys.spec import Broadcast, OnSegment
from common import clock, pg


def run_campaigns(
    *, clock_now: Callable[[], datetime] = clock.now, after: Callable[[], None] | None = None, at_most: float = 30.0
) -> int:  # fmt: skip
    """Work until nothing is due, or `at_most` seconds have gone; answers how much was done. `after` is called when
    something went to the inbox or memberships may have changed."""
    began, total = time.monotonic(), 0
    while time.monotonic() - began < at_most:
        done = run_once(now=clock_now())
        total += done
        if done and after is not None:
            after()
        if not done:
            break
    return total


def run_once(*, now: datetime) -> int:
    """One batch of everything; answers how much was done."""
    done = _triggers(now) + _entries(now)
    done += working.move_due(now=now)
    return done + outside.change_lists(now=now)


def _triggers(now: datetime) -> int:
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        return listening.take_triggers(cursor, now=now)


def _entries(now: datetime) -> int:
    """A slice for every campaign that people enter by a segment, each in a transaction of its own."""
    with psycopg.Cursor(pg.raw()) as cursor:
        opened = reading.opened(cursor)
    begun = dict(Campaign.objects.filter(pk__in=list(opened)).values_list("pk", "started_at"))
    done = 0
    for campaign in opened.values():
        entry = campaign.spec.entry
        if not isinstance(entry, Broadcast | OnSegment):
            continue
        with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
            if isinstance(entry, OnSegment):
                done += following.follow_ledger(cursor, campaign, now=now)
                continue
            started = begun[campaign.id] or now
            done += following.open_occurrence(cursor, campaign, started_at=started, now=now)
            done += following.fill_occurrence(cursor, campaign, now=now)
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        following.finish_broadcasts(cursor, now=now)
    return done
