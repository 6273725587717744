"""Entry by the ledger: whoever enters a segment or leaves it, and the members of a segment at one version of it."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from campaigns.journeys.advancing import zone_of
from campaigns.journeys.entering import Candidate, Opened, enter, lock
from campaigns.journeys.models import Campaign, Occurrence
from campaigns.journeys.recurring import latest, local_instant
from campaigns.journeys.spec import Broadcast, OnSegment
from common import pg
from segments import selectors as segments

SLICE = 2_000
# The first place on Earth has a date 14 hours before UTC, the last one 12 hours after it.
_EARLIEST = timedelta(hours=14)
_TRAITS = "select profile_id, traits::text from identity_trait where profile_id = any(%(ids)s)"


def follow_ledger(cursor: psycopg.Cursor[Any], campaign: Opened, *, now: datetime) -> int:
    """Let in whom the next stretch of the ledger lets in; the cursor moves with them. Answers how many rows it has."""
    entry = campaign.spec.entry
    if not isinstance(entry, OnSegment) or not lock(cursor, [campaign.id]):
        return 0
    segment = segments.segment(entry.segment)
    after = Campaign.objects.values_list("cursor_seq", flat=True).get(pk=campaign.id)
    # The head is read before the rows: what commits in between belongs to the next stretch.
    head = segments.head_seq()
    if segment is None or head <= after:
        return 0
    rows = segments.changes(segment.id, after, SLICE)
    until = rows[-1].seq if len(rows) >= SLICE else max(head, rows[-1].seq if rows else 0)
    wanted = entry.on == "entry"
    enter(cursor, {campaign.id: campaign}, [
        Candidate(campaign.id, row.profile_id, "", row.at, now) for row in rows if row.entered == wanted
    ])  # fmt: skip
    Campaign.objects.filter(pk=campaign.id).update(cursor_seq=until)
    return len(rows)


def open_occurrence(cursor: psycopg.Cursor[Any], campaign: Opened, *, started_at: datetime, now: datetime) -> bool:
    """Open the time of a broadcast that has come, unless it was; of several that went by, the latest."""
    entry = campaign.spec.entry
    if not isinstance(entry, Broadcast):
        return False
    ahead = _EARLIEST if entry.local else timedelta()
    at = latest(entry, zone=campaign.spec.zone, started_at=started_at, now=now + ahead)
    if at is None or not lock(cursor, [campaign.id]):
        return False
    if Occurrence.objects.filter(campaign_id=campaign.id, at__gte=at).exists():
        return False
    Occurrence.objects.create(campaign_id=campaign.id, at=at, at_seq=segments.head_seq())
    return True


def fill_occurrence(cursor: psycopg.Cursor[Any], campaign: Opened, *, now: datetime) -> int:
    """Let in the next members of the open time of a broadcast; answers how many were looked at."""
    entry = campaign.spec.entry
    if not isinstance(entry, Broadcast) or not lock(cursor, [campaign.id]):
        return 0
    occurrence = Occurrence.objects.filter(campaign_id=campaign.id, done_at=None).order_by("at").first()
    segment = segments.segment(entry.segment)
    if occurrence is None or segment is None:
        return 0
    members = segments.members(
        segment.id, at_seq=occurrence.at_seq, after_profile=occurrence.after_profile, limit=SLICE
    )  # fmt: skip
    due = _local_times(cursor, members, occurrence.at, campaign) if entry.local else {}
    # Whoever was merged away since the version of the ledger stands for himself no more.
    alive = _alive(cursor, members)
    occurrence.entered += enter(cursor, {campaign.id: campaign}, [
        Candidate(campaign.id, one, "", now, max(now, due.get(one, now))) for one in members if one in alive
    ])  # fmt: skip
    if members:
        occurrence.after_profile = members[-1]
    if len(members) < SLICE:
        occurrence.done_at = now
    occurrence.save(update_fields=["entered", "after_profile", "done_at"])
    return len(members)


def _local_times(
    cursor: psycopg.Cursor[Any], profiles: list[int], at: datetime, campaign: Opened
) -> dict[int, datetime]:  # fmt: skip
    """When it is that time of day where each person is."""
    rows = cursor.execute(_TRAITS, {"ids": pg.int8s(profiles)}).fetchall()
    traits = {row[0]: pg.from_jsonb(row[1]) for row in rows}
    return {
        one: local_instant(at, campaign.spec.zone, zone_of(traits.get(one, {}), campaign.spec.zone)) for one in profiles
    }


def _alive(cursor: psycopg.Cursor[Any], profiles: list[int]) -> set[int]:
    asked = {"ids": pg.int8s(profiles)}
    return {row[0] for row in cursor.execute("select profile_id from identity_trait where profile_id = any(%(ids)s)",
                                             asked).fetchall()}  # fmt: skip


def finish_broadcasts(cursor: psycopg.Cursor[Any], *, now: datetime) -> int:
    """Broadcasts of one time that everybody has come through are finished."""
    rows = cursor.execute(_FINISHED, {"now": now}).fetchall()
    return len(rows)


_FINISHED = """
update campaigns_campaign c set state = 'finished', ended_at = %(now)s
from campaigns_campaignversion v
where c.state = 'running' and v.campaign_id = c.id and v.number = c.version
  and v.spec -> 'entry' ->> 'kind' = 'broadcast' and coalesce(v.spec -> 'entry' ->> 'every', 'once') = 'once'
  and exists (select from campaigns_occurrence o where o.campaign_id = c.id)
  and not exists (select from campaigns_occurrence o where o.campaign_id = c.id and o.done_at is null)
  and not exists (select from campaigns_instance i where i.campaign_id = c.id and i.state = 'active')
returning c.id
"""
