"""Rules over several properties: compared, reckoned, together, in a list as a pair, and only where another says so."""

import json
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from events import selectors as log
from quality import selectors, services
from quality.cleaning.item import Cleaned, as_it_came, clean_item, noted
from quality.cleaning.rules import checked, steps
from quality.contracts import BadRule, Definition
from tests.quality.conftest import Deliver, lately

CENT = {"operation": "product", "of": ["/quantity", "/price"], "within": 0.01}
GERMAN = {"path": "/country", "relation": "is", "values": ["DE"]}


def made(kind: str, path: str, settings: dict[str, Any] | None = None, **more: Any) -> Definition:
    return Definition(**{"name": f"{kind} {path}", "scope": "properties", "path": path, "kind": kind,
                         "settings": settings or {}, **more})  # fmt: skip


def on(kind: str, path: str, settings: dict[str, Any] | None = None, **more: Any) -> int:
    rule_id = services.create_rule(told=made(kind, path, settings, **more), by="ann", now=clock.now())
    services.switch_rule(rule_id=rule_id, on=True, by="ann", now=clock.now())
    return rule_id


def done(told: Definition, properties: dict[str, Any], lists: dict[str, frozenset[str]] | None = None) -> Cleaned:
    lists = lists or {}
    raw = {"properties": json.dumps(properties).encode()}
    return clean_item(
        steps(1, 1, checked(told, lists=lists), lists=lists), raw, day=date(2026, 1, 1), rates=dict, decisions={}
    )  # fmt: skip


def holds(told: Definition, properties: dict[str, Any], lists: dict[str, frozenset[str]] | None = None) -> bool:
    return not done(told, properties, lists).effects


def compared(of: str, relation: str, a: Any, b: Any, within: float = 0) -> bool:
    settings = {"of": of, "relation": relation, "other": "/b", "within": within}
    return holds(made("compare", "/a", settings), {"a": a, "b": b})


@pytest.mark.parametrize(
    ("of", "relation", "a", "b", "good"),
    [
        ("date", "at_least", "2026-03-02", "2026-03-01", True),
        ("date", "at_least", "2026-02-28", "2026-03-01", False),
        ("date", "at_least", "2026-03-01", "2026-03-01T18:00:00Z", True),  # by the day, when one has no time
        ("date", "more", "2026-03-01T18:00:00+02:00", "2026-03-01T16:30:00Z", False),
        ("date", "at_least", "yesterday", "2026-03-01", False),
        ("date", "at_least", "2026-03-01", "yesterday", True),  # the rule about the other one tells of that
        ("number", "at_most", 5, 5.0, True),
        ("number", "less", 5, 5.0, False),
        ("number", "equal", 0.1 + 0.2, 0.3, False),
        ("number", "at_most", "5", 6, False),
        ("number", "at_most", 5, None, True),
        ("number", "at_most", 5, True, True),
        ("text", "unequal", "DE", "DE", False),
        ("text", "equal", "DE ", "DE", True),
    ],
)
def test_two_values_are_compared(of: str, relation: str, a: Any, b: Any, good: bool) -> None:
    assert compared(of, relation, a, b) is good


_NUMBERS = st.integers(-(10**6), 10**6) | st.decimals(-(10**6), 10**6, places=2).map(float)


@given(_NUMBERS, _NUMBERS, st.sampled_from([0, 0.01, 5]))
def test_relations_of_numbers_hold_as_arithmetic_says(a: float, b: float, within: float) -> None:
    apart = Decimal(repr(a)) - Decimal(repr(b))
    same = abs(apart) <= Decimal(repr(within))
    expected = {
        "equal": same, "unequal": not same, "at_least": same or apart > 0, "more": not same and apart > 0,
        "at_most": same or apart < 0, "less": not same and apart < 0,
    }  # fmt: skip
    assert {relation: compared("number", relation, a, b, within) for relation in expected} == expected


@given(st.datetimes(), st.timedeltas(timedelta(-9), timedelta(9)))
def test_relations_of_times_hold_as_the_clock_says(first: datetime, apart: timedelta) -> None:
    try:
        second = first + apart
    except OverflowError:
        second = first
    for a, b in ((first.isoformat(), second.isoformat()), (first.date().isoformat(), second.date().isoformat())):
        assert compared("date", "at_least", b, a) is (b >= a)
        assert compared("date", "less", b, a) is (b < a)


