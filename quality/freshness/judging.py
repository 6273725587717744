"""Whether a limit is passed: only the time that counts is counted. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_MINUTES = 30 * 1440
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """When events are expected: ISO weekdays (none: all) from an hour to another of the zone; equal hours are the whole
    day, and a window over midnight belongs to the day on which it begins."""

    weekdays: Collection[int] = field(default_factory=tuple)
    from_hour: int = 0
    to_hour: int = 0
    zone: str = "UTC"

    def window(self, day: date) -> tuple[datetime, datetime]:
        """The expected time of one day, in UTC; empty on days that do not count."""
        begin = self._at(day, self.from_hour)
        if self.weekdays and day.isoweekday() not in self.weekdays:
            return begin, begin
        end = self._at(day if self.to_hour > self.from_hour else day + _DAY, self.to_hour)
        return begin, end

    def _at(self, day: date, hour: int) -> datetime:
        moved = day + _DAY * (hour // 24)
        return datetime.combine(moved, time(hour % 24), tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def counted(hours: Hours, since: datetime, until: datetime, *, enough: timedelta = timedelta.max) -> timedelta:
    """How much of the time in between counts; once it is more than `enough`, the rest is not looked at."""
    zone = ZoneInfo(hours.zone)
    # A window that began the day before may reach into the first.
    day, last = since.astimezone(zone).date() - _DAY, until.astimezone(zone).date()
    found = timedelta(0)
    while day <= last and found <= enough:
        begin, end = hours.window(day)
        found += max(min(end, until) - max(begin, since), timedelta(0))
        day += _DAY
    return found


def passed(hours: Hours, minutes: int, *, last: datetime, now: datetime) -> bool:
    """Whether more time went by than the limit allows."""
    allowed = timedelta(minutes=minutes)
    return counted(hours, last, now, enough=allowed) > allowed
