"""Cleaning in the pipeline: values in one form, both values kept, and what cannot be read goes where the rule says."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock, pg
from common.models import AuditEntry
from connectors import services as connectors
from events import selectors as log
from events import services as events
from events.contracts import Item
from identity import selectors as people
from quality import selectors, services
from quality.cleaning.documents import Document, parts_of
from quality.cleaning.item import as_it_came, clean_item, noted
from quality.cleaning.rules import steps
from quality.contracts import BadRule, Definition
from tests.quality.conftest import Deliver, lately

pytestmark = pytest.mark.django_db(transaction=True)


def made(kind: str, path: str, settings: dict[str, Any] | None = None, **more: Any) -> Definition:
    return Definition(**{"name": f"{kind} {path}", "scope": "properties", "path": path, "kind": kind,
                         "settings": settings or {}, **more})  # fmt: skip


def on(kind: str, path: str, settings: dict[str, Any] | None = None, **more: Any) -> int:
    rule_id = services.create_rule(told=made(kind, path, settings, **more), by="ann", now=clock.now())
    services.switch_rule(rule_id=rule_id, on=True, by="ann", now=clock.now())
    return rule_id


def did() -> dict[tuple[str, str], int]:
    found = selectors.effects(since=lately())
    return {(one.pointer, one.outcome): one.count for one in found}


def test_values_come_in_one_form_and_the_one_that_came_is_kept(deliver: Deliver) -> None:
    rule = on("date", "/on", {"order": "DMY"})
    on("number", "/total", {"decimal": ","})
    on("boolean", "/gift")
    on("synonyms", "/size", {"values": {"small": ["s", "klein"], "large": ["l"]}})
    on("text", "/note")
    on("state", "/state", {"country": "US"})
    sent = {"on": "04/03/2024", "total": "1.234,50", "gift": "yes", "size": "Klein", "note": "schÃ¶n  so",
            "state": "New York", "other": 1.10}  # fmt: skip
    (event,) = deliver({"properties": sent})
    assert event.properties == {
        "on": "2024-03-04", "total": 1234.5, "gift": True, "size": "small", "note": "schön so", "state": "NY",
        "other": 1.10,
    }  # fmt: skip
    notes: Any = event.envelope["context"]["cdp_cleaned"]  # type: ignore[index]
    assert notes[0] == {"at": "/properties/on", "was": "04/03/2024", "rule": rule, "version": 1}
    assert {one["at"]: one["was"] for one in notes} == {
        f"/properties/{key}": sent[key] for key in sent if key != "other"
    }
    assert did()[("/properties/state", "corrected")] == 1
    shown = next(one for one in selectors.effects(since=lately()) if one.pointer == "/properties/total")
    assert (shown.samples[0].before, shown.samples[0].after) == ("1.234,50", "1234.5")


def test_new_york_is_one_whatever_it_is_called_also_in_addresses_and_traits(deliver: Deliver) -> None:
    on("address", "/address", {"home": "US"}, scope="traits")
    on("boolean", "/vip", scope="traits")
    for number, state in enumerate(("NY", "New York", "new york", "US-NY")):
        address = {"state": state, "country": "United States", "postal_code": " 10001 ", "city": "New  York"}
        traits = {"address": address, "vip": "no"}
        deliver({"type": "identify", "userId": f"p{number}", "traits": traits})
    for event in deliver({"context": {"traits": {"vip": "yes", "address": {"state": "N.Y."}}}}):
        where: Any = event.envelope if event.type == "identify" else event.envelope["context"]
        assert where["traits"]["address"]["state"] == "NY"
        assert where["traits"]["vip"] is (event.type != "identify")
    found = people.find_profile("user_id", "p1")
    told = people.profile_view(found or 0)
    assert told is not None
    assert told.traits["vip"] is False


def test_amounts_get_a_twin_in_the_reporting_currency_by_the_rate_of_the_day(deliver: Deliver) -> None:
    rates = b"Date,USD,JPY\n2026-01-09,1.25,160\n2026-01-05,1.20,150\n"
    assert services.keep_rates(content=rates, name="hist.csv", by="ann", now=clock.now()) == 4
    on("currency", "/items/*/price", {"to": "EUR", "currency_path": "/currency", "into": "/items/*/price_eur"})
    items = [{"price": 10}, {"price": "12.50"}, {"name": "gift"}]
    calls = [{"properties": {"items": items, "currency": code}, "timestamp": f"2026-01-{day}T10:00:00Z"}
             for code, day in (("USD", "09"), ("usd", "11"), ("USD", "06"), ("CHF", "09"), ("USD", "30"))]  # fmt: skip
    found = [[one.get("price_eur") for one in event.properties["items"]] for event in deliver(*calls)]  # type: ignore[attr-defined]
    assert found == [[8, 10, None], [8, 10, None], [8.33, 10.42, None], [None] * 3, [None] * 3]
    assert did() == {("/properties/items/*/price", "corrected"): 6, ("/properties/items/*/price", "flagged"): 4}


def test_what_does_not_hold_is_counted_taken_out_replaced_or_set_aside(deliver: Deliver) -> None:
    on("range", "/a", {"least": "18", "most": "120"})
    on("range", "/b", {"least": "18"}, then="remove")
    on("allowed", "/c", {"values": ["x", "unknown"]}, then="replace", instead="unknown")
    on("pattern", "/d", {"pattern": "^[A-Z]{2}$"}, then="quarantine")
    deliver({"properties": {"a": 7, "b": 7, "c": "z", "d": "DE"}}, {"properties": {"a": 40, "b": 20, "d": "no"}})
    (event,) = deliver()
    assert event.properties == {"a": 7, "c": "unknown", "d": "DE"}
    (waiting,) = log.quarantined()
    assert (waiting.stage, waiting.reason) == ("clean", "breaks_rule")
    assert json.loads(waiting.item)["properties"] == {"a": 40, "b": 20, "d": "no"}
    assert {key[1] for key in did()} == {"flagged", "removed", "replaced", "quarantined"}


def test_a_quarantined_item_comes_in_when_the_rule_is_another(deliver: Deliver) -> None:
    rule = on("number", "/total", {"decimal": "."}, then="quarantine")
    assert deliver({"properties": {"total": "1,5"}}) == []
    services.change_rule(
        rule_id=rule, told=made("number", "/total", {"decimal": ","}, then="quarantine"), by="ann", now=clock.now()
    )
    connectors.replay_quarantined([log.quarantined()[0].id], by="ann", now=clock.now())
    (event,) = deliver()
    assert event.properties == {"total": 1.5}


def test_an_event_that_is_sent_again_is_first_made_what_it_was(deliver: Deliver) -> None:
    rule = on("date", "/on", {"order": "DMY"})
    (event,) = deliver({"properties": {"on": "04/03/2024"}})
    services.change_rule(rule_id=rule, told=made("date", "/on", {"order": "MDY"}), by="ann", now=clock.now())
    again = {"properties": event.properties, "context": event.envelope["context"]}
    assert [one.properties for one in deliver(again)] == [{"on": "2024-03-04"}, {"on": "2024-04-03"}]
    services.switch_rule(rule_id=rule, on=False, by="ann", now=clock.now())
    last = deliver(again)[-1]
    assert (last.properties, last.envelope.get("context")) == ({"on": "04/03/2024"}, {})


def test_rules_hold_in_their_order_for_their_source_and_event_only(deliver: Deliver, source: int) -> None:
    other = connectors.create_source(name="Till", kind="server", by="ann").id
    on("text", "/size", {"case": "lower"}, source_id=source)
    last = on("allowed", "/size", {"values": ["large"]}, source_id=source, event="Bought", then="remove")
    deliver({"properties": {"size": "LARGE"}}, {"properties": {"size": "LARGE"}, "event": "Seen"})
    deliver({"properties": {"size": "LARGE"}}, at=other)
    assert [one.properties for one in deliver()] == [{"size": "large"}, {"size": "large"}, {"size": "LARGE"}]
    services.move_rule(rule_id=last, to=1, by="ann", now=clock.now())
    assert deliver({"properties": {"size": "LARGE"}})[-1].properties == {}
    assert [one.id for one in selectors.rules(now=clock.now(), sources={})][0] == last


def test_a_rule_is_tried_on_recent_events_and_nothing_is_written(deliver: Deliver) -> None:
    on("text", "/total")
    deliver(*({"properties": {"total": value}} for value in (" 1,5", "2", "x", None, 3)), {"event": "Seen"})
    tried = selectors.try_rule(told=made("number", "/total", {"decimal": ","}, event="Bought"), now=clock.now())
    assert (tried.looked_at, tried.found, tried.counts) == (5, 3, {"corrected": 2, "flagged": 1})
    assert {(one.before, one.after) for one in tried.samples} == {("1,5", "1.5"), ("2", "2"), ("x", "x")}
    assert len(selectors.effects(since=lately())) == 2
    with pytest.raises(BadRule):
        selectors.try_rule(told=made("number", "total", {"decimal": ","}), now=clock.now())


def test_versions_are_kept_put_back_and_audited() -> None:
    now = clock.now()
    rule = services.create_rule(told=made("number", "/total", {"decimal": "."}), by="ann", now=now)
    wanted = made("number", "/total", {"decimal": ","}, then="remove")
    assert services.change_rule(rule_id=rule, told=wanted, by="bob", now=now) == 2
    assert services.change_rule(rule_id=rule, told=wanted, by="bob", now=now) == 2
    assert services.put_back(rule_id=rule, version=1, by="ann", now=now) == 3
    told = selectors.rule_versions(rule, sources={})
    assert [(one.version, one.definition.then) for one in told] == [(3, "flag"), (2, "remove"), (1, "flag")]
    assert told[1].says == (
        "The property /total of every event from every source is read as a number with a decimal comma. Other values"
        " are taken out."
    )
    assert AuditEntry.objects.filter(object_type="cleaning_rule").count() == 3
    services.delete_rule(rule_id=rule, by="ann", now=now)
    assert (selectors.rules(now=now, sources={}), len(selectors.rule_versions(rule, sources={}))) == ([], 4)


@pytest.mark.parametrize(("told", "field"), [
    (made("nonsense", "/a"), "kind"), (made("date", "/a"), "order"), (made("date", "/a", {"order": "YDM"}), "order"),
    (made("date", "a", {"order": "DMY"}), "path"), (made("text", ""), "path"), (made("text", "/*/a"), "path"),
    (made("date", "/a", {"order": "DMY", "zone": "Mars/Base"}), "zone"), (made("text", "/a", {"x": 1}), "settings"),
    (made("range", "/a", {"least": "9", "most": "1"}), "least"), (made("range", "/a", {"least": "x"}), "least"),
    (made("pattern", "/a", {"pattern": "("}), "pattern"), (made("reference", "/a", {"list": "none"}), "list"),
    (made("allowed", "/a", {"values": ["x"]}, then="replace", instead="y"), "instead"),
    (made("synonyms", "/a", {"values": {"a": ["x"], "b": ["X"]}}), "values"), (made("text", "/a", then="?"), "then"),
    (made("currency", "/a", {"to": "ZZZ", "into": "/b"}), "to"), (made("state", "/a"), "country"),
    (made("synonyms", "/a", {"values": ["x"]}), "values"),
    (made("country", "/a", {"languages": ["xx-yy"]}), "language"),
    (made("boolean", "/a", {"true": ["no"]}), "true"), (made("text", "/a", name=" "), "name"),
])  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_with_its_field(told: Definition, field: str) -> None:
    with pytest.raises(BadRule) as refused:
        services.create_rule(told=told, by="ann", now=clock.now())
    assert refused.value.field == field


def test_values_are_held_against_a_list(deliver: Deliver) -> None:
    services.keep_list(slug="shops", name="Shops", values=["s1", " s2 ", "7", ""], by="ann", now=clock.now())
    on("reference", "/shop", {"list": "shops"}, then="remove")
    deliver(*({"properties": {"shop": value}} for value in ("s1", "s2", 7, "s9")))
    services.keep_list(slug="shops", name="Shops", values=["s9"], by="ann", now=clock.now())
    found = [one.properties for one in deliver({"properties": {"shop": "s9"}})]
    assert found == [{"shop": "s1"}, {"shop": "s2"}, {"shop": 7}, {}, {"shop": "s9"}]


def test_the_stage_costs_the_same_statements_whatever_the_batch(source: int) -> None:
    on("number", "/n", {"decimal": "."})
    on("range", "/n", {"least": "5"}, then="quarantine")
    on("allowed", "/c", {"values": ["x"]}, then="review")
    asked = []
    for size in (20, 160):
        batch = events.Batch()
        for n in range(size):
            raw = json.dumps({"n": str(n % 7), "c": "x" if n % 2 else "y"}).encode()
            row = (
                Item(type="track", messageId=f"m{n}"),
                source,
                0,
                0,
                f"E{n % 3}",
                f"m{n}",
                None,
                None,
                raw,
                b"",
                None,
            )
            for column, value in zip(batch._columns(), row, strict=True):
                column.append(value)
        with pg.connect() as conn:
            services.CleaningStage().clean(conn, batch, now=clock.now())
            (count,) = conn.execute("select count(*) from pg_prepared_statements").fetchone() or (0,)
            asked.append(count)
            conn.rollback()
    assert asked[0] == asked[1]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
    | st.sampled_from(["04/03/2024", "1.234,5", "yes", "New York", "12 EUR"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x/y"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_RULES = [
    made("date", "/a", {"order": "DMY"}), made("number", "/b", {"decimal": ","}, then="remove"),
    made("text", "/a/*/b"), made("boolean", "/x~1y", then="replace", instead=False),
    made("address", "/a", {"home": "US"}),
    made("type", "/b/a", {"types": ["string"]}, then="remove"),
    made("currency", "/b", {"to": "EUR", "currency": "EUR", "into": "/c"}),
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(["a", "b", "x/y", "c"]), _JSON, max_size=4))
def test_whatever_comes_is_taken_back_to_what_it_was(properties: dict[str, Any]) -> None:
    made_ready = [step for n, told in enumerate(_RULES) for step in steps(n, 1, _filled(told), lists={})]
    raw = {"properties": json.dumps(properties).encode(), "context": b'{"ip":"::1"}', "traits": b""}
    day = clock.now().date()
    done = clean_item(made_ready, raw, day=day, rates=dict, decisions={})
    document = done.documents["properties"]
    after = {**raw, "properties": document.dump() if document.changed else raw["properties"]}
    if not done.notes:
        assert json.loads(after["properties"]) == properties
    after["context"] = noted(raw["context"], done.notes)
    back = as_it_came(after)
    assert json.loads(back["properties"]) == properties
    assert json.loads(back["context"]) == {"ip": "::1"}
    assert {one.outcome for one in done.effects} <= {"corrected", "removed", "replaced", "flagged"}


def _filled(told: Definition) -> Definition:
    from quality.cleaning.rules import checked

    return replace(checked(told, lists={}), name=told.name)


def test_what_no_rule_touches_stays_byte_for_byte() -> None:
    raw = b'{"big":123456789012345678901234567890, "long":0.12345678901234567890123, "t":{"x":1.10,"y":" a  b "}}'
    document = Document(raw)
    assert document.put(parts_of("/t/y"), "a b")
    assert document.dump() == (
        b'{"big":123456789012345678901234567890,"long":0.12345678901234567890123,"t":{"x":1.10,"y":"a b"}}'
    )


def test_notes_that_a_sender_makes_up_reach_his_own_item_only(deliver: Deliver) -> None:
    notes = [{"at": "/userId", "was": "somebody"}, {"at": 3}, "x", {"at": "/context/cdp_cleaned/0", "was": 1},
             {"at": "/properties/a/b/c", "was": 1}, {"at": "/properties/ok", "was": 2}]  # fmt: skip
    (event,) = deliver({"properties": {"a": 1}, "context": {"cdp_cleaned": notes}})
    assert (event.properties, event.envelope["userId"]) == ({"a": 1, "ok": 2}, "u1")
