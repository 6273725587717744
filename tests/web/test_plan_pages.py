"""Pages of the plan: an event is learned, accepted, enforced, and what does not fit is shown with its place."""

import html
import json
from typing import Any

import pytest
from django.urls import reverse

from quality import selectors, services
from tests.web.conftest import Shop, _send, signed_in, text_of

pytestmark = pytest.mark.django_db


def test_an_event_is_accepted_enforced_and_what_does_not_fit_is_shown(shop: Shop) -> None:
    steward, address = signed_in("steward"), reverse("web:planned_event") + "?name=Bought"
    assert steward.get(address).status_code == 404
    _send(shop.source, [_call(1, total=3, mail="ana@example.org")])
    assert "not decided" in text_of(steward.get(reverse("web:plan")))
    page = steward.get(address)
    assert "a•••@example.org" in text_of(page)
    assert "ana@example.org" not in page.content.decode()
    schema = json.dumps({"properties": {"total": {"type": "number"}}, "additionalProperties": False})
    wrong = steward.post(address, {"do": "accepted", "schema": '{"type": "objec"}'})
    assert wrong.status_code == 422
    shown = html.unescape(page.content.decode().partition('name="schema"')[2].partition(">")[2].partition("<")[0])
    assert json.loads(shown)["required"] == ["mail", "total"]
    assert steward.post(address, {"do": "accepted", "schema": shown}).status_code == 302
    assert steward.post(address, {"do": "accepted", "schema": schema, "owner": "bo"}).status_code == 302
    assert selectors.planned_event("Bought", now=_now()).owner == "bo"  # type: ignore[union-attr]
    source = reverse("web:source_plan", args=[shop.source])
    assert steward.post(source, {"unplanned": "flag", "invalid": "strip"}).status_code == 302
    _send(shop.source, [_call(2, total="x"), _call(3, color="red")])
    shown = text_of(steward.get(source))
    assert "/total" in shown
    assert "/color" in shown
    assert "version 2" in text_of(steward.get(reverse("web:plan") + "?state=accepted"))
    assert steward.post(address, {"do": "ignored", "schema": schema}).status_code == 302
    assert "ignored" in text_of(steward.get(address))


def test_the_catalogue_is_filtered(shop: Shop) -> None:
    services.decide_event(name="Kept", status="accepted", schema={"type": "object"}, by="ann", now=_now())
    viewer = signed_in("viewer")
    assert "Kept" in text_of(viewer.get(reverse("web:plan") + "?q=kep"))
    assert "No event fits" in text_of(viewer.get(reverse("web:plan") + "?q=nothing-of-that-name"))


def _call(number: int, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track", "event": "Bought", "userId": "customer-1", "messageId": f"plan-{number}",
        "properties": properties,
    }  # fmt: skip


def _now() -> Any:
    from common import clock

    return clock.now()
