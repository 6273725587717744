"""The rule editor: rules survive the form, buttons do what they say, mistakes are told in their place."""

import json
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from cdp.web.rules.draft import Draft, apply, from_form, from_rule, to_rule
from cdp.web.rules.shown import problems_by_path, settle, show
from segments import selectors as segments
from segments.services import parse_rule
from tests.web.conftest import Shop, signed_in, text_of

NAMES = st.sampled_from(["plan", "Order Completed", "naïve trait", "a:b.c"])
SCALARS = st.one_of(st.integers(-5, 10**6), st.sampled_from(["pro", "007", "x y", "12.50", "Zürich"]))
LENGTHS = st.builds(lambda unit, n: {unit: n}, st.sampled_from(["minutes", "hours", "days"]), st.integers(1, 40))
PROPERTY_TESTS = st.one_of(
    st.builds(lambda op, v: {"is": op, "value": v}, st.sampled_from(["eq", "ne"]), SCALARS),
    st.builds(lambda op, v: {"is": op, "value": v}, st.sampled_from(["gt", "lte"]), st.integers(0, 999)),
    st.builds(lambda v: {"is": "in", "value": v}, st.lists(SCALARS, min_size=1, max_size=3)),
    st.sampled_from([{"is": "exists"}, {"is": "missing"}, {"is": "before", "value": "2026-01-31"}]),
    st.just({"is": "after", "value": "2026-01-31", "zone": "Europe/Berlin"}),
)
TRAITS = st.builds(
    lambda name, test: {"trait": name, **test},
    NAMES,
    st.one_of(PROPERTY_TESTS, LENGTHS.map(lambda length: {"is": "within_last", "value": length})),
)
WHERE = st.lists(st.builds(lambda name, test: {"property": name, **test}, NAMES, PROPERTY_TESTS), max_size=2)
EVENTS = st.builds(
    lambda name, detail, within, where: {
        "event": name, **detail,
        **({"within": within} if within and next(iter(detail)) in ("count", "sum") else {}),
        **({"where": where} if where else {}),
    },
    NAMES,
    st.one_of(
        st.builds(lambda n: {"count": {"is": "gte", "value": n}}, st.integers(0, 9)),
        st.builds(lambda n: {"sum": {"property": "revenue", "is": "lt", "value": n}}, st.integers(0, 9)),
        st.builds(lambda length: {"last": {"is": "more_than_ago", "value": length}}, LENGTHS),
        st.just({"first": {"is": "after", "value": "2026-01-31"}}),
    ),
    st.one_of(st.none(), LENGTHS),
    WHERE,
)  # fmt: skip
ABSENCES = st.builds(lambda a, b, length: {"absent": a, "after": b, "for": length}, NAMES, NAMES, LENGTHS)
OTHERS = st.sampled_from(
    [
        {"segment": "vips"},
        {"not": {"segment": "vips"}},
        {"list": "press"},
        {"random": "spring", "from": 0, "to": 10},
        {"sequence": [{"event": "Viewed"}, {"event": "Added", "where": [{"property": "x", "is": "exists"}]}],
         "within": {"days": 7}, "span": {"hours": 1}, "without": [{"event": "Left"}]},
        {"event": "Order", "avg": {"property": "total", "is": "gt", "value": 9.5}},
        {"event": "Order", "distinct": {"property": "kind", "is": "gte", "value": 2}, "within": {"days": 3}},
    ]
)  # fmt: skip
LEAVES = st.one_of(TRAITS, EVENTS, ABSENCES, OTHERS)


def _groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda c: {"all": c}), several.map(lambda c: {"any": c}),
        inner.map(lambda c: {"not": c}), several.map(lambda c: {"not": {"all": c}}),
    )  # fmt: skip


RULES = st.lists(st.recursive(LEAVES, _groups, max_leaves=5), min_size=1, max_size=3).map(lambda c: {"all": c})


def posted(node: Draft, path: str = "r") -> dict[str, str]:
    """What a browser would send for a draft."""
    fields = {f"{path}:kind": node.kind} | {f"{path}:{name}": text for name, text in node.texts.items()}
    for index, child in enumerate(node.children):
        fields |= posted(child, f"{path}.{index}")
    for index, one in enumerate(node.filters):
        fields |= posted(one, f"{path}.w.{index}")
    return fields


def depth(rule: dict[str, Any]) -> int:
    inner = [rule["not"]] if "not" in rule else rule.get("all", rule.get("any", []))
    return 1 + max(map(depth, inner), default=0)


@given(RULES)
def test_a_rule_comes_back_from_the_form_as_it_was(rule: dict[str, Any]) -> None:
    if depth(rule) > 4:
        return
    again, places = to_rule(settle(from_form(posted(from_rule(rule)))))
    assert _meaning(again) == _meaning(rule)
    assert places[""] == "r"


def _meaning(rule: Any) -> Any:
    """The rule with `not any [x]` written as `not x`, which is the same."""
    if isinstance(rule, list):
        return [_meaning(one) for one in rule]
    if not isinstance(rule, dict):
        return rule
    inner = rule.get("not")
    if isinstance(inner, dict) and list(inner) == ["any"] and len(inner["any"]) == 1:
        return {"not": _meaning(inner["any"][0])}
    return {key: _meaning(value) for key, value in rule.items()}


