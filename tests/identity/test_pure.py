"""Standard forms, policies and trait rules: tables of cases."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.contracts import kind_strength
from identity.kinds import IDENTIFIER_KINDS
from identity.policy import KEEP_FIRST, Policy, TraitRule
from identity.reconcile import Claim, reconcile, says_nothing, traits_json
from identity.standardise import standardise


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("email", "  Ann@Shop.COM ", "ann@shop.com"), ("email", "ann", None), ("email", "ann@shop", None),
        ("email", "test@test.com", None), ("email", "a b@shop.com", None), ("email", "ann@sh..op.com", None),
        ("phone", "(415) 555-2671", "+14155552671"), ("phone", "+32 470 12 34 56", "+32470123456"),
        ("phone", "12", None),
        ("user_id", 42, "42"), ("user_id", True, None), ("user_id", "  u1 ", "u1"), ("user_id", "", None),
        ("user_id", "null", None), ("user_id", "Undefined", None), ("user_id", "[object Object]", None),
        ("anonymous_id", "00000000-0000-0000-0000-000000000000", None), ("user_id", "-1", None),
        ("user_id", "100", "100"),
        ("user_id", "x" * 1025, None), ("user_id", "\ud800", None), ("user_id", "a\x00b", None), ("user_id", {}, None),
        ("crm_id", "漢" * 900, None), ("user_id", 10**60, None), ("user_id", "e\u0301", "\u00e9"),
    ],
)  # fmt: skip
def test_a_raw_value_has_one_standard_form_or_none(kind: str, raw: Any, value: str | None) -> None:
    assert standardise(kind, raw) == value


@given(st.sampled_from(IDENTIFIER_KINDS), st.text(max_size=60))
def test_the_standard_form_is_its_own_standard_form(kind: str, raw: str) -> None:
    value = standardise(kind, raw)
    assert value is None or standardise(kind, value) == value


def test_kinds_have_an_order() -> None:
    order = ["user_id", "email", "phone", "record:3", "ga_client_id", "device_id", "anonymous_id", "previous_id"]
    assert order == sorted(order, key=kind_strength)


def test_a_policy_survives_its_json_form() -> None:
    policy = Policy(
        on_conflict=KEEP_FIRST, alias_renames=True, blocked_values=frozenset({"x"}), blocked_patterns=("a+", "b|c"),
        trait_default=TraitRule("source_order", (2, 1)), trait_rules={"tags": TraitRule("union")},
    ).with_kind("email", max_per_profile=9)  # fmt: skip
    assert Policy.from_json(json.loads(json.dumps(policy.to_json()))) == policy
    assert [policy.blocks(value) for value in ("X", "aaa", "b", "ab", "c")] == [True, True, True, False, True]


def claim(value: Any, at: int, source: int = 1, identifier: int = 1, key: str = "k") -> Claim:
    return Claim(key, json.dumps(value), at, 0, source, identifier)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (TraitRule("latest"), "z"), (TraitRule("first"), "longer one"), (TraitRule("longest"), "longer one"),
        (TraitRule("most_frequent"), "y"), (TraitRule("source_order", (2, 1)), "y"),
        (TraitRule("union"), ["longer one", "y", "z"]),
    ],
)  # fmt: skip
def test_each_rule_chooses_its_value(rule: TraitRule, value: Any) -> None:
    claims = [claim("longer one", 1), claim("y", 2, 2), claim("z", 9, 3), claim("y", 3, 1, 2)]
    policy = Policy(trait_rules={"k": rule})
    assert json.loads(reconcile(claims, policy)["k"].value) == value


claims_strategy = st.lists(
    st.builds(
        claim, st.sampled_from(["a", "bb", 1, ["a", "c"]]), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3),
        st.sampled_from(["k", "l"]),
    ),
    max_size=12,
)  # fmt: skip


@given(claims_strategy.flatmap(lambda claims: st.tuples(st.just(claims), st.permutations(claims))), st.data())
def test_the_order_of_claims_does_not_matter(pair: tuple[list[Claim], list[Claim]], data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(["latest", "first", "longest", "most_frequent", "union", "source_order"]))
    policy = Policy(trait_default=TraitRule(rule, (2, 3)))
    assert traits_json(pair[0], policy) == traits_json(pair[1], policy)


@pytest.mark.parametrize(
    ("value", "nothing"),
    [(b"null", True), (b'""', True), (b'"  "', True), (b'"N/A"', True), (b"[]", True), (b"0", False), (b"false", False),
     (b'"no"', False), (b'"' + b" " * 40 + b'"', True), (b'"x' + b" " * 40 + b'"', False)],
)  # fmt: skip
def test_empty_and_placeholder_values_say_nothing(value: bytes, nothing: bool) -> None:
    assert says_nothing(value) is nothing
