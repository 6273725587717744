"""Mappings of webhooks: what a thing becomes, what is refused, and that nothing a sender sends can break them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contracts import WEBHOOK_PRESETS
from connectors.webhooks import services
from connectors.webhooks.contracts import BadMapping, Unreadable
from connectors.webhooks.mapping import Unmapped, read_mapping

SHOPIFY = {
    "id": 820982911946154508, "email": "jon@example.com", "phone": None, "created_at": "2026-06-11T10:09:40-04:00",
    "cancelled_at": None, "currency": "USD", "total_price": "403.00", "customer": {"id": 115310627314723954},
    "line_items": [{"product_id": 788032119674292922, "title": "Example T-Shirt", "quantity": 1, "price": "19.99"}],
}  # fmt: skip
STRIPE = {
    "id": "evt_1", "type": "invoice.paid", "created": 1_780_000_000,
    "data": {
        "object": {"customer": "cus_9", "customer_email": "ana@example.org", "amount_paid": 1200, "status": "paid"},
    },
}  # fmt: skip
TYPEFORM = {
    "event_id": "LtWXD3crgy",
    "form_response": {
        "form_id": "lT4Z3j", "submitted_at": "2026-01-18T18:17:02Z", "hidden": {"user_id": "u7"},
        "calculated": {"score": 9},
        "answers": [{"type": "text", "text": "Hi"}, {"type": "email", "email": "laura@example.com"}],
    },
}  # fmt: skip


def items(mapping: Any, call: Any) -> list[dict[str, Any]]:
    reader = read_mapping(mapping)
    return [reader.item(thing) for thing in reader.things(call)]


def only(mapping: Any, call: Any) -> dict[str, Any]:
    (found,) = items(mapping, call)
    return found


def test_an_order_of_shopify_is_an_order_of_its_customer() -> None:
    found = only(WEBHOOK_PRESETS["shopify"]["mapping"], SHOPIFY)
    assert (found["event"], found["timestamp"]) == ("Order Completed", "2026-06-11T10:09:40-04:00")
    assert found["context"]["traits"] == {"email": "jon@example.com"}
    assert found["context"]["externalIds"][0]["id"] == "115310627314723954"
    assert found["properties"]["products"][0]["name"] == "Example T-Shirt"
    cancelled = only(WEBHOOK_PRESETS["shopify"]["mapping"], {**SHOPIFY, "cancelled_at": "2026-06-12T10:00:00Z"})
    assert cancelled["event"] == "Order Cancelled"
    assert cancelled["messageId"] != found["messageId"]


def test_events_of_stripe_and_answers_of_typeform_are_read() -> None:
    paid = only(WEBHOOK_PRESETS["stripe"]["mapping"], STRIPE)
    assert (paid["event"], paid["messageId"], paid["timestamp"]) == (
        "invoice.paid",
        "hook-evt_1",
        "2026-05-28T20:26:40.000Z",
    )
    assert paid["properties"] == {"amount": 1200, "status": "paid"}
    made = {
        **STRIPE,
        "type": "customer.created",
        "data": {"object": {"id": "cus_9", "email": "a@b.example", "name": "A"}},
    }
    assert only(WEBHOOK_PRESETS["stripe"]["mapping"], made)["traits"] == {"email": "a@b.example", "name": "A"}
    sent = only(WEBHOOK_PRESETS["typeform"]["mapping"], TYPEFORM)
    assert (sent["userId"], sent["context"]["traits"]["email"]) == ("u7", "laura@example.com")
    assert sent["properties"] == {"form_id": "lT4Z3j", "score": 9}


def test_a_list_gives_several_and_the_first_rule_that_holds_decides() -> None:
    mapping = {
        "items": "data[]",
        "rules": [
            {"when": "gone", "event": "'Left'", "ids": {"user_id": "id"}},
            {"type": "identify", "when": "name", "ids": {"user_id": "id"}, "traits": {"name": "name"}},
        ],
    }
    call = {"data": [{"id": 1, "gone": True, "name": "x"}, {"id": 2, "name": "Ana"}, {"id": 3}]}
    tried = services.try_mapping(mapping, json.dumps(call))
    assert [one.item["type"] if one.item else one.problem for one in tried] == [
        "track", "identify", "No rule's `when` holds for it.",
    ]  # fmt: skip
    assert services.try_mapping(mapping, "{}")[0].problem == "`items` finds nothing in the call."


def test_the_same_thing_has_the_same_id_whatever_the_order_of_its_keys() -> None:
    mapping = {"rules": [{"event": "'E'", "ids": {"user_id": "u"}}]}
    assert only(mapping, {"u": "1", "a": 2})["messageId"] == only(mapping, {"a": 2, "u": "1"})["messageId"]
    assert only(mapping, {"u": "1", "a": 3})["messageId"] != only(mapping, {"a": 2, "u": "1"})["messageId"]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1_780_000_000, "2026-05-28T20:26:40.000Z"), (1_780_000_000_000, "2026-05-28T20:26:40.000Z"),
        ("2026-01-01", "2026-01-01"), (True, None), (-5, None), (1e30, None), ([], None),
    ],
)  # fmt: skip
def test_times_are_texts_seconds_or_milliseconds(value: Any, moment: str | None) -> None:
    mapping = {"rules": [{"event": "'E'", "ids": {"user_id": "'u'"}, "time": "at"}]}
    assert only(mapping, {"at": value}).get("timestamp") == moment


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ([], "an object with `rules`"), ({"rules": []}, "1 to 50 rules"),
        ({"rules": [{"event": "'E'", "ids": {}}]}, "at least one identifier"),
        ({"rules": [{"ids": {"email": "e"}}]}, "say how the event is called"),
        ({"rules": [{"event": "'E'", "ids": {"email": "a["}}]}, "rules/0/ids/email"),
        ({"rules": [{"type": "buy", "event": "'E'", "ids": {"email": "e"}}]}, "choose one of track"),
        ({"rules": [{"event": "'E'", "ids": {"email": "e"}, "x": 1}]}, "rules/0/x: not known"),
        ({"rules": [{"event": "'E'", "ids": {"email": "e"}, "properties": 3}]}, "rules/0/properties"),
        ({"rules": ["x"], "y": 1}, "y: not known"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_used_says_everything_that_is_wrong(mapping: Any, told: str) -> None:
    with pytest.raises(BadMapping, match=told.replace("[", r"\[")):
        read_mapping(mapping)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "email", "type", "data", "object", "customer", "line_items", "x"]), inner, max_size=5
    ),
    max_leaves=20,
)  # fmt: skip


@given(call=json_values, preset=st.sampled_from(sorted(WEBHOOK_PRESETS)))
def test_nothing_that_is_sent_breaks_a_mapping(call: Any, preset: str) -> None:
    reader = read_mapping(WEBHOOK_PRESETS[preset]["mapping"])
    try:
        found = [reader.item(thing) for thing in reader.things(call)]
    except Unmapped:
        return
    assert all(one["messageId"].startswith("hook-") for one in found)


@given(text=st.text(max_size=40))
def test_nothing_that_is_typed_breaks_the_reading_of_a_mapping(text: str) -> None:
    rule = {"event": text, "ids": {text: text}, "properties": {text: text}}
    try:
        read = read_mapping({"items": text, "rules": [rule]})
    except BadMapping:
        return
    assert len(read.rules) == 1


def test_a_sample_that_is_no_json_is_told() -> None:
    with pytest.raises(Unreadable, match="not JSON"):
        services.try_mapping({"rules": [{"event": "'E'", "ids": {"email": "e"}}]}, "{")
