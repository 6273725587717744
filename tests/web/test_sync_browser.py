"""Syncs in a real browser: the mapping editor and the test of one person, with the keyboard alone."""

import re
from typing import Any

import pytest

from common import clock
from connectors import selectors as connectors
from connectors import services
from connectors.syncs.models import Sync
from segments import services as segments
from tests.connectors.receiver import Receiver, Reply
from tests.web.browser import Visitor
from tests.web.conftest import Shop

pytestmark = pytest.mark.browser


def test_a_sync_is_mapped_and_seen_with_the_keyboard_alone(visitor: Visitor, shop: Shop) -> None:
    account = services.create_destination(
        kind="iterable", name="Mailing", settings={}, secrets={"api_key": "k"}, by="admin@example.org"
    )
    visitor.sign_in("steward")
    visitor.open(f"/destinations/{account.id}/syncs/new/")
    page, keys = visitor.page, visitor.page.keyboard
    assert page.get_attribute("[name='m-email']", "list") == "mapping-paths", "paths are suggested"
    assert page.get_attribute("[name='m-list_id']", "list") is None, "a list's id is a plain line"
    page.focus("[name='name']")
    keys.type("Buyers on the list")
    for _ in range(20):
        if page.evaluate("document.activeElement.name") == "m-list_id":
            break
        keys.press("Tab")
    keys.type("12")
    keys.press("Tab")
    keys.press("Control+a")
    keys.type("{{target.value}}")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Control+a")
    keys.type('{"hello": {"@template": "Hi {{profile.traits.first_name}}"}}')
    page.wait_for_selector("#mapping-preview pre:has-text('hello')")
    assert "anna@example.org" not in page.inner_text("#mapping-preview")
    assert visitor.barriers_in_every_view() == []
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/syncs/\d+/$"))
    (made,) = [one for one in connectors.syncs() if one.name == "Buyers on the list"]
    assert made.mapping == {
        "list_id": "12",
        "email": {"@path": "target.value"},
        "data": {"hello": {"@template": "Hi {{profile.traits.first_name}}"}},
    }
    page.wait_for_selector("#sync-numbers .tile-value")
    assert visitor.wrong == []


def test_a_mapping_is_changed_with_the_keyboard_alone(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("steward")
    visitor.open(f"/syncs/{shop.sync}/")
    page, keys = visitor.page, visitor.page.keyboard
    page.focus("nav[aria-label=Sync] a:has-text('Mapping')")
    keys.press("Enter")
    page.wait_for_selector("[name='m-columns']")
    page.focus("[name='m-columns']")
    keys.press("Control+a")
    keys.type('{"plan": ')
    page.wait_for_selector("#mapping-preview:has-text('This is no JSON')")
    keys.type('{"@path": "profile.traits.plan"}}')
    page.wait_for_selector("#mapping-preview pre:has-text('pro')")
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_selector(".toast-line")
    changed = connectors.sync(shop.sync)
    assert changed is not None
    assert changed.mapping["columns"] == {"plan": {"@path": "profile.traits.plan"}}
    assert visitor.wrong == []


def test_one_person_is_tried_with_the_keyboard_alone(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("steward")
    visitor.open(f"/syncs/{shop.sync}/test/")
    page, keys = visitor.page, visitor.page.keyboard
    page.focus("#who")
    keys.type("anna@example.org")
    keys.press("Enter")
    page.wait_for_selector("h2:has-text('What would be sent')")
    assert visitor.barriers_in_every_view() == []
    page.focus("#who")
    keys.press("Tab")
    keys.press("Tab")
    assert page.inner_text(":focus") == "Send it once"
    keys.press("Space")
    page.wait_for_selector("h2:has-text('What the channel said')")
    assert visitor.barriers_in_every_view() == []
    assert visitor.wrong == []


def test_a_large_change_is_approved_and_what_failed_is_sent_again_with_the_keyboard_alone(
    visitor: Visitor, shop: Shop, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    refusing: list[bool] = []
    receiver = Receiver(lambda call, before: Reply(status=422 if refusing else 200))
    sync_id = _stopped_by_the_guard(shop, receiver)
    visitor.sign_in("steward")
    assert _press(visitor, sync_id, "approve", "Approved") == []
    refusing.append(True)
    services.deliver_due(sync_id=sync_id, now=clock.now())
    refusing.clear()
    assert _press(visitor, sync_id, "retry", "will be sent again") == []
    services.deliver_due(sync_id=sync_id, now=clock.now())
    run = connectors.runs(sync_id=sync_id)[0]
    visitor.open(f"/syncs/runs/{run.id}/")
    assert visitor.barriers_in_every_view() == []
    assert (run.state, run.delivered.removed, run.failed.total) == ("done", 1, 0)
    assert [call.event["type"] for call in receiver.calls] == [
        "segment.member_added", "segment.member_removed", "segment.member_removed",
    ]  # fmt: skip
    receiver.close()


def _stopped_by_the_guard(shop: Shop, receiver: Receiver) -> int:
    """A sync whose one member left, which is a large change here."""
    account = services.create_destination(
        kind="webhook", name="Loyalty", settings={"url": receiver.url}, by="admin@example.org"
    )
    sync = services.create_sync(
        segment_id=shop.segment, destination_id=account.id, name="Buyers to loyalty", by="admin@example.org"
    )
    services.deliver_due(sync_id=sync.id, now=clock.now())
    Sync.objects.filter(pk=sync.id).update(guard_rows=0, guard_percent=10)
    nobody = {"trait": "plan", "is": "eq", "value": "of nobody"}
    segments.change_rule(segment_id=shop.segment, rule=nobody, by="admin@example.org", now=clock.now())
    services.deliver_due(sync_id=sync.id, now=clock.now())
    assert connectors.runs(sync_id=sync.id)[0].state == "needs_approval"
    return sync.id


def _press(visitor: Visitor, sync_id: int, button: str, told: str) -> list[str]:
    """Press a button of the sync's page with the keyboard, and wait for what it says; barriers of the page before."""
    visitor.open(f"/syncs/{sync_id}/")
    found = visitor.barriers_in_every_view()
    visitor.page.focus(f"button[value='{button}']")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector(f"text={told}")
    return found
