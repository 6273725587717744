"""Mappings: what they give, and what is refused before they are stored."""

from typing import Any

import pytest

from connectors.destinations.mapping import MISSING, digest, path, problems, render

CONTEXT = {
    "profile": {
        "id": "7",
        "traits": {
            "first_name": "Ann",
            "age": 40,
            "address": {"city": "Oslo"},
            "tags": ["a", "b"],
            "none": None,
            "a b": 1,
        },
        "identifiers": {"email": ["ann@example.com", "a@example.org"]},
    },
    "segment": {"id": "3", "slug": "vips", "name": "VIPs"},
    "target": {"kind": "email", "value": "ann@example.com"},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        (path("profile.traits.first_name"), "Ann"),
        (path("profile.traits.address.city"), "Oslo"),
        (path("profile.traits.address"), {"city": "Oslo"}),
        (path("profile.identifiers.email.0"), "ann@example.com"),
        (path("profile.identifiers.email.1"), "a@example.org"),
        (path("profile.traits.a b"), 1),
        (path("profile.traits.none"), None),
        (path("profile.traits.nobody"), MISSING),
        (path("profile.identifiers.email.2"), MISSING),
        (path("profile.traits.first_name.0"), MISSING),
        (path("profile.traits.address.city.x"), MISSING),
        ({"@template": "{{profile.traits.first_name}} <{{ target.value }}>"}, "Ann <ann@example.com>"),
        ({"@template": "{{profile.traits.age}}/{{profile.traits.nobody}}/{{profile.traits.tags}}"}, '40//["a","b"]'),
        ({"@first": [path("profile.traits.nobody"), path("profile.traits.none"), path("profile.id")]}, "7"),
        ({"@first": [path("profile.traits.nobody"), "fallback"]}, "fallback"),
        ({"@first": [path("profile.traits.nobody")]}, MISSING),
        ({"a": path("profile.id"), "b": path("profile.x"), "c": [path("profile.x"), 1]}, {"a": "7", "c": [1]}),
        ("plain", "plain"),
        (5, 5),
        (None, None),
        ({}, {}),
    ],
)
def test_a_template_gives_its_value(template: Any, value: Any) -> None:
    assert render(template, CONTEXT) == value
    assert problems(template) == []


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ({"@path": "change.at"}, "must begin with"),
        ({"@path": "__class__.x"}, "must begin with"),
        ({"@template": "{{settings.SECRET_KEY}}"}, "must begin with"),
        ({"@path": 5}, "needs text"),
        ({"@if": {}}, "not known"),
        ({"@path": "profile.id", "more": 1}, "stands alone"),
        ({"@first": []}, "needs a list"),
        ({"@first": "x"}, "needs a list"),
        ({"deep": [{"@path": "nowhere"}]}, "/deep/0"),
        ({"set": {1, 2}}, "not JSON"),
    ],
)
def test_a_template_that_cannot_work_is_told_with_its_place(template: Any, part: str) -> None:
    assert any(part in problem for problem in problems(template))


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    assert digest("ab", "c") != digest("a", "bc")