def test_what_the_form_makes_is_a_rule_that_segments_can_read() -> None:
    root = Draft.new("group", mode="all")
    apply(root, "add-trait@r")
    apply(root, "add-event@r")
    apply(root, "add-where@r.1")
    root.children[0].texts |= {"trait": "plan", "value": "pro"}
    root.children[1].texts |= {"event": "Order Completed", "length": "30"}
    root.children[1].filters[0].texts |= {"property": "category", "is": "in", "value": "shoes, 42"}
    rule, _ = to_rule(root)
    assert rule["all"][1]["where"] == [{"property": "category", "is": "in", "value": ["shoes", 42]}]
    parse_rule(rule)


def test_buttons_add_move_and_remove() -> None:
    root = Draft.new("group", mode="all")
    assert [apply(root, "add-trait@r"), apply(root, "add-event@r"), apply(root, "add-group@r")] == ["r.0", "r.1", "r.2"]
    assert apply(root, "add-absent@r.2") == "r.2.1"
    assert apply(root, "up@r.2") == "r.1"
    assert [child.kind for child in root.children] == ["trait", "group", "event"]
    assert apply(root, "remove@r.1.0") == "r.1"
    assert [child.kind for child in root.children[1].children] == ["absent"]


@pytest.mark.parametrize("command", ["", "remove@r", "add-trait@r.9", "up@x", "add-where@r", "add-x@r", "down@r.0.w.1"])
def test_a_command_that_fits_nothing_changes_nothing(command: str) -> None:
    root = Draft("group", {"mode": "all"}, [Draft.new("trait")])
    before = json.dumps(posted(root))
    apply(root, command)
    assert json.dumps(posted(root)) == before


def test_a_problem_is_shown_at_the_condition_it_is_about() -> None:
    root = Draft("group", {"mode": "all"}, [Draft.new("trait", trait="plan", value="x"), Draft.new("event", event="")])
    rule, places = to_rule(root)
    with pytest.raises(ValueError, match="Give a text") as wrong:
        parse_rule(rule)
    told = problems_by_path(wrong.value.problems, places)  # type: ignore[attr-defined]
    assert list(told) == ["r.1"]
    assert show(root, problems=told).children[1].problem


def _form(rule: dict[str, Any], **more: str) -> dict[str, str]:
    return {**posted(from_rule(rule)), **more}


BUYERS = {
    "any": [
        {"event": "Order Completed", "count": {"is": "gte", "value": 1}},
        {"trait": "plan", "is": "eq", "value": "pro"},
    ]
}


def test_a_marketer_makes_a_segment_and_changes_its_rule(shop: Shop) -> None:
    client = signed_in("marketer")
    made = client.post(reverse("web:new_segment"), _form(BUYERS, name="Good people", description=""))
    segment = segments.segment("good-people")
    assert segment is not None
    assert made["Location"] == reverse("web:segment", args=[segment.id])
    assert (segment.rule, segment.size, segment.owner) == (BUYERS, 1, "marketer@example.org")

    narrower = {"all": [*BUYERS["any"], {"trait": "city", "is": "exists"}]}
    edit = reverse("web:edit_segment", args=[segment.id])
    client.post(edit, _form(narrower, name="Good people", description="", note="Only with a city"))
    changed = segments.segment(segment.id)
    assert changed is not None
    assert (changed.rule, changed.version, changed.size) == (narrower, 2, 0)
    assert "Only with a city" in text_of(client.get(reverse("web:segment_versions", args=[segment.id])))


def test_buttons_work_as_full_pages_without_scripts(shop: Shop) -> None:
    client = signed_in("marketer")
    page = client.post(reverse("web:new_segment"), _form(BUYERS, name="Draft", do="add-group@r"))
    assert page.status_code == 200
    body = page.content.decode()
    assert 'name="r.2:kind" value="group"' in body
    assert 'name="r.2.0:kind" value="trait"' in body
    assert "<html" in body


def test_buttons_answer_htmx_with_the_editor_alone(shop: Shop) -> None:
    page = signed_in("marketer").post(
        reverse("web:new_segment"), _form(BUYERS, do="remove@r.0"), headers={"HX-Request": "true"}
    )
    assert "<html" not in page.content.decode()
    assert "r.1:kind" not in page.content.decode()


def test_an_unfinished_rule_is_kept_and_its_place_is_named(shop: Shop) -> None:
    rule = {"all": [{"trait": "", "is": "eq", "value": "x"}]}
    page = signed_in("admin").post(reverse("web:new_segment"), _form(rule, name="Half"))
    assert page.status_code == 422
    assert "The rule is not finished." in text_of(page)
    assert 'value="x"' in page.content.decode()
    assert segments.segment("half") is None


def test_the_preview_counts_and_names_some(shop: Shop) -> None:
    page = signed_in("marketer").post(reverse("web:preview_segment"), _form(BUYERS))
    assert "1 person fits this rule now." in text_of(page)
    half = signed_in("marketer").post(reverse("web:preview_segment"), _form({"all": [{"trait": "", "is": "exists"}]}))
    assert "Not finished" in text_of(half)