@given(st.integers(0, 1000), st.integers(0, 10**6), st.integers(-3, 3), st.booleans())
def test_a_total_is_the_product_within_a_cent_or_is_put_right(quantity: int, cents: int, off: int, puts: bool) -> None:
    price, right = cents / 100, quantity * cents
    told = made("arithmetic", "/total", {**CENT, "differs": "put" if puts else "rule"})
    sent = {"quantity": quantity, "price": price, "total": (right + off) / 100}
    found = done(told, sent)
    assert [one.outcome for one in found.effects] == ([] if abs(off) <= 1 else ["corrected" if puts else "flagged"])
    if puts and abs(off) > 1:
        assert found.effects[0].after == right / 100
        raw = {root: document.dump() for root, document in found.documents.items()}
        came = as_it_came(raw | {"context": noted(b"", found.notes)})
        assert json.loads(came["properties"]) == sent, "both values stay"


def test_sums_and_differences_are_reckoned_exactly() -> None:
    total = made("arithmetic", "/total", {"operation": "sum", "of": ["/net", "/tax", "/freight"], "within": 0})
    assert holds(total, {"total": 0.6, "net": 0.1, "tax": 0.2, "freight": 0.3})
    assert not holds(total, {"total": 0.61, "net": 0.1, "tax": 0.2, "freight": 0.3})
    assert holds(total, {"total": 7, "net": 0.1, "tax": 0.2})
    rest = made("arithmetic", "/rest", {"operation": "difference", "of": ["/total", "/paid"], "within": 0})
    assert holds(rest, {"rest": 1.1, "total": 3.3, "paid": 2.2})


def test_each_line_of_an_order_is_held_against_its_own_values() -> None:
    told = made("arithmetic", "/lines/*/total", {**CENT, "of": ["/lines/*/quantity", "/lines/*/price"]})
    lines = [{"quantity": 2, "price": 1.5, "total": 3}, {"quantity": 2, "price": 1.5, "total": 4}]
    assert [one.pointer for one in done(told, {"lines": lines}).effects] == ["/properties/lines/1/total"]


def test_values_come_together_or_not_at_all() -> None:
    def good(wanted: str, **properties: Any) -> bool:
        return holds(made("together", "/discount", {"others": ["/coupon", "/reason"], "wanted": wanted}), properties)

    assert good("all", discount=5, coupon="X", reason="new")
    assert not good("all", discount=5, coupon="X", reason=" ")
    assert good("any", discount=5, coupon="X")
    assert not good("any", discount=5)
    assert not good("none", discount=5, coupon="X")
    assert good("all", coupon="X")
    assert good("all", discount=None)


def test_a_pair_of_values_is_looked_up_in_a_list() -> None:
    told = made("reference", "/city", {"list": "cities", "others": ["/country"]})
    lists = {"cities": frozenset({"Berlin|DE", "Paris|FR"})}
    assert holds(told, {"city": "Berlin", "country": "DE"}, lists)
    assert not holds(told, {"city": "Berlin", "country": "FR"}, lists)
    assert holds(told, {"city": "Berlin"}, lists)


