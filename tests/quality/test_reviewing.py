"""Values that a person looks at: accepted, corrected or rejected, and what was decided holds for that item alone."""

from typing import Any

import pytest

from common import clock, pg
from connectors import services as connectors
from events import selectors as log
from events import services as events
from quality import selectors, services
from quality.contracts import BadRule, Definition, ReviewView
from tests.quality.conftest import Deliver, lately

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rule(transactional_db: None) -> int:
    told = Definition("Age", "properties", "/age", "range", {"least": "18", "most": "120"}, then="review")
    rule_id = services.create_rule(told=told, by="ann", now=clock.now())
    services.switch_rule(rule_id=rule_id, on=True, by="ann", now=clock.now())
    return rule_id


def waiting(state: str = "open") -> list[ReviewView]:
    return selectors.review_items(sources={}, state=state)


def settle(one: ReviewView, verdict: str, value: Any = None) -> None:
    found = services.settle_review(review_id=one.id, verdict=verdict, value=value, by="ann", now=clock.now())
    if found:
        connectors.replay_quarantined([found], by="ann", now=clock.now())


def test_a_person_accepts_corrects_or_rejects(deliver: Deliver, rule: int) -> None:
    deliver(*({"properties": {"age": age, "n": n}} for n, age in enumerate((7, 140, "x", 30))))
    first, second, third = waiting()
    assert (first.value, first.pointer, first.rule_id, selectors.review_size()) == (7, "/properties/age", rule, 3)
    settle(first, "accepted")
    with pytest.raises(BadRule, match="does not pass"):
        settle(second, "corrected", "200")
    settle(second, "corrected", "41")
    settle(third, "rejected")
    found = deliver()
    assert [one.properties for one in found] == [{"age": 7, "n": 0}, {"age": 41, "n": 1}, {"age": 30, "n": 3}]
    notes: Any = found[1].envelope["context"]["cdp_cleaned"]  # type: ignore[index]
    assert notes[0]["was"] == 140
    assert [one.reason for one in log.quarantined()] == ["needs_review"]
    assert {one.outcome for one in selectors.effects(since=lately())} == {"review", "accepted", "decided"}
    with pytest.raises(BadRule, match="already"):
        settle(first, "rejected")


def test_what_was_decided_holds_for_that_item_alone(deliver: Deliver, rule: int) -> None:
    deliver({"properties": {"age": 7}})
    settle(waiting()[0], "accepted")
    deliver({"properties": {"age": 7}})
    assert (len(deliver()), len(waiting())) == (1, 1)


def test_an_item_that_is_replayed_without_a_decision_waits_again(deliver: Deliver, rule: int) -> None:
    deliver({"properties": {"age": 7}})
    connectors.replay_quarantined([log.quarantined()[0].id], by="ann", now=clock.now())
    deliver()
    (one,) = waiting()
    assert one.quarantined_id == log.quarantined()[0].id
    events.discard([one.quarantined_id], by="ann", now=clock.now())
    with pytest.raises(BadRule, match="no more"):
        settle(one, "accepted")
    settle(one, "rejected")
    assert waiting() == []


def test_a_corrected_amount_is_read_like_any_other(deliver: Deliver) -> None:
    settings = {"to": "EUR", "currency": "EUR", "decimal": ",", "into": "/total_eur"}
    told = Definition("Total", "properties", "/total", "currency", settings, then="review")
    rule_id = services.create_rule(told=told, by="ann", now=clock.now())
    services.switch_rule(rule_id=rule_id, on=True, by="ann", now=clock.now())
    deliver({"properties": {"total": "twelve"}})
    settle(waiting()[0], "corrected", "12,50")
    (event,) = deliver()
    assert event.properties == {"total": "12,50", "total_eur": 12.5}


def test_nothing_of_an_erased_person_waits(deliver: Deliver, rule: int) -> None:
    deliver({"properties": {"age": 7, "mail": "gone@example.org"}}, {"properties": {"age": 8}})
    with pg.connect() as conn:
        events.erase(conn, identifier_ids=[], neighbours=[], values=["gone@example.org"])
        conn.commit()
    counts = services.forget_samples(pg.raw(), texts=["gone@example.org"])
    assert counts["quality_reviewitem"] == 1
    assert [one.value for one in waiting()] == [8]
