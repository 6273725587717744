"""The page of who is told of alerts: one's own mail, calls with their secret shown once, and how the last ones went."""

import re
from typing import Any

import pytest
from django.urls import reverse

from common import clock
from quality import selectors
from quality.alerting.models import AlertDigest
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_anybody_has_mail_sent_to_themselves_and_takes_it_off(shop: Shop, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    viewer, page = signed_in("viewer"), reverse("web:notices")
    assert "No mail server is set" in text_of(viewer.get(page))
    assert "Call an address" not in text_of(viewer.get(page))
    wanted = {"alerts": "on", "kinds": ["not_fresh"], "source_ids": [str(shop.source)], "reports": "own",
              "every_minutes": "60"}  # fmt: skip
    assert viewer.post(page, wanted).status_code == 302
    (one,) = selectors.recipients()
    assert (one.kinds, one.source_ids, one.reports, one.every_minutes) == (["not_fresh"], [shop.source], "own", 60)
    assert "No event for too long" in text_of(viewer.get(page))
    assert viewer.post(page, {"reports": "none", "every_minutes": "60"}).status_code == 422
    steward = signed_in("steward")
    steward.post(reverse("web:drop_notices", args=[one.id]))
    assert selectors.recipients()
    viewer.post(reverse("web:drop_notices", args=[one.id]))
    assert selectors.recipients() == []


def test_a_call_shows_its_secret_once_and_what_failed_is_sent_again(shop: Shop) -> None:
    steward, page = signed_in("steward"), reverse("web:notices")
    calls = reverse("web:call_notices")
    wanted = {"name": "Pager", "url": "https://pager.example.com/in", "alerts": "on", "reports": "none",
              "every_minutes": "5"}  # fmt: skip
    assert steward.post(calls, {**wanted, "url": "https://u:p@x.example"}).status_code == 422
    shown = text_of(steward.post(calls, wanted))
    assert re.search(r"whsec_\S{20}", shown)
    assert "whsec_" not in text_of(steward.get(page))
    (one,) = selectors.recipients()
    digest = AlertDigest.objects.create(
        recipient_id=one.id, content={"raised": [{}], "resolved": [], "reports": []}, state="failed",
        problem="The address answered 410.", made_at=clock.now(), due_at=clock.now(),
    )  # fmt: skip
    assert "The address answered 410." in text_of(steward.get(page))
    steward.post(reverse("web:send_digest_again", args=[digest.pk]))
    assert selectors.digests()[0].state == "waiting"
    assert "There is no digest" in text_of(
        steward.post(reverse("web:send_digest_again", args=[digest.pk]), follow=True)
    )


def test_a_limit_of_freshness_is_set_shown_and_taken_back(shop: Shop) -> None:
    steward, page = signed_in("steward"), reverse("web:freshness_limits")
    wanted = {"source_id": str(shop.source), "event": "Order Completed", "number": "2", "unit": "60",
              "weekdays": ["1", "5"], "from_hour": "9", "to_hour": "17", "time_zone": "Europe/Berlin"}  # fmt: skip
    assert steward.post(page, {**wanted, "time_zone": "Berlin"}).status_code == 422
    assert steward.post(page, wanted).status_code == 302
    shown = text_of(steward.get(page))
    assert "2 hours" in shown
    assert "Mon, Fri, 9:00 to 17:00" in shown
    (one,) = selectors.limits(now=clock.now())
    steward.post(reverse("web:drop_limit", args=[one.id]))
    assert selectors.limits(now=clock.now()) == []
