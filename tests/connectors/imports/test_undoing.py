"""An import that was undone: everything is as if it had never come, whatever else came before, meanwhile and after."""

import itertools
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segments.selectors as segments_read
import segments.services as segments
from cdp.pipeline import undoing
from cdp.pipeline.collect import collect
from cdp.pipeline.follow import follow_moves
from common import clock, jobs, pg
from common.models import AuditEntry, Job
from connectors import selectors, services
from events import selectors as log
from events import services as events
from identity import selectors as identity
from identity import services as people
from insights import services as insights
from tests.connectors.imports.town import BEGAN, IDS, ORDERS, PEOPLE, RULES, WHEN, Town, at, row, rows_of
from tests.connectors.killing import kill_worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

_words = (f"t{n:04d}-" for n in itertools.count())


@pytest.fixture
def found_town(transactional_db: None) -> Iterator[Callable[[], Town]]:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    for slug, rule in RULES.items():
        segments.create_segment(name=slug, slug=slug, rule=rule, by="ann", now=clock.now())
    towns: list[Town] = []

    def found() -> Town:
        towns.append(Town(next(_words)))
        return towns[-1]

    yield found
    for one in towns:
        one.applier.close()


def test_what_only_the_import_told_is_gone_and_the_rest_stands(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    town.calls(0, {"type": "identify", "userId": f"{w}1", "messageId": f"{w}a", "timestamp": at(50),
                   "traits": {"plan": "free", "email": f"{w}ana@example.com"}})  # fmt: skip
    before = town.shown()
    done = town.file(
        1,
        [row(w, "1", "ana", 60, "pro"), row(w, "2", "ben", 10, "pro"), row(w, "1", "new", 5, "pro")],
        PEOPLE,
    )
    assert len(town.shown()["identifiers"]) == 5
    undone = town.undo(done)
    assert town.shown() == before
    assert undone.undone is not None
    assert {name: undone.undone[name] for name in ("events", "kept", "identifiers", "people")} == {
        "events": 3, "kept": 0, "identifiers": 3, "people": 1
    }  # fmt: skip
    assert people.rebuild_profiles(now=clock.now()).healthy
    assert {one.action for one in AuditEntry.objects.all()} >= {"import.undo_requested", "import.undone"}
    with pytest.raises(services.NotNow, match="was undone"):
        services.request_undo(import_id=done, dry=False, by="ann", now=clock.now())
    town.file(1, [row(w, "2", "ben", 10, "pro")], PEOPLE)
    assert identity.find_profile("user_id", f"{w}2") is not None, "the same row may come again"


def test_kept_features_are_as_if_the_import_had_never_come(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    town.file(0, [row(w, "1", "ana", 10, "pro", "7")], ORDERS)
    insights.keep_feature(name="frequency", by="ann", now=clock.now())

    def orders() -> Any:
        insights.keep_up(clock_now=clock.now, after=follow_moves, at_most=600)
        view = identity.profile_view(identity.find_profile("user_id", f"{w}1") or 0)
        return view and view.traits["feature_frequency"]

    insights.keep_setting({"amount": ["amount"]}, by="ann", now=clock.now())
    assert orders() == 1
    done = town.file(1, [row(w, "1", "ana", 20, "pro", "8")], ORDERS)
    assert orders() == 2
    town.undo(done)
    assert orders() == 1


def test_all_items_of_a_row_are_undone_and_what_another_file_told_alike_stays(
    found_town: Callable[[], Town],
) -> None:
    town = found_town()
    w = town.word
    both = {"items": [ORDERS, {"rows": "identify", "columns": PEOPLE["columns"]}]}
    town.file(0, [row(w, "1", "ana", 10, "pro")], PEOPLE)
    before = town.shown()
    done = town.file(0, [row(w, "1", "ana", 10, "pro", "7"), row(w, "2", "ben", 20, "free", "8")], both)
    assert len(town.shown()["events"]) == 4, "an order each, and each person once"
    undone = town.undo(done)
    assert town.shown() == before
    assert (undone.undone or {})["events"] == 3
    assert people.rebuild_profiles(now=clock.now()).healthy


def test_consents_that_only_the_import_told_are_gone_and_what_others_told_stands(
    found_town: Callable[[], Town],
) -> None:
    town = found_town()
    w = town.word
    agreed = {"name": "plan", "to": "traits.consent_news", "kind": "boolean"}
    mapping = {"rows": "identify", "columns": [*IDS, WHEN, agreed]}

    def records() -> list[Any]:
        who = identity.find_profile("user_id", f"{w}1") or 0
        return [(one.granted, one.said_at, one.repeated_at, one.source_id) for one in identity.consent_history(who)]

    first = town.file(0, [row(w, "1", "", 10, "yes"), row(w, "1", "", 20, "yes"), row(w, "1", "", 30, "yes")], mapping)
    before, shown = records(), town.shown()
    wrong = town.file(1, [row(w, "1", "", 15, "no"), row(w, "1", "", 40, "no"), row(w, "2", "", 5, "yes")], mapping)
    later = town.file(0, [row(w, "1", "", 50, "yes")], mapping)
    assert len(records()) == 2, "what is said again is one record"
    town.undo(wrong)
    town.undo(later)
    assert records() == before
    assert town.shown() == shown
    town.undo(first)
    assert records() == []
    assert town.shown()["identifiers"] == set()


def test_counting_an_undo_changes_nothing_and_tells_what_it_then_does(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    town.calls(0, {"type": "track", "event": "Order Completed", "userId": f"{w}1", "messageId": f"{w}a",
                   "timestamp": at(1), "properties": {"amount": 2}})  # fmt: skip
    done = town.file(0, [row(w, "1", "", 3, "", "7"), row(w, "2", "", 3, "", "8"), row(w, "2", "", 4, "", "9")], ORDERS)
    there, head = town.shown(), segments_read.head_seq()
    counted = town.undo(done, dry=True)
    assert town.shown() == there
    assert segments_read.head_seq() == head
    assert counted.undo_state == "counted"
    undone = town.undo(done)
    assert undone.undone == counted.undone
    assert (undone.undone or {})["memberships"] == 6, "one of three segments, the other of all three"
    assert segments_read.changes(1, head) == [] or segments_read.head_seq() > head


def test_a_row_that_another_import_of_the_source_brought_too_stays_as_its_own(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    same = row(w, "1", "", 3, "", "7")
    first = town.file(0, [same, row(w, "2", "", 3, "", "8")], ORDERS)
    second = town.file(0, [same, row(w, "3", "", 3, "", "9")], ORDERS)
    other = town.file(1, [same], ORDERS)
    undone = town.undo(first)
    assert (undone.undone or {})["events"] == 1
    assert (undone.undone or {})["kept"] == 1
    assert len(town.shown()["events"]) == 3
    town.undo(second)
    assert [(one[1], one[2]) for one in town.shown()["events"]] == [("1", 1)], "that of the other source"
    town.undo(other)
    assert town.shown()["events"] == []
    assert town.shown()["identifiers"] == set()


def test_what_a_steward_said_of_people_who_go_goes_with_them(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    town.calls(0, {"type": "track", "event": "Seen", "userId": f"{w}1", "messageId": f"{w}a", "timestamp": at(1)})
    before = town.shown()
    done = town.file(0, [row(w, "", "ben", 3, "", "8")], ORDERS)
    ours, theirs = identity.find_profile("user_id", f"{w}1"), identity.find_profile("email", f"{w}ben@example.com")
    assert ours is not None
    assert theirs is not None
    assert people.merge(ours, theirs, by="ann", reason="twins", now=clock.now()).done
    town.undo(done)
    assert town.shown() == before
    assert people.rebuild_profiles(now=clock.now()).healthy
    decision = identity.decisions(limit=1)[0]
    assert decision.undone_at is not None


def test_words_about_purposes_go_with_the_message_that_told_them(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    who = {"type": "track", "event": "Seen", "userId": f"{w}1"}
    town.calls(0, {**who, "messageId": f"{w}a", "timestamp": at(1)})
    before = town.shown()
    told = {"consent": {"categoryPreferences": {"Advertising": True}}}
    message = {**who, "messageId": f"{w}b", "timestamp": at(2), "context": told}
    town.calls(0, message)
    assert town.shown() != before
    (one,) = rows_of(f"select id from identity_identifier where value = '{w}1'")
    with pg.connect(autocommit=True) as conn, conn.transaction():
        some = [piece.only([n for n, name in enumerate(piece.batch.message_ids) if name == f"{w}b"])
                for piece in events.logged(conn, [one[0]])]  # fmt: skip
        evidence = collect(some[0].batch).evidence
        events.remove(conn, some[0], source_id=town.sources[0])
        people.withdraw(conn, evidence=evidence, rest=lambda ids: [], now=clock.now())
    assert town.shown() == before


def test_rows_that_wait_are_waited_for(found_town: Callable[[], Town]) -> None:
    town = found_town()
    draft = services.take_file(
        source_id=town.sources[0], name="r.csv", chunks=[b"id,plan\n1,pro\n"], by="ann", now=clock.now()
    )
    with pytest.raises(services.NotNow, match="came to an end"):
        services.request_undo(import_id=draft.id, dry=False, by="ann", now=clock.now())
    columns = [{"name": "id", "to": "identifiers.user_id"}, {"name": "plan", "to": "traits.plan"}]
    mapping = {"rows": "identify", "columns": columns}
    services.request_run(import_id=draft.id, mapping=mapping, dry=False, by="ann", now=clock.now())
    services.run_imports(now=clock.now())
    services.request_undo(import_id=draft.id, dry=False, by="ann", now=clock.now())
    assert undoing.run_undos(now=clock.now()) == 0
    town.apply()
    assert undoing.run_undos(now=clock.now()) == 1
    assert identity.find_profile("user_id", "1") is None


def test_one_that_is_stopped_is_whole_slices_and_goes_on_when_it_is_asked_for_again(
    found_town: Callable[[], Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "_MOST_OWNERS", 2)
    town = found_town()
    w = town.word
    done = town.file(0, [row(w, f"{n}", "", n, "pro") for n in range(10)], PEOPLE)
    asked = services.request_undo(import_id=done, dry=False, by="ann", now=clock.now())
    undoing.run_undos(now=clock.now(), slept=lambda: jobs.cancel(asked.undo_job_id or 0))
    stopped = selectors.one_import(done)
    assert stopped is not None
    assert (stopped.undo_state, len(town.shown()["identifiers"])) == ("", 8)
    assert Job.objects.get(pk=asked.undo_job_id).state == "cancelled"
    town.undo(done)
    assert town.shown()["identifiers"] == set()


_WORKER = """
from cdp.pipeline import undoing
from cdp.pipeline.collect import collect
undoing._MOST_OWNERS = 50
undoing.run_undos(now=clock.now(), slept=resting(0.05, steps=5))
"""


@pytest.mark.processes
def test_a_worker_that_is_killed_leaves_whole_slices_and_the_next_goes_on(found_town: Callable[[], Town]) -> None:
    town = found_town()
    w = town.word
    town.calls(0, {"type": "track", "event": "Seen", "userId": f"{w}1", "messageId": f"{w}a", "timestamp": at(1)})
    before = town.shown()
    done = town.file(0, [row(w, f"{n}", "", n, "pro") for n in range(1_000)], PEOPLE)
    services.request_undo(import_id=done, dry=False, by="ann", now=clock.now())
    kill_worker(_WORKER, when=lambda: len(list(log.stream_events())) < 950)
    assert len(list(log.stream_events())) > 100
    assert people.rebuild_profiles(now=clock.now()).healthy
    wait_until(lambda: undoing.run_undos(now=clock.now()) == 1)
    ended = selectors.one_import(done)
    assert ended is not None
    assert (ended.undone or {})["events"] == 1_000
    assert town.shown() == before


_ids, _mails = st.sampled_from(["", "1", "2", "3"]), st.sampled_from(["", "ana", "ben"])
_minutes, _plans = st.integers(0, 9), st.sampled_from(["", "pro", "free"])
_rows = st.tuples(_ids, _mails, _minutes, _plans, st.sampled_from(["", "2", "7"])).filter(lambda one: one[0] or one[1])
_files = st.tuples(st.just("file"), st.integers(0, 1), st.lists(_rows, min_size=1, max_size=5), st.booleans())
_calls = st.tuples(
    st.just("call"), st.integers(0, 1),
    st.lists(st.tuples(_rows, st.sampled_from(["", "x", "1"])), min_size=1, max_size=3),
    st.sampled_from(["identify", "track", "alias"]),
)  # fmt: skip
_acts = _files | _calls


def _moment(minute: int, *told: Any) -> str:
    """A time within the minute that what is told has for itself: of two claims of one instant their message ids decide,
    which differ from town to town."""
    return (BEGAN + timedelta(minutes=minute, milliseconds=zlib.crc32(repr(told).encode()) % 60_000)).isoformat()


def _happen(town: Town, act: Any, number: int) -> int | None:
    """One thing that comes in; the import if it is a file."""
    kind, source, many, how = act
    if kind == "file":
        rows = [row(town.word, *one) | {"when": _moment(one[2], one)} for one in many]
        return town.file(source, rows, ORDERS if how else PEOPLE)
    calls = []
    for place, ((id_, mail, minute, plan, amount), device) in enumerate(many):
        device = device and town.word + device
        told = {"plan": plan, "email": mail and f"{town.word}{mail}@example.com"}
        calls.append({
            "type": how, "event": "Order Completed", "messageId": f"{town.word}{number}-{place}",
            "timestamp": _moment(minute, id_, mail, plan, amount, device and device[-1], how),
            "userId": id_ and town.word + id_, "anonymousId": device, "previousId": device,
            "traits": told if how == "identify" else {},
            "context": {"traits": {"email": told["email"]}}, "properties": {"amount": amount} if amount else {},
        })  # fmt: skip
    town.calls(source, *calls)
    return None


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    before=st.lists(_files | _calls, max_size=3),
    undone=_files,
    after=st.lists(_files | _calls, max_size=3),
    late=st.booleans(),
)
def test_an_import_and_its_undo_are_as_if_neither_had_been(
    found_town: Callable[[], Town], before: list[Any], undone: Any, after: list[Any], late: bool
) -> None:
    with_it, without_it = found_town(), found_town()
    for number, act in enumerate(before):
        _happen(with_it, act, number)
    done = _happen(with_it, undone, 100)
    if not late:
        with_it.undo(done or 0)
    for number, act in enumerate(after, 200):
        _happen(with_it, act, number)
    if late:
        with_it.undo(done or 0)
    for number, act in [*enumerate(before), *enumerate(after, 200)]:
        _happen(without_it, act, number)
    assert with_it.shown() == without_it.shown()
    assert people.rebuild_profiles(now=clock.now()).healthy
