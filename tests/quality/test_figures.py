"""Figures of quality: counted with the events, held against what is usual, alerts that pass or are acknowledged."""

from datetime import UTC, date, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from common.models import AuditEntry
from quality import selectors, services
from quality.contracts import Definition, FigureView, NoSuchAlert
from quality.figures.judging import longest_silence, too_faulty, usual_volume
from quality.figures.models import DayFigure
from tests.quality.conftest import Deliver, lately

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def of(event: str) -> FigureView:
    return next(one for one in selectors.figures(since=lately()) if one.event == event)


def played(source: int, name: str, volumes: dict[int, int], *, faulty: dict[int, int] | None = None) -> None:
    """Days before NOW with their volumes, each with its last event at the end of the day."""
    for back, volume in volumes.items():
        day = NOW.date() - timedelta(days=back)
        last = datetime(day.year, day.month, day.day, 23 if back else 11, tzinfo=UTC)
        DayFigure.objects.create(
            day=day, source_id=source, name=name, volume=volume, duplicates=0, lookalikes=0, judged=volume,
            faulty=(faulty or {}).get(back, 0), set_aside=0, delay_ms=0, last_at=last,
        )  # fmt: skip


def test_figures_are_counted_with_the_events(deliver: Deliver, source: int) -> None:
    told = Definition("Total", "properties", "/total", "number", {"decimal": ","}, then="quarantine")
    rule = services.create_rule(told=told, by="ann", now=clock.now())
    services.switch_rule(rule_id=rule, on=True, by="ann", now=clock.now())
    moment = (clock.now() - timedelta(seconds=30)).isoformat()
    deliver(*({"properties": {"total": n, "note": note}, "messageId": f"f{n}", "timestamp": moment}
              for n, note in enumerate(("x", "", None, "y"))),
            {"properties": {"total": "?"}}, {"messageId": "f0"}, {"event": "Seen"})  # fmt: skip
    bought, seen = of("Bought"), of("Seen")
    assert (bought.volume, bought.duplicates, bought.set_aside, bought.judged, bought.faulty) == (5, 1, 1, 5, 1)
    assert bought.validity == 0.8
    assert 20 < (bought.delay_seconds or 0) < 60
    assert (seen.volume, seen.source_id) == (1, source)
    fill = {one.path: (one.filled, one.looked_at) for one in selectors.fills(since=bought.day, name="Bought")}
    assert fill == {"/total": (4, 4), "/note": (2, 4)}
    assert bought.fill == 0.75


def test_the_plan_counts_too_and_what_nobody_judged_has_no_validity(deliver: Deliver, source: int) -> None:
    deliver({"properties": {"a": 1}})
    assert of("Bought").validity is None
    services.decide_event(name="Bought", status="accepted", schema={"required": ["a"]}, by="ann", now=clock.now())
    services.keep_enforcement(source_id=source, unplanned="allow", invalid="flag", by="ann", now=clock.now())
    deliver({"properties": {"a": 1}}, {"properties": {}})
    assert (of("Bought").judged, of("Bought").faulty) == (2, 1)


def test_twins_are_counted_and_come_in(deliver: Deliver) -> None:
    at = clock.now() - timedelta(minutes=5)
    stamps = [(at + timedelta(seconds=seconds)).isoformat() for seconds in (0, 3, 60)]
    found = deliver(*({"properties": {"total": 9}, "timestamp": stamp} for stamp in stamps),
                    {"properties": {"total": 9}, "timestamp": stamps[0], "userId": "u2"},
                    {"properties": {}, "timestamp": stamps[0]}, {"properties": {}, "timestamp": stamps[0]})  # fmt: skip
    assert (len(found), of("Bought").lookalikes) == (6, 1)


def test_a_drop_and_a_rise_are_told_against_the_same_weekday(source: int) -> None:
    weeks = {1 + 7 * n: 1000 + 10 * n for n in range(1, 9)}
    played(source, "Dropped", {**weeks, 1: 300, 0: 10})
    played(source, "Rose", {**weeks, 1: 2000, 0: 10})
    played(source, "Steady", {**weeks, 1: 1010, 0: 10})
    played(source, "Gone", {**weeks, 2: 10})
    played(source, "Young", {8: 1000, 15: 1000, 1: 3})
    assert services.check_quality(now=NOW) == 3
    assert {(one.kind, one.event) for one in selectors.alerts()} == {
        ("volume_drop", "Dropped"), ("volume_rise", "Rose"), ("volume_drop", "Gone"),
    }  # fmt: skip
    assert services.check_quality(now=NOW) == 0
    told = next(one.told for one in selectors.alerts() if one.event == "Dropped")
    assert told.startswith("300 events on Tuesday, 3 March; the same weekday usually has")


