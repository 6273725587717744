"""Schemas: what was learned fits what was seen, what does not fit is pointed at, and stripping mends it."""

import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.plan.contracts import BadSchema
from quality.plan.linting import casing, hints
from quality.plan.observing import example, observe, pii_class
from quality.plan.schemas import compiled, learned, misfits, stripped

keys = st.sampled_from(["a", "b", "c", "a/b", "x~y"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
documents = st.dictionaries(keys, values, max_size=4)


def learned_of(told: list[dict[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        for path, kind, _ in observe(one):
            seen[path][kind] += 1
    return learned(seen, len(told))


@given(told=st.lists(documents, min_size=1, max_size=6))
def test_everything_that_was_looked_at_fits_what_was_learned(told: list[dict[str, Any]]) -> None:
    validator = compiled(learned_of(told))
    for one in told:
        assert misfits(validator, one) == []


@given(told=st.lists(documents, min_size=1, max_size=3), other=documents)
def test_without_what_does_not_fit_only_what_lacks_is_left(told: list[dict[str, Any]], other: dict[str, Any]) -> None:
    validator = compiled(learned_of(told))
    kept = stripped(other, misfits(validator, other, most=1000))
    left = misfits(validator, kept)
    assert {one.kind for one in left} <= {"required"}
    assert json.dumps(kept, sort_keys=True) == json.dumps(stripped(kept, left), sort_keys=True)


def test_what_was_always_there_is_required_and_nothing_else_is_planned() -> None:
    schema = learned_of([{"total": 3, "code": "a", "buyer": {"vip": True}}, {"total": 2.5, "buyer": {"vip": False}}])
    assert schema["required"] == ["total"]
    assert schema["properties"]["total"] == {"type": "number"}
    assert schema["properties"]["buyer"]["required"] == ["vip"]
    found = misfits(compiled(schema), {"total": "3", "color": "red", "buyer": {"vip": True, "age": 3}})
    assert {(one.kind, one.pointer, one.sample) for one in found} == {
        ("type", "/total", "3"), ("additionalProperties", "/color", "red"), ("additionalProperties", "/buyer/age", "3"),
    }  # fmt: skip
    assert [(one.kind, one.pointer) for one in misfits(compiled(schema), {})] == [("required", "/total")]


def test_an_object_of_which_nothing_is_planned_is_emptied() -> None:
    validator = compiled({"properties": {"buyer": {"additionalProperties": False}}, "additionalProperties": False})
    told = {"buyer": {"age": 3}, "x": 1}
    assert stripped(told, misfits(validator, told)) == {"buyer": {}}


def test_stripping_takes_out_what_does_not_fit_and_no_more() -> None:
    schema = learned_of([{"total": 3, "buyer": {"vip": True}}])
    told = {"total": 3, "color": "red", "buyer": {"vip": True, "age": 3}}
    assert stripped(told, misfits(compiled(schema), told)) == {"total": 3, "buyer": {"vip": True}}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "objec"}, "not valid"), ([], "a JSON object"),
        ({"$ref": "https://example.org/schema.json"}, "its own parts only"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "its own parts only"),
        ({"properties": {"a": {"pattern": "("}}}, "."), ({"$ref": "#/nowhere"}, "."),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_refused(schema: Any, told: str) -> None:
    with pytest.raises(BadSchema, match=told):
        compiled(schema)


def test_a_pattern_is_no_trap() -> None:
    validator = compiled({"properties": {"a": {"pattern": "^(a+)+$"}}})
    assert [one.kind for one in misfits(validator, {"a": "a" * 5000 + "!"})] == ["pattern"]


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("/x", "ana@example.org", "email"), ("/x", "4111 1111 1111 1111", "card"), ("/x", "4111 1111 1111 1112", ""),
        ("/x", "192.0.2.7", "ip"), ("/x", "+49 30 123456", "phone"), ("/phone", "030 1234567", "phone"),
        ("/order", "030 1234567", ""), ("/first_name", "Ana", "name"), ("/x", "red", ""), ("/x", 3, ""),
    ],
)  # fmt: skip
def test_personal_values_are_recognised_and_masked(path: str, value: Any, kind: str) -> None:
    found = pii_class(path, value)
    assert found == kind
    shown = example(path, value, found)
    assert (shown != str(value)) == bool(kind)


def test_names_that_will_be_trouble_are_pointed_at() -> None:
    told = hints(["Order Completed", "order_completed", "Product Viewed", "Cart Opened", "Promo 20261127", "$page"])
    assert "one event under two names" in told["Order Completed"][0]
    assert any("Title Case" in one for one in told["order_completed"])
    assert told["Product Viewed"] == []
    assert any("number in a name" in one for one in told["Promo 20261127"])
    assert "$page" not in told
    assert [casing(one) for one in ("A B", "a_b", "aB", "a-b", "a b", "A_b")] == [
        "Title Case", "snake_case", "camelCase", "kebab-case", "lower case", "other",
    ]  # fmt: skip
