"""Pages of segments: text conditions, previews, versions brought back, health, static lists."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from common import clock
from segments import selectors as segments
from segments import services
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(shop: Shop) -> Client:
    return signed_in("marketer")


def rule_form(text: str, **more: str) -> dict[str, str]:
    return {
        "name": "Written", "description": "", "r:kind": "group", "r:mode": "all", "r.0:kind": "text", "r.0:text": text,
        **more,
    }  # fmt: skip


def test_a_condition_is_written_as_text_and_kept_as_a_rule(marketer: Client, shop: Shop) -> None:
    text = 'sequence("Product Viewed" then "Order Completed" span 2 hours in last 30 days)'
    posted = rule_form(text, owner="bo", review_on="2030-01-31", tags="shop, orders")
    assert marketer.post(reverse("web:new_segment"), posted).status_code == 302
    made = segments.segment("written")
    assert made is not None
    assert made.rule_text == f"all({text})"
    assert (made.owner, str(made.review_on), made.tags) == ("bo", "2030-01-31", ("shop", "orders"))
    page = marketer.get(reverse("web:edit_segment", args=[made.id]))
    assert 'value="2030-01-31"' in page.content.decode()
    assert "sequence(&quot;Product Viewed&quot;" in page.content.decode()
    found = marketer.get(reverse("web:segments") + "?q=orders")
    assert "Written" in text_of(found)


def test_text_that_cannot_be_read_is_told_in_its_place(marketer: Client, shop: Shop) -> None:
    answer = marketer.post(reverse("web:new_segment"), rule_form('count("Order" in 30 days) > 1'))
    assert answer.status_code == 422
    assert "column 18: expected last" in text_of(answer)


def test_a_circle_is_refused_where_the_rule_is(marketer: Client, shop: Shop) -> None:
    slug = segments.segments()[0].slug
    below = services.create_segment(name="Below", rule={"segment": slug}, by="ann", now=clock.now())
    form = {
        "name": "Any", "description": "", "r:kind": "group", "r:mode": "all", "r.0:kind": "segment",
        "r.0:segment": "below", "r.0:inside": "yes",
    }  # fmt: skip
    parent = segments.segment(slug)
    assert parent is not None
    answer = marketer.post(reverse("web:edit_segment", args=[parent.id]), form)
    assert answer.status_code == 422
    assert "in a circle" in text_of(answer)
    assert segments.segment(parent.id) == parent, "what is refused changes nothing, not even the name"
    refused = marketer.post(
        reverse("web:steer_segment", args=[parent.id]), {"do": "archive", "typed": parent.name}, follow=True
    )
    assert segments.segment(parent.id).archived_at is None  # type: ignore[union-attr]
    assert "A sync still sends this segment" in text_of(refused)
    assert "Below" in text_of(marketer.get(reverse("web:segment", args=[parent.id])))
    assert below.size == segments.size(parent.id)


def test_a_preview_shows_each_condition_and_whom_a_channel_reaches(marketer: Client, shop: Shop) -> None:
    form = rule_form("email is set", **{"r.1:kind": "text", "r.1:text": "email is missing"})
    shown = text_of(marketer.post(reverse("web:preview_segment"), form))
    assert "Each condition alone" in shown
    one = text_of(marketer.post(reverse("web:preview_segment"), rule_form("everyone")))
    assert "Can be reached by" in one


def test_an_earlier_rule_is_brought_back_from_its_page(marketer: Client, shop: Shop) -> None:
    made = services.create_segment(name="Turn", rule={"trait": "a", "is": "exists"}, by="ann", now=clock.now())
    services.change_rule(segment_id=made.id, rule={"trait": "b", "is": "exists"}, by="ann", now=clock.now())
    steer = reverse("web:steer_segment", args=[made.id])
    shown = marketer.post(steer, {"do": "restore", "version": "1"}, follow=True)
    assert "version 1 is in force again, as version 3" in text_of(shown)
    assert segments.segment(made.id).rule_text == "a is set"  # type: ignore[union-attr]
    assert marketer.post(steer, {"do": "restore", "version": "9"}).status_code == 404


def test_reviews_that_are_due_are_shown_at_home_and_on_the_health_page(marketer: Client, shop: Shop) -> None:
    today = clock.now().date()
    services.create_segment(
        name="Due", rule={"trait": "a", "is": "exists"}, by="ann", now=clock.now(), review_on=today - timedelta(days=1)
    )
    assert "1 segment to review" in text_of(marketer.get(reverse("web:home")))
    health = text_of(marketer.get(reverse("web:segments_health")))
    assert "Its review was due" in health
    assert "Nobody is in it." in health


def test_people_are_put_on_a_list_by_a_file_and_taken_off_by_hand(marketer: Client, shop: Shop) -> None:
    assert marketer.post(reverse("web:static_lists"), {"name": "Guests", "slug": "guests"}).status_code == 302
    again = marketer.post(reverse("web:static_lists"), {"name": "Guests", "slug": "guests"})
    assert again.status_code == 422
    page = reverse("web:static_list", args=["guests"])
    file = SimpleUploadedFile("guests.csv", b"\xef\xbb\xbfanna@example.org,Anna\r\nnobody@example.org,No\r\n")
    shown = marketer.post(page, {"do": "add", "kind": "email", "file": file})
    assert "These are nobody’s" in text_of(shown)
    assert "nobody@example.org" not in text_of(shown), "masked like every address"
    found = segments.static_list("guests")
    assert found is not None
    assert found.entries == 1
    assert marketer.post(page, {"do": "remove", "kind": "user_id", "text": "email:anna@example.org"}).status_code == 302
    assert segments.static_list("guests").entries == 0  # type: ignore[union-attr]
    assert marketer.post(page, {"do": "add", "kind": "email", "text": " "}).status_code == 422
    latin = SimpleUploadedFile("latin.csv", "zoë@example.com".encode("latin-1"))
    assert "not UTF-8" in text_of(marketer.post(page, {"do": "add", "kind": "email", "file": latin}))


def test_a_rule_that_takes_long_is_published_by_a_worker_and_can_be_stopped(
    marketer: Client, shop: Shop, settings: Any
) -> None:
    settings.PUBLISH_AT_ONCE_EVENTS = -1
    posted = rule_form('count("Checkout Started" in last 3 days) = 0', owner="bo")
    answer = marketer.post(reverse("web:new_segment"), posted)
    assert answer.status_code == 302
    assert segments.segment("written") is None
    assert "counted first" in text_of(marketer.get(answer["Location"]))
    assert "Written is being published" in text_of(marketer.get(reverse("web:segments")))
    services.run_publications(now=clock.now())
    assert "published" in text_of(marketer.get(answer["Location"]))
    made = segments.segment("written")
    assert made is not None
    assert (made.owner, made.size > 0) == ("bo", True)
    changed = rule_form('count("Checkout Started" in last 9 days) = 0')
    answer = marketer.post(reverse("web:edit_segment", args=[made.id]), changed)
    assert marketer.post(answer["Location"] + "stop/").status_code == 302
    services.run_publications(now=clock.now())
    assert "Written is as it was" in text_of(marketer.get(answer["Location"]))
    assert segments.segment("written").version == 1  # type: ignore[union-attr]
