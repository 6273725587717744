"""Personal data in properties that nobody planned: masked, taken out, set aside, counted; versions senders chose."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from events import selectors as log
from quality import selectors, services
from quality.blocking.finding import CLASSES, found, masked
from quality.contracts import BadSchema
from tests.quality.conftest import Deliver, lately

pytestmark = pytest.mark.django_db(transaction=True)
CARD = "4111 1111 1111 1111"


def block(source: int, **classes: str) -> None:
    services.keep_block(source_id=source, classes=classes, by="ann", now=clock.now())


def counted() -> dict[tuple[str, str], int]:
    return {(one.kind, one.pointer): one.count for one in selectors.violations(since=lately())}


def test_what_is_masked_or_dropped_is_kept_nowhere(deliver: Deliver, source: int) -> None:
    block(source, email="mask", card="drop", ip="flag")
    told = {"note": "write to ana@example.org please", "pay": CARD, "ip": "192.0.2.7", "big": 12345678901234567890123,
            "items": [{"mail": "bo@example.org"}, "cy@example.org"], "total": 5}  # fmt: skip
    (event,) = deliver({"properties": told})
    assert event.properties == {
        "note": "write to a•••@example.org please", "ip": "192.0.2.7", "big": 12345678901234567890123,
        "items": [{"mail": "b•••@example.org"}, "c•••@example.org"], "total": 5,
    }  # fmt: skip
    assert counted() == {
        ("personal_email", "/note"): 1, ("personal_email", "/items/*/mail"): 1, ("personal_email", "/items/*"): 1,
        ("personal_card", "/pay"): 1, ("personal_ip", "/ip"): 1,
    }  # fmt: skip
    assert not any("ana@" in one.sample for one in selectors.violations(since=lately()))


def test_what_the_plan_names_is_let_in_and_quarantined_items_say_where(deliver: Deliver, source: int) -> None:
    schema = {
        "properties": {"mail": {}, "who": {"properties": {"phone": {}}}, "all": {"items": {"properties": {"m": {}}}}}
    }
    services.decide_event(name="Bought", status="accepted", schema=schema, by="ann", now=clock.now())
    block(source, email="quarantine", phone="quarantine")
    planned = {"mail": "ana@example.org", "who": {"phone": "+49 30 1234567"}, "all": [{"m": "a@example.org"}]}
    assert [one.properties for one in deliver({"properties": planned})] == [planned]
    deliver({"properties": {"mail": "x", "phone": "030 1234567"}})
    (waiting,) = log.quarantined()
    assert (waiting.stage, waiting.reason) == ("block", "personal_data")
    assert waiting.detail == "/phone holds personal data that is not planned: phone."
    assert json.loads(waiting.item)["properties"]["phone"] == "030 1234567"


def test_a_source_that_blocks_nothing_lets_everything_in(deliver: Deliver, source: int) -> None:
    block(source + 1, email="mask")
    assert deliver({"properties": {"mail": "ana@example.org"}})[0].properties == {"mail": "ana@example.org"}
    with pytest.raises(BadSchema):
        block(source, email="burn")
    assert selectors.block_of(source) == dict.fromkeys(CLASSES, "allow")


@pytest.mark.parametrize(("name", "text", "kinds"), [
    ("a", "ana@example.org, bo@example.org", ["email", "email"]), ("a", CARD, ["card"]),
    ("a", "4111 1111 1111 1112", []),
    ("a", "from 10.0.0.1 to 999.0.0.1", ["ip"]), ("a", "::1", ["ip"]), ("a", "12:30:00", []),
    ("a", "2001:db8::1", ["ip"]),
    ("a", "+4930123456789", ["phone"]), ("a", "4930123456789", []), ("phone", "030 123 45 67", ["phone"]),
    ("a", "1.2.3.4.5", []), ("a", "order 20260304-17", []), ("a", "@home", []),
])  # fmt: skip
def test_what_is_personal_in_a_text(name: str, text: str, kinds: list[str]) -> None:
    assert [one[0] for one in found(name, text, CLASSES)] == kinds


_ALPHABET = "0123456789@.:+- /abXéa"


@given(st.text(alphabet=_ALPHABET, max_size=200), st.sampled_from(["a", "phone"]))
def test_after_masking_nothing_of_the_kind_is_left(text: str, name: str) -> None:
    places = found(name, text, CLASSES)
    assert all(a[2] <= b[1] for a, b in zip(places, places[1:], strict=False))
    hidden = masked(text, places)
    if not places:
        assert hidden == text
    for kind, start, end in places:
        if kind != "email":
            assert text[start:end] not in hidden or kind == "phone"


def test_a_version_that_the_sender_chose_is_the_one_that_holds(deliver: Deliver, source: int) -> None:
    for kind in ("integer", "string"):
        schema = {"properties": {"total": {"type": kind}}}
        services.decide_event(name="Bought", status="accepted", schema=schema, by="ann", now=clock.now())
    services.keep_enforcement(source_id=source, unplanned="allow", invalid="quarantine", by="ann", now=clock.now())

    def sent(version: Any, total: Any) -> dict[str, Any]:
        return {"properties": {"total": total}, "context": {"protocols": {"event_version": version}}}

    found_in = deliver(
        sent(1, 5), sent("v1.0.0", 6), sent(2, "x"), sent(1, "y"), sent(9, "z"), {"properties": {"total": 1}}
    )
    assert [one.properties["total"] for one in found_in] == [5, 6, "x"]
    assert {one.detail for one in log.quarantined()} == {
        "/total: has another type.", "/: the version that was chosen is not in the plan.",
    }  # fmt: skip
    assert counted() == {("type", "/total"): 2, ("version", ""): 1}
