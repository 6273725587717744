"""What people did after an arm was shown, from the log.

Nothing is added up as it comes: the hours that may still change are counted anew and put in the place of what stood
there. So a reward counts once, however often this is repeated or cut off, and a merge or a late event is heeded.
Somebody who is shown an arm keeps it for the window, and is counted once in it: windows of a person never overlap.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from campaigns.bandits.models import Bandit, BanditCount
from campaigns.bandits.thompson import Count, posterior
from campaigns.contracts import EXPOSURE
from common import clock

# Events and merges that come later than this after a window has closed are not heeded any more.
LATE = timedelta(hours=48)
_COUNTS = """
with pull as materialized (
    select m.profile_id, e.occurred_at as at, e.properties ->> 'variation_id' as arm,
        coalesce(e.properties ->> 'context', '') as bucket,
        lag(e.occurred_at) over (partition by m.profile_id order by e.occurred_at, e.message_id) as before
    from events_event e join identity_member m using (identifier_id)
    where e.name = %(exposure)s and e.properties ->> 'experiment_id' = %(slug)s
      and e.occurred_at >= %(since)s - %(window)s and e.occurred_at < %(until)s
), counted as (
    select * from pull
    where at >= %(since)s and arm = any(%(arms)s) and (before is null or before <= at - %(window)s)
)
select date_trunc('hour', c.at, 'UTC'), left(c.bucket, 200), c.arm, count(*), count(*) filter (where exists (
    select from identity_member m join events_event r using (identifier_id)
    where m.profile_id = c.profile_id and r.name = %(reward)s
      and r.occurred_at >= c.at and r.occurred_at < c.at + %(window)s
))
from counted c group by 1, 2, 3
"""


@transaction.atomic
def learn(bandit_id: int, *, now: datetime) -> int:
    """Count anew what may have changed since the last time, and keep the posterior; answers how many times an arm was
    shown in all whose windows are over."""
    row = Bandit.objects.select_for_update().get(pk=bandit_id)
    window = timedelta(hours=row.window_hours)
    before = row.learned.get("at")
    reached = datetime.fromisoformat(before) if before else row.created_at
    since = max(row.created_at, reached - window - LATE).replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "exposure": EXPOSURE, "slug": row.slug, "since": since, "until": now - window, "window": window,
            "arms": [one["key"] for one in row.arms], "reward": row.reward,
        }  # fmt: skip
        cursor.execute(_COUNTS, asked)
        found = cursor.fetchall()
    BanditCount.objects.filter(bandit=row, hour__gte=since).delete()
    BanditCount.objects.bulk_create([
        BanditCount(bandit=row, hour=hour, bucket=bucket, arm=arm, shown=shown, rewarded=rewarded)
        for hour, bucket, arm, shown, rewarded in found
    ])  # fmt: skip
    counts = counts_of(bandit_id)
    learned: dict[str, Any] = posterior(counts, now=now, half_life_hours=row.half_life_hours)
    row.learned = {"at": clock.iso(now), "posterior": learned}
    row.save(update_fields=["learned"])
    return sum(one.shown for one in counts)


def counts_of(bandit_id: int) -> list[Count]:
    """All that was counted, in the order of time."""
    columns = ("hour", "bucket", "arm", "shown", "rewarded")
    rows = BanditCount.objects.filter(bandit_id=bandit_id).order_by("hour", "bucket", "arm")
    return [Count(*row) for row in rows.values_list(*columns)]
