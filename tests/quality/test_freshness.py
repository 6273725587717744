"""Limits of freshness that people set: only the time that counts is counted; alarm, and recovery."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality import selectors, services
from quality.contracts import BadLimit
from quality.figures.models import DayFigure
from quality.freshness.judging import Hours, counted, passed
from tests.quality.test_figures import played

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
OFFICE = Hours((1, 2, 3, 4, 5), 9, 17, "Europe/Berlin")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_only_the_days_and_hours_that_are_said_count() -> None:
    # Friday 6 March, 15:00 UTC is 16:00 in Berlin: an hour is left, and Monday begins at 8:00 UTC.
    assert counted(OFFICE, at(6, 15), at(9, 9)) == 2 * HOUR
    assert not passed(OFFICE, 120, last=at(6, 15), now=at(9, 9))
    assert passed(OFFICE, 120, last=at(6, 15), now=at(9, 9, 1))


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    nights = Hours((5,), 22, 6)
    assert counted(nights, at(6, 23), at(7, 12)) == 7 * HOUR
    assert counted(nights, at(7, 20), at(8, 12)) == timedelta(0)


def test_when_the_clocks_change_the_day_is_as_long_as_it_is() -> None:
    assert counted(Hours((7,), zone="Europe/Berlin"), at(28, 0), at(30, 12)) == 23 * HOUR


_HOURS = st.builds(
    Hours, st.sets(st.integers(1, 7)).map(tuple), st.integers(0, 23), st.integers(0, 24),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)  # fmt: skip
_FIRST, _LAST = datetime(2026, 3, 1), datetime(2026, 4, 30)  # noqa: DTZ001 - hypothesis adds the zone
_TIMES = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))


@given(_HOURS, st.lists(_TIMES, min_size=3, max_size=3).map(sorted))
def test_time_that_counts_adds_up_and_is_never_more_than_went_by(hours: Hours, times: list[datetime]) -> None:
    first, middle, last = times
    whole = counted(hours, first, last)
    assert counted(hours, first, middle) + counted(hours, middle, last) == whole
    assert timedelta(0) <= whole <= last - first


pg = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keep(source: int) -> Callable[..., int]:
    def made(event: str = "", minutes: int = 60, **more: object) -> int:
        return services.keep_limit(source_id=source, event=event, minutes=minutes, by="ann", now=NOW, **more)  # type: ignore[arg-type]

    return made


@pg
def test_a_passed_limit_is_an_alert_that_closes_when_an_event_comes(source: int, keep: Callable[..., int]) -> None:
    keep("Joined", 30)
    keep("", 120)
    played(source, "Joined", {0: 5})  # last at 11:00
    assert services.check_limits(now=NOW) == 1
    (one,) = selectors.alerts()
    assert (one.kind, one.event) == ("past_limit", "Joined")
    assert one.told == "An event is expected at least every 30 minutes; the last came on 4 March, 11:00 UTC."
    assert services.check_limits(now=NOW + HOUR + HOUR / 60) == 1
    assert {one.event for one in selectors.alerts()} == {"", "Joined"}
    services.acknowledge_alert(alert_id=one.id, by="ann", now=NOW)
    DayFigure.objects.update(last_at=NOW + HOUR)
    assert services.check_limits(now=NOW + HOUR) == 0
    assert selectors.alerts() == []
    # It falls silent again on the same day, after somebody had seen the first time.
    assert services.check_limits(now=NOW + 2 * HOUR) == 1
    assert [one.event for one in selectors.alerts()] == ["Joined"]


@pg
def test_the_look_at_what_is_usual_leaves_these_alone_and_gives_way_to_them(
    source: int, keep: Callable[..., int]
) -> None:
    made = keep("Heartbeat", 43_200)
    keep("Never", 60)
    played(source, "Heartbeat", {back: 500 for back in range(3, 20)})
    services.check_limits(now=NOW + 2 * HOUR)
    services.check_quality(now=NOW + 2 * HOUR)
    assert [(one.kind, one.event) for one in selectors.alerts()] == [("past_limit", "Never")]
    assert "none came yet" in selectors.alerts()[0].told
    services.check_quality(now=NOW + timedelta(days=9))
    assert "past_limit" in {one.kind for one in selectors.alerts()}
    assert services.drop_limit(limit_id=made, by="ann", now=NOW)
    services.check_quality(now=NOW)
    assert ("not_fresh", "Heartbeat") in {(one.kind, one.event) for one in selectors.alerts()}


@pg
def test_limits_that_make_no_sense_are_refused(keep: Callable[..., int]) -> None:
    for wrong in ({"minutes": 0}, {"minutes": 43_201}, {"weekdays": [8]}, {"from_hour": 24}, {"time_zone": "Berlin"}):
        with pytest.raises(BadLimit):
            keep(**wrong)
    assert keep("A", 10) == keep("A", 20)
    assert [one.every for one in selectors.limits(now=NOW)] == ["20 minutes"]