def test_silence_is_told_and_passes_when_events_come_again(source: int) -> None:
    played(source, "Heartbeat", {back: 500 for back in range(3, 20)})
    played(source, "Now and then", {9: 1, 16: 1})
    services.check_quality(now=NOW)
    assert [(one.kind, one.event) for one in selectors.alerts()] == [("not_fresh", "Heartbeat")]
    played(source, "Heartbeat", {0: 5})
    services.check_quality(now=NOW)
    assert selectors.alerts() == []
    assert selectors.alerts(state="closed")[0].settled_by == ""


def test_more_violations_than_usual_are_told_and_acknowledged_by_a_person(source: int) -> None:
    volumes = {back: 1000 for back in range(15)}
    played(source, "Bought", volumes, faulty={**dict.fromkeys(range(1, 15), 10), 0: 80})
    played(source, "Seen", volumes, faulty={**dict.fromkeys(range(1, 15), 10), 0: 15})
    services.check_quality(now=NOW)
    (one,) = selectors.alerts()
    assert (one.kind, one.event, selectors.open_alerts()) == ("more_violations", "Bought", 1)
    assert "8.0% of 1,000 events do not hold" in one.told
    services.acknowledge_alert(alert_id=one.id, by="ann", now=NOW)
    services.check_quality(now=NOW)
    assert (selectors.alerts(), selectors.alerts(state="acknowledged")[0].settled_by) == ([], "ann")
    assert AuditEntry.objects.filter(action="alert.acknowledged").count() == 1
    with pytest.raises(NoSuchAlert):
        services.acknowledge_alert(alert_id=one.id, by="bob", now=NOW)


def test_the_month_is_told_to_owners_once_it_is_over(source: int) -> None:
    for name, owner in (("Bought", "bo"), ("Seen", "bo"), ("Left", "")):
        services.decide_event(name=name, status="accepted", schema={}, owner=owner, by="ann",
                              now=NOW - timedelta(days=10))  # fmt: skip
    played(source, "Bought", {0: 7, 10: 80, 20: 20, 40: 9}, faulty={10: 5})
    assert services.write_reports(now=NOW) == 2
    assert services.write_reports(now=NOW) == 0
    left, bo = selectors.plan_reports(month=date(2026, 2, 1))
    assert (left.owner, bo.owner, [one["event"] for one in bo.events]) == ("", "bo", ["Bought", "Seen"])
    bought = bo.events[0]
    assert (bought["volume"], bought["validity"], bought["changes"], bought["version"]) == (100, 0.95, 1, 1)
    played(source, "Bought", {11: 1000})
    assert selectors.plan_reports(owner="bo")[0].events[0]["volume"] == 100
    assert selectors.report_months() == [date(2026, 2, 1)]


def test_old_figures_are_trimmed_and_old_alerts_close(source: int) -> None:
    played(source, "Heartbeat", {**{back: 500 for back in range(3, 20)}, 500: 1})
    services.check_quality(now=NOW)
    assert not DayFigure.objects.filter(day__lt=date(2025, 1, 1)).exists()
    services.check_quality(now=NOW + timedelta(days=8))
    assert selectors.alerts() == []


@given(st.lists(st.integers(0, 10**6), max_size=8))
def test_what_is_usual_holds_its_own_median(before: list[int]) -> None:
    usual = usual_volume(before)
    if usual is not None:
        assert usual[0] < median(before) < usual[1]


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=8), st.integers(0, 7), st.integers(0, 10**9))
def test_one_odd_week_neither_hides_nor_makes_an_alert(before: list[int], place: int, odd: int) -> None:
    steady = [1000] * 7
    steady[place % 7] = odd
    low, high = usual_volume(steady) or (0.0, 0.0)
    assert 600 < low < 1000 < high < 1400


@given(st.lists(st.integers(0, 10**4), min_size=14, max_size=14))
def test_the_silence_that_is_allowed_is_at_least_a_day(volumes: list[int]) -> None:
    allowed = longest_silence(volumes, 14 * 24.0)
    assert allowed is None or allowed >= timedelta(days=1)


@given(st.integers(0, 500), st.integers(1, 10**5), st.integers(0, 500), st.integers(1, 10**5))
def test_a_share_that_did_not_rise_is_no_alert(faulty: int, judged: int, before: int, before_judged: int) -> None:
    faulty, before = min(faulty, judged), min(before, before_judged)
    if faulty / judged <= before / before_judged:
        assert not too_faulty(faulty, judged, before_faulty=before, before_judged=before_judged)
