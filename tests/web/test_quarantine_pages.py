"""Pages of the quarantine: an item is tried, edited and replayed; what fits a filter is counted and replayed."""

import json

import pytest
from django.urls import reverse

from cdp.pipeline import replays
from common import clock
from common.models import AuditEntry
from events import selectors as log
from events.contracts import QuarantineFilter
from tests.web.conftest import Shop, _refuse, signed_in, text_of

pytestmark = pytest.mark.django_db


def test_an_item_is_edited_tried_and_replayed_by_somebody_who_sees_personal_data(shop: Shop) -> None:
    (item,) = log.quarantined(fits=QuarantineFilter(event="Lost"))
    steward, address = signed_in("steward"), reverse("web:quarantined_item", args=[item.id])
    masked = steward.get(address)
    assert "l•••@example.org" in text_of(masked)
    assert "lost@example.org" not in masked.content.decode()
    edited = {"type": "track", "event": "Found", "userId": "customer-1", "messageId": "found"}
    steward.post(address, {"do": "replay", "item": json.dumps(edited)})
    assert _state(item.id) == "open", "what nobody sees, nobody edits"
    steward.post(reverse("web:unmask"), {"reason": "mending an item", "next": address})
    assert "lost@example.org" in text_of(steward.get(address))
    tried = steward.post(address, {"do": "try", "item": json.dumps(edited | {"userId": ""})})
    assert "It would be refused again" in text_of(tried)
    tried = text_of(steward.post(address, {"do": "try", "item": json.dumps(edited)}))
    assert "It would come in" in tried
    assert f"profile {shop.anna}" in tried
    assert _state(item.id) == "open"
    done = steward.post(address, {"do": "replay", "item": json.dumps(edited)}, follow=True)
    assert "As it was sent in its place" in text_of(done)
    assert AuditEntry.objects.filter(action="quarantine.edited", object_id=item.id).exists()
    assert steward.get(reverse("web:quarantined_item", args=[10**6])).status_code == 404


def _state(item_id: int) -> str:
    found = log.quarantined_item(item_id)
    assert found is not None
    return found.state


def test_an_item_that_nobody_can_read_is_shown_all_the_same(shop: Shop) -> None:
    from common import pg
    from events import services as events

    setback = events.Setback(shop.source, "invalid_json", "Broken.", "m", b'{"type": broken ana@example.org')
    with pg.connect(autocommit=True) as conn:
        events.quarantine(conn, [setback], stage="accept", received_at=clock.now())
    shown = signed_in("viewer").get(reverse("web:quarantine"))
    assert "broken a•••@example.org" in text_of(shown)


def test_what_fits_is_counted_replayed_by_a_job_and_can_be_stopped(shop: Shop) -> None:
    _refuse(shop.source)
    steward = signed_in("steward")
    chosen = reverse("web:replay_chosen") + f"?source={shop.source}&event=Lost&reason=no+identity"
    assert "Replay 2 items" in text_of(steward.get(chosen))
    assert "Nothing to replay" in text_of(steward.get(chosen + "&stage=plan"))
    assert steward.post(chosen + "&since=nonsense").status_code == 422
    begun = steward.post(chosen)
    assert begun.status_code == 302
    replays.run_replays(now=clock.now(), after=lambda: None)
    shown = text_of(steward.get(begun.url))
    assert "done" in shown
    assert "Refused 2" in shown, "they lack what they lacked"
    assert "event Lost" in text_of(steward.get(reverse("web:replays")))
    again = steward.post(chosen)
    steward.post(reverse("web:stop_replay", args=[int(again.url.rstrip("/").rpartition("/")[2])]))
    replays.run_replays(now=clock.now(), after=lambda: None)
    assert "stopped" in text_of(steward.get(again.url))


def test_events_of_the_log_are_counted_and_replayed(shop: Shop) -> None:
    steward = signed_in("steward")
    chosen = reverse("web:replay_log") + f"?event=Order+Completed&profile={shop.anna}"
    assert "1 event fits" in text_of(steward.get(chosen))
    assert "Nothing to replay" in text_of(steward.get(chosen + "&until=2020-01-01T00:00"))
    begun = steward.post(chosen)
    replays.run_replays(now=clock.now(), after=lambda: None)
    shown = text_of(steward.get(begun.url))
    assert "Events 1" in shown
    assert "Events on other identifiers 0" in shown
    assert signed_in("viewer").post(chosen).status_code == 403