@pytest.mark.parametrize(
    ("when", "country", "asked"),
    [
        (GERMAN, "DE", True), (GERMAN, "FR", False), (GERMAN, None, False),
        ({**GERMAN, "relation": "is_not"}, "FR", True), ({**GERMAN, "relation": "is_not"}, None, False),
        ({**GERMAN, "relation": "present", "values": []}, "FR", True),
        ({**GERMAN, "relation": "missing", "values": []}, None, True),
        ({**GERMAN, "relation": "missing", "values": []}, "FR", False),
        ({**GERMAN, "values": ["true"]}, True, True), ({**GERMAN, "values": ["49"]}, 49.0, True),
    ],
)  # fmt: skip
def test_a_rule_holds_only_where_another_property_says_so(when: dict[str, Any], country: Any, asked: bool) -> None:
    told = made("pattern", "/zip", {"pattern": "^[0-9]{5}$"}, when=when)
    assert holds(told, {"zip": "123", "country": country}) is not asked
    assert holds(told, {"zip": "12345", "country": country})


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (made("compare", "/a", {"relation": "equal", "other": "b"}), "other"),
        (made("compare", "/a", {"relation": "less", "other": "/b", "of": "text"}), "relation"),
        (made("compare", "/a", {"relation": "less", "other": "/b", "of": "date", "within": 1}), "within"),
        (made("compare", "/a", {"relation": "less", "other": "/b/*/c"}), "other"),
        (made("arithmetic", "/a", {"operation": "sum", "of": ["/b"]}), "of"),
        (made("arithmetic", "/a", {"operation": "sum", "of": ["/b", "/c"], "within": -1}), "within"),
        (made("together", "/a", {"others": ["b"]}), "others"),
        (made("text", "/a", when={"path": "country", "relation": "present"}), "when/path"),
        (made("text", "/a", when={"path": "/country", "relation": "is", "values": []}), "when/values"),
        (made("text", "/a", when={"path": "/country", "relation": "like", "values": ["x"]}), "when/relation"),
        (made("text", "/a", when={"path": "/b/*/c", "relation": "present"}), "when/path"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_with_its_field(told: Definition, field: str) -> None:
    with pytest.raises(BadRule) as refused:
        checked(told, lists={})
    assert refused.value.field == field


@pytest.mark.django_db(transaction=True)
def test_rules_over_several_properties_flag_correct_and_quarantine_like_others(deliver: Deliver) -> None:
    on("number", "/total", {"decimal": ","})  # what stands before brings values into their form
    on("arithmetic", "/total", {**CENT, "differs": "put"})
    on("compare", "/end", {"of": "date", "relation": "at_least", "other": "/start"}, then="quarantine")
    on("pattern", "/zip", {"pattern": "^[0-9]{5}$"}, when=GERMAN, then="remove")
    on("compare", "/low", {"relation": "at_most", "other": "/high"})
    sent = {"total": "10,02", "quantity": 2, "price": 5, "zip": "123", "country": "DE", "low": 3, "high": 2}
    deliver(
        {"properties": sent}, {"properties": {"start": "2026-03-02", "end": "2026-03-01"}},
        {"properties": {"zip": "123", "country": "FR", "start": "2026-03-02", "end": "2026-03-02"}},
    )  # fmt: skip
    first, last = deliver()
    assert first.properties == {"total": 10, "quantity": 2, "price": 5, "country": "DE", "low": 3, "high": 2}
    assert last.properties["zip"] == "123"
    (waiting,) = log.quarantined()
    assert (waiting.stage, waiting.reason) == ("clean", "breaks_rule")
    assert waiting.detail.endswith("asks that it is not before /start; this value does not hold.")
    found = Counter[tuple[str, str]]()
    for one in selectors.effects(since=lately()):
        found[one.pointer, one.outcome] += one.count
    assert found == {
        ("/properties/total", "corrected"): 2, ("/properties/end", "quarantined"): 1, ("/properties/zip", "removed"): 1,
        ("/properties/low", "flagged"): 1,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_rule_about_traits_finds_the_others_in_both_places(deliver: Deliver) -> None:
    on("compare", "/until", {"of": "date", "relation": "more", "other": "/since"}, scope="traits", then="remove",
       when={"path": "/plan", "relation": "is", "values": ["pro"]})  # fmt: skip
    traits = {"since": "2026-03-02", "until": "2026-03-01", "plan": "pro"}
    deliver({"type": "identify", "userId": "p1", "traits": traits}, {"context": {"traits": traits}})
    for event in deliver({"type": "identify", "userId": "p2", "traits": {**traits, "plan": "free"}}):
        where: Any = event.envelope if event.type == "identify" else event.envelope["context"]
        assert ("until" in where["traits"]) is (where["traits"]["plan"] == "free")


@pytest.mark.django_db(transaction=True)
def test_it_is_tried_with_counts_kept_in_versions_and_said_as_a_sentence(deliver: Deliver) -> None:
    deliver(
        *({"properties": {"zip": code, "country": land}} for code, land in (("1", "DE"), ("1", "FR"), ("12345", "DE")))
    )
    told = made("pattern", "/zip", {"pattern": "^[0-9]{5}$"}, when=GERMAN)
    tried = selectors.try_rule(told=told, now=clock.now())
    assert (tried.looked_at, tried.found, tried.counts) == (3, 1, {"flagged": 1})
    rule = on("pattern", "/zip", {"pattern": "^[0-9]{5}$"}, when=GERMAN)
    services.change_rule(rule_id=rule, told=made("pattern", "/zip", {"pattern": "^[0-9]+$"}), by="ann", now=clock.now())
    services.put_back(rule_id=rule, version=1, by="ann", now=clock.now())
    kept = selectors.rule(rule, now=clock.now(), sources={})
    assert kept is not None
    assert kept.definition.when == GERMAN
    assert kept.says == (
        "The property /zip of every event from every source fits ^[0-9]{5}$ where /country is DE."
        " Other values are let in and counted."
    )
