"""The page of retention: what would go is counted, a rule is kept, done now, and taken back."""

from datetime import timedelta

import pytest
from django.urls import reverse

from cdp.pipeline import retention
from common import clock
from common.models import Job
from events import selectors as log
from tests.web.conftest import Shop, _send, signed_in, text_of

pytestmark = pytest.mark.django_db


def test_a_rule_is_counted_kept_applied_and_taken_back(shop: Shop) -> None:
    at = (clock.now() - timedelta(days=50)).isoformat()
    call = {"type": "track", "event": "Old", "userId": "customer-1", "messageId": "old", "timestamp": at}
    _send(shop.source, [call])
    admin, address = signed_in("admin"), reverse("web:retention")
    assert "Everything is kept" in text_of(admin.get(address))
    wanted = {"event": "Old", "source": str(shop.source), "days": "30", "note": "the contract", "purpose": ""}
    counted = text_of(admin.post(address, {**wanted, "do": "count"}))
    assert "1 event would go by it now" in counted
    assert log.retention_rules() == []
    assert admin.post(address, {**wanted, "days": "0", "do": "keep"}).status_code == 422
    kept = text_of(admin.post(address, {**wanted, "do": "keep"}, follow=True))
    assert "the contract" in kept
    assert "30 days" in kept
    begun = admin.post(reverse("web:steer_retention"), {"do": "run"})
    retention.run_retention(now=clock.now())
    assert "succeeded" in Job.objects.get(kind=retention.KIND).state
    assert "Take out events whose time is over" in text_of(admin.get(begun.url))
    assert "Old" not in {one.name for one in log.stream_events()}
    rule = log.retention_rules()[0].id
    assert "Taken back" in text_of(
        admin.post(reverse("web:steer_retention"), {"rule": rule, "do": "drop"}, follow=True)
    )
    assert log.retention_rules() == []
    assert "Keep the rule" not in text_of(signed_in("steward").get(address))
