"""The quarantine: an item is tried, edited and replayed; many are replayed by a filter, each once."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

import events.services as events
from cdp.pipeline import replays
from cdp.pipeline.rehearse import rehearse
from cdp.pipeline.run import Applier
from common import clock, jobs, pg
from common.models import AuditEntry, Job
from connectors import services as connectors
from events import selectors as log
from events.contracts import QuarantineFilter, Refusal
from identity.contracts import IdentifierKey
from privacy import services as privacy
from quality import services as quality
from tests.applying import apply_all
from tests.connectors.killing import items_waiting, kill_worker

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = {"type": "track", "event": "Bought", "userId": "u1", "messageId": "m1", "properties": {"total": 3}}


@pytest.fixture
def conn(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    with pg.connect(autocommit=True) as made:
        events.ensure_inbox(made, now=clock.now())
        yield made


@pytest.fixture
def source(conn: psycopg.Connection[Any]) -> int:
    return connectors.create_source(name="Shop", kind="web", by="ann").id


@pytest.fixture
def refuse(conn: psycopg.Connection[Any], source: int) -> Callable[..., int]:
    """Puts an item into the quarantine; its id."""

    def put(item: dict[str, Any] | str, *, reason: str = "no_identity", stage: str = "accept", at: int = 0) -> int:
        text = item if isinstance(item, str) else json.dumps(item)
        setback = events.Setback(at or source, reason, "It lacks something.", "m", text.encode())
        events.quarantine(conn, [setback], stage=stage, received_at=clock.now())
        return log.quarantined()[0].id

    return put


def apply() -> list[tuple[str, str]]:
    """What is in the log afterwards: (event, message)."""
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()
    return sorted((one.name, one.message_id) for one in log.stream_events())


def test_an_item_is_edited_and_replayed_and_stays_in_the_record_as_it_came(refuse: Callable[..., int]) -> None:
    wrong = {key: value for key, value in GOOD.items() if key != "userId"} | {"properties": {"mail": "ana@example.org"}}
    item = refuse(wrong)
    right = json.dumps(wrong | {"userId": "ana@example.org"})
    assert connectors.replay_edited(item_id=item, text=right, by="ann", now=clock.now()) is None
    assert apply() == [("Bought", "m1")]
    kept = log.quarantined_item(item)
    assert kept is not None
    assert (kept.state, json.loads(kept.item), json.loads(kept.replayed_as)) == ("replayed", wrong, json.loads(right))
    entry = AuditEntry.objects.get(action="quarantine.edited")
    assert (entry.actor, entry.after) == ("ann", {"changed": ["/userId"]})
    with pytest.raises(connectors.Settled):
        connectors.replay_edited(item_id=item, text=right, by="bob", now=clock.now())


def test_what_the_door_refuses_again_stays_open(refuse: Callable[..., int]) -> None:
    item = refuse("{broken")
    answer = connectors.replay_edited(item_id=item, text='{"type": "track"}', by="ann", now=clock.now())
    assert isinstance(answer, Refusal)
    assert (answer.reason, log.quarantine_size(), items_waiting()) == ("missing_event", 1, 0)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({}, "comes_in"),
        ({"userId": None}, "refused"),
        ({"userId": "banned"}, "suppressed"),
        ({"properties": {"total": "x"}}, "quarantined"),
        ({"messageId": "m0"}, "repeat"),
        ({"properties": {"big": "BIG"}}, "comes_in"),
    ],
)
def test_a_dry_run_says_what_happens_and_keeps_nothing(
    conn: psycopg.Connection[Any], source: int, refuse: Callable[..., int], change: dict[str, Any], outcome: str
) -> None:
    schema = {"properties": {"total": {"type": "number"}}}
    quality.decide_event(name="Bought", status="accepted", schema=schema, by="ann", now=clock.now())
    quality.keep_enforcement(source_id=source, unplanned="allow", invalid="quarantine", by="ann", now=clock.now())
    refuse(GOOD | {"messageId": "m0"})
    replay_all()
    assert apply() == [("Bought", "m0")]
    raw = json.dumps(GOOD | change).replace('"BIG"', "1e200000").encode()
    # It waits since before the person asked not to be stored: later it would not be kept.
    refuse(raw.decode())
    privacy.suppress(IdentifierKey("user_id", "banned"), reason="opposed", by="ann", now=clock.now())
    before = _everything(conn)
    verdict = rehearse(source_id=source, raw=raw, now=clock.now())
    assert (verdict.outcome, _everything(conn)) == (outcome, before)
    assert verdict.good == (outcome in ("comes_in", "repeat"))
    done = replay_all()
    stored = apply()
    assert done["refused"] == (outcome == "refused")
    assert (("Bought", "m1") in stored) == (outcome == "comes_in")


def test_a_replay_takes_exactly_what_fits_and_was_counted(refuse: Callable[..., int], source: int) -> None:
    other = connectors.create_source(name="App", kind="web", by="ann").id
    for place in range(3):
        refuse(GOOD | {"messageId": f"a{place}"})
    refuse(GOOD | {"messageId": "b", "event": "Seen"}, stage="plan")
    refuse(GOOD | {"messageId": "c", "userId": "Ana@Example.org"}, at=other)
    refuse({"type": "page", "userId": 42, "messageId": "d"}, reason="too_large")
    refuse("{broken", reason="invalid_json")
    for fits, expected in (
        (QuarantineFilter(identifier="ana@example.org"), ["c"]),
        (QuarantineFilter(identifier="42", event="$page"), ["d"]),
        (QuarantineFilter(event="Seen", stage="plan"), ["b"]),
        (QuarantineFilter(source_id=source, event="Bought"), ["a0", "a1", "a2"]),
        (QuarantineFilter(until=clock.now(), reason="no_identity", source_id=other), []),
    ):
        counts, _ = log.quarantine_counts(fits)
        assert sum(one.count for one in counts) == len(expected), fits
        before = {message for _, message in apply()}
        assert replay_all(fits)["accepted"] == len(expected)
        assert sorted({message for _, message in apply()} - before) == expected
    assert [one.reason for one in log.quarantined()] == ["invalid_json"]


def test_what_a_replay_brings_back_is_not_replayed_by_it(refuse: Callable[..., int], source: int) -> None:
    quality.keep_enforcement(source_id=source, unplanned="quarantine", invalid="allow", by="ann", now=clock.now())
    for place in range(3):
        refuse(GOOD | {"messageId": f"a{place}"}, stage="plan")
    replays.request_quarantine_replay(fits=QuarantineFilter(), by="ann", now=clock.now())
    replays.run_replays(now=clock.now(), after=lambda: apply() and None)
    assert (len(log.quarantined(state="replayed")), log.quarantine_size(), apply()) == (3, 3, [])


def test_a_replay_that_is_killed_and_taken_up_again_replays_each_item_once(
    conn: psycopg.Connection[Any], refuse: Callable[..., int], source: int
) -> None:
    setbacks = [
        events.Setback(source, "too_large", "", f"k{n}", json.dumps(GOOD | {"messageId": f"k{n}"}).encode())
        for n in range(2_600)
    ]
    events.quarantine(conn, setbacks, stage="accept", received_at=clock.now())
    made = replays.request_quarantine_replay(fits=QuarantineFilter(), by="ann", now=clock.now())
    work = "from cdp.pipeline import replays\nreplays.run_replays(now=clock.now(), after=resting(0.3, steps=2))"
    kill_worker(work, when=lambda: items_waiting() >= 500)
    assert 0 < items_waiting() < 2_600
    assert replays.run_replays(now=clock.now(), after=lambda: None) == 1
    found = log.replay(made.id)
    assert found is not None
    assert (found.state, found.counts, items_waiting()) == ("done", {"accepted": 2_600, "refused": 0}, 2_600)
    assert len(apply()) == 2_600
    assert (Job.objects.get(pk=made.job_id).state, log.quarantine_size()) == ("succeeded", 0)


def test_a_replay_stops_when_somebody_asks_and_forgets_whom_it_was_about(refuse: Callable[..., int]) -> None:
    refuse(GOOD)
    made = replays.request_quarantine_replay(fits=QuarantineFilter(identifier="u1"), by="ann", now=clock.now())
    jobs.cancel(made.job_id)
    assert replays.run_replays(now=clock.now(), after=lambda: None) == 1
    found = log.replay(made.id)
    assert found is not None
    assert (found.state, found.fits["identifier"], log.quarantine_size()) == ("cancelled", "•••", 1)
    assert "u1" not in json.dumps(AuditEntry.objects.get(action="quarantine.replay").after)


def replay_all(fits: QuarantineFilter | None = None) -> dict[str, int]:
    made = replays.request_quarantine_replay(fits=fits or QuarantineFilter(), by="ann", now=clock.now())
    replays.run_replays(now=clock.now(), after=lambda: None)
    found = log.replay(made.id)
    assert found is not None
    assert found.state == "done"
    return {"accepted": 0, "refused": 0, **found.counts}


def _everything(conn: psycopg.Connection[Any]) -> list[Any]:
    tables = (
        "events_event", "events_inbox", "events_quarantineditem", "identity_identifier", "identity_claim",
        "identity_profile", "quality_violation", "quality_observed",
    )  # fmt: skip
    return [conn.execute(f"select count(*) from {table}").fetchall() for table in tables]
