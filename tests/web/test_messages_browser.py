"""Messages in a real browser: a template is written with the keyboard, previewed and sent; choices made by a link."""

import os

import pytest
from django.conf import LazySettings

from campaigns import services
from campaigns.sending.models import Send
from campaigns.sending.tokens import token_of
from common import clock
from identity import selectors as identity
from tests.web.browser import Visitor
from tests.web.conftest import Shop
from tests.web.test_browser import _look

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("MESSAGES_SHOTS", "")


def test_a_template_is_written_with_the_keyboard_previewed_published_and_sent(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("marketer")
    page, keys = visitor.page, visitor.page.keyboard
    visitor.open("/messages/new/")
    page.focus("#f-name")
    keys.type("Sale")
    page.select_option("#f-channel", "email")
    page.focus("text=Go on to its words")
    keys.press("Enter")
    page.wait_for_selector("text=Keep as the next version")
    page.focus("[name=email-en-subject]")
    keys.press("Control+a")
    keys.type("Hello {{ profile.first_name }} {{ sale_code }}")
    page.focus("text=Keep as the next version")
    keys.press("Enter")
    page.wait_for_selector("text=Version 2 is kept")
    page.focus("text=Publish 2")
    keys.press("Enter")
    page.wait_for_selector("text=Version 2 is sent")
    page.click("text=Preview and test")
    page.fill("#f-profile", "user_id:customer-1")
    page.focus("text='Preview'")
    keys.press("Enter")
    page.wait_for_selector("text=Missing for this person")
    assert "Hello A•••" in page.inner_text("main")
    _shoot(visitor, "preview")
    page.click("text=as a test")
    page.wait_for_selector("text=is queued")
    assert Send.objects.filter(origin="test", state="queued").count() == 1
    assert not visitor.wrong


def test_the_page_of_a_channel_that_is_not_set_up_is_whole(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("admin")
    # Of another provider than the one among the pages of `test_browser`.
    assert _look(visitor, "/messages/sending/webpush/") == []
    _shoot(visitor, "messages-sending-webpush")


def test_the_preference_centre_is_whole_and_works_without_a_log_in(
    visitor: Visitor, shop: Shop, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = visitor.base
    services.keep_group(
        key="tips", name="Tips", description="How to", channels=["email"], opt_out=True, by="ann", now=clock.now()
    )  # fmt: skip
    for where in (
        f"/m/choose/{token_of(shop.sent, 'choose')}", f"/m/leave/{token_of(shop.sent, 'leave')}",
    ):  # fmt: skip
        assert _look(visitor, where) == []
        _shoot(visitor, where.split("/")[2])
    visitor.open(f"/m/choose/{token_of(shop.sent, 'choose')}")
    visitor.page.uncheck("[value=tips]")
    visitor.page.click("text=Keep my choice")
    visitor.page.wait_for_selector("text=Your choice is kept")
    assert identity.profiles_by_id([shop.anna])[shop.anna].traits["consent_tips.email"] is False
    assert not visitor.wrong


def _shoot(visitor: Visitor, name: str) -> None:
    """Pictures for whoever wants to look at them."""
    if SHOTS:
        for theme in ("light", "dark"):
            for width in (1280, 320):
                visitor.page.evaluate("one => document.documentElement.setAttribute('data-bs-theme', one)", theme)
                visitor.page.set_viewport_size({"width": width, "height": 900})
                visitor.page.screenshot(path=f"{SHOTS}/{name}-{theme}-{width}.png", full_page=True)
        visitor.page.set_viewport_size({"width": 1280, "height": 900})
        visitor.page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'light')")
