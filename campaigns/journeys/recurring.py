"""When a broadcast goes out. Pure."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.journeys.spec import Broadcast


def latest(entry: Broadcast, *, zone: str, started_at: datetime, now: datetime) -> datetime | None:
    """The latest time of a broadcast up to now, or None before its first. What is scheduled for before the start goes
    out at the start, once; of times that went by while nothing ran, only the latest is made up for."""
    if entry.at is None:
        return started_at if started_at <= now else None
    if entry.every == "once":
        at = entry.at if entry.local else max(entry.at, started_at)
        return at if at <= now else None
    after = max(entry.at, started_at) - timedelta(microseconds=1)
    found = times(entry, zone=zone, after=max(after, now - timedelta(days=62)), until=now)
    return found[-1] if found else None


def times(
    entry: Broadcast, *, zone: str, after: datetime, until: datetime | None = None, most: int = 2_000
) -> list[datetime]:  # fmt: skip
    """The times after an instant, up to `until`, at most so many. Each has the time of day of the first in the zone: a
    time that clocks skip comes as much later. A month without that day has its last."""
    if entry.at is None:
        return []
    if entry.every == "once":
        return [entry.at] if entry.at > after and (until is None or entry.at <= until) else []
    local, place = entry.at.astimezone(ZoneInfo(zone)), ZoneInfo(zone)
    # Far from the first, begin near `after`: a daily broadcast of years is not counted through.
    skipped = max(0, int((after - entry.at) / _LONGEST[entry.every]) - 1)
    found = list[datetime]()
    step = skipped
    while len(found) < most:
        at = _moved(local, entry.every, step).replace(tzinfo=place).astimezone(UTC)
        step += 1
        if until is not None and at > until:
            break
        if at > after:
            found.append(at)
    return found


_LONGEST = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}


def _moved(local: datetime, every: str, count: int) -> datetime:
    if every == "month":
        month = local.month - 1 + count
        year, month = local.year + month // 12, month % 12 + 1
        return local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1]), tzinfo=None)
    days = count * (7 if every == "week" else 1)
    return local.replace(tzinfo=None) + timedelta(days=days)


def local_instant(at: datetime, zone: str, place: ZoneInfo) -> datetime:
    """When it is the date and time of day in `place` that it is at `at` in `zone`."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=place).astimezone(UTC)
