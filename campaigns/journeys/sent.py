"""What became of a campaign's messages: read from the ledger of sends and from the events that tell of them."""

from datetime import datetime
from typing import Any

import psycopg

from campaigns.journeys.contracts import MessageCount
from campaigns.sending.models import Send

_BY_STEP = """
select step, count(*), count(*) filter (where state in ('queued', 'claimed', 'handing')),
       count(*) filter (where state = 'sent'), count(*) filter (where state in ('skipped', 'cancelled')),
       count(*) filter (where state in ('failed', 'unknown'))
from campaigns_send where origin = %(origin)s group by step
"""
# Names as `campaigns.sending` tells them; each send counts once, however often it was opened.
# E-mail providers know a send by their own id. What was delivered after all did not fail.
_ACTED = """
with told as (
    select s.step, s.id, bool_or(e.name like '%% Delivered') as delivered,
           bool_or(e.name like '%% Bounced' or e.name like '%% Failed' or e.name like '%% Rejected') as undelivered,
           bool_or(e.name like '%% Opened') as opened, bool_or(e.name like '%% Link Clicked') as clicked
    from campaigns_send s join events_event e on e.identifier_id = s.identifier_id
        and e.occurred_at >= s.requested_at and e.name like any(%(names)s)
        and (e.properties ->> 'send_id' = s.id::text
             or s.provider_id <> '' and e.properties ->> 'email_id' = s.provider_id and e.name like any(%(fates)s))
    where s.origin = %(origin)s and s.state = 'sent' group by s.step, s.id
)
select step, count(*) filter (where delivered), count(*) filter (where undelivered and not delivered),
       count(*) filter (where opened), count(*) filter (where clicked)
from told group by step
"""
_FATES = ("% Delivered", "% Bounced", "% Failed", "% Rejected")
_NAMES = (*_FATES, "% Opened", "% Link Clicked")


def origin_of(campaign_id: int) -> str:
    """By what the ledger of sends knows a campaign."""
    return f"campaign:{campaign_id}"


def message_counts(cursor: psycopg.Cursor[Any], campaign_id: int) -> tuple[MessageCount, ...]:
    """Messages by step."""
    asked = {"origin": origin_of(campaign_id), "names": list(_NAMES), "fates": list(_FATES)}
    acted = {row[0]: row[1:] for row in cursor.execute(_ACTED, asked).fetchall()}
    rows = cursor.execute(_BY_STEP, asked).fetchall()
    return tuple(MessageCount(*row, *acted.get(row[0], (0, 0, 0, 0))) for row in sorted(rows))


def waiting_and_sent(campaign_id: int) -> tuple[int, int]:
    """Messages that wait for their time, and those that are on their way or out."""
    rows = Send.objects.filter(origin=origin_of(campaign_id))
    gone = rows.exclude(state__in=[Send.State.QUEUED, Send.State.SKIPPED, Send.State.CANCELLED])
    return rows.filter(state=Send.State.QUEUED).count(), gone.count()


def cancel_waiting(campaign_id: int, *, now: datetime) -> int:
    """Take back the messages that wait for their time; answers how many."""
    return Send.objects.filter(origin=origin_of(campaign_id), state=Send.State.QUEUED).update(
        state=Send.State.CANCELLED, settled_at=now, variables={}, due_at=None
    )
