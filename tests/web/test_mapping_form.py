"""A sync is set up with its mapping, seen before it is sent, and mapped anew; lines mean what they show."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from cdp.web.mapping_form import as_mapping, as_text
from connectors import selectors as connectors
from connectors import services
from connectors.destinations.mapping import problems, render
from tests.web.conftest import Shop, signed_in, text_of

CONTEXT = {"profile": {"id": "7", "traits": {"city": "Oslo"}}, "segment": {"slug": "vips"}, "target": {"value": "x"}}
PATHS = st.sampled_from(["profile.traits.city", "profile.id", "segment.slug", "target.value"])
TREES = st.recursive(
    st.one_of(
        PATHS.map(lambda one: {"@path": one}),
        PATHS.map(lambda one: {"@template": f"Hi {{{{{one}}}}}!"}),
        st.sampled_from(["plain", "[bracket", "{brace", "{{profile.id}}", "", "42", "é"]),
        st.integers(-3, 3),
        st.booleans(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda several: {"@first": several}),
        st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        st.lists(inner, max_size=2),
    ),
    max_leaves=4,
)


@given(tree=TREES)
def test_a_line_gives_what_the_mapping_gives(tree: Any) -> None:
    if tree == "":
        return
    told = as_mapping(as_text(tree)) if isinstance(tree, str | dict | list) else json.loads(as_text(tree))
    assert problems(told) == []
    if isinstance(tree, str):
        assert told == tree
    assert render(told, CONTEXT) == render(tree, CONTEXT)


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("{{profile.traits.city}}", {"@path": "profile.traits.city"}),
        ("Hi {{ profile.traits.city }}", {"@template": "Hi {{ profile.traits.city }}"}),
        ("same for all", "same for all"),
        ('{"@first": [{"@path": "profile.id"}, "x"]}', {"@first": [{"@path": "profile.id"}, "x"]}),
    ],
)
def test_lines_are_read_as_they_look(line: str, means: Any) -> None:
    assert as_mapping(line) == means
    assert as_mapping(as_text(means)) == means


@pytest.fixture
def client(shop: Shop) -> Client:
    return signed_in("admin")


@pytest.fixture
def account(client: Client) -> int:
    made = services.create_destination(
        kind="iterable", name="Mailing", settings={}, secrets={"api_key": "k"}, by="admin@example.org"
    )
    return made.id


def form(shop: Shop, **more: str) -> dict[str, str]:
    return {
        "name": "To the list", "segment": str(shop.segment), "action": "list", "identifier_kind": "email",
        "m-list_id": "12", "m-email": "{{target.value}}", "m-data": '{"plan": {"@path": "profile.traits.plan"}}',
        **more,
    }  # fmt: skip


def test_a_sync_to_a_list_is_set_up_with_its_mapping(shop: Shop, client: Client, account: int) -> None:
    page = reverse("web:new_sync", args=[account])
    shown = client.get(page).content.decode()
    assert "{{target.value}}" in shown
    assert "{{profile.traits.plan}}" in shown
    assert client.post(page, form(shop)).status_code == 302
    (made,) = [one for one in connectors.syncs() if one.name == "To the list"]
    assert made.mapping == {
        "list_id": "12", "email": {"@path": "target.value"}, "data": {"plan": {"@path": "profile.traits.plan"}},
    }  # fmt: skip
    assert made.identifier_kind == "email"


def test_what_would_be_sent_is_shown_masked_and_nothing_is_made(shop: Shop, client: Client, account: int) -> None:
    page = reverse("web:new_sync", args=[account])
    shown = client.post(page, form(shop, do="preview"))
    assert shown.status_code == 200
    assert "What would be sent" in text_of(shown)
    assert "&quot;list_id&quot;: &quot;12&quot;" in shown.content.decode()
    assert "anna@example.org" not in shown.content.decode()
    assert not [one for one in connectors.syncs() if one.name == "To the list"]
    nobody = client.post(page, form(shop, do="preview", identifier_kind="push_token"))
    assert "left out: no push_token" in text_of(nobody)


def test_nothing_personal_is_shown_under_whatever_name_it_is_mapped_to(
    shop: Shop, client: Client, account: int
) -> None:
    data = {
        "note": {"@template": "call {{profile.traits.phone}}"}, "who": {"@path": "profile.traits.last_name"},
        "id": {"@path": "profile.identifiers.user_id.0"}, "plan": {"@path": "profile.traits.plan"},
    }  # fmt: skip
    page = reverse("web:new_sync", args=[account])
    shown = client.post(page, form(shop, do="preview", **{"m-data": json.dumps(data)})).content.decode()
    for secret in ("+493012345678", "Berg", "customer-1", "anna@"):
        assert secret not in shown
    assert "&quot;plan&quot;: &quot;pro&quot;" in shown


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"m-list_id": ""}, "This field is required"),
        ({"m-data": '{"a": '}, "This is no JSON"),
        ({"m-email": "{{elsewhere.value}}"}, "must begin with"),
    ],
)
def test_a_mapping_that_cannot_work_is_told(
    shop: Shop, client: Client, account: int, wrong: dict[str, str], told: str
) -> None:
    answer = client.post(reverse("web:new_sync", args=[account]), form(shop, **wrong))
    assert answer.status_code == 422
    assert told in text_of(answer)


def test_a_mapping_is_changed_but_not_the_list_that_was_filled(shop: Shop, client: Client) -> None:
    page = reverse("web:edit_mapping", args=[shop.sync])
    assert client.get(page).status_code == 200
    columns = '{"segment": {"@path": "segment.slug"}, "city": {"@path": "profile.traits.city"}}'
    kept = {"m-key": '{"profile_id": {"@path": "profile.id"}}', "m-columns": columns}
    assert "What would be sent" in text_of(client.post(page, {**kept, "do": "preview"}))
    assert client.post(page, kept).status_code == 302
    sync = connectors.sync(shop.sync)
    assert sync is not None
    assert sync.mapping["columns"]["city"] == {"@path": "profile.traits.city"}
