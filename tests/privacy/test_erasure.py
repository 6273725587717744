"""Erasing a person: nothing is left anywhere, channels are told, others stay as they were, and the receipt says so."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp import consistency, erasing
from cdp.pipeline.follow import follow_moves
from cdp.scanning import scan
from common import audit, clock
from common.models import Job
from connectors import selectors as connected
from connectors import services as connectors
from connectors.exports.models import Export
from connectors.imports.models import Import
from events import selectors as log
from identity import selectors as identity
from identity import services as people
from identity.contracts import IdentifierKey
from insights import services as insights
from privacy import selectors, services
from privacy.contracts import ErasureView, NotPossible
from segments import selectors as segments
from segments import services as services_of_segments
from tests.privacy.conftest import ANNA, Send, Shop


def ask(shop: Shop, **more: Any) -> ErasureView:
    return services.request_erasure(profile_id=shop.anna, by="ann", now=clock.now(), **more)


def now_is(request: ErasureView) -> ErasureView:
    found = selectors.erasure(request.id)
    assert found is not None
    return found


def done(shop: Shop) -> ErasureView:
    request = ask(shop)
    erasing.run_erasures(now=clock.now())
    connectors.deliver_due(sync_id=shop.sync, now=clock.now())
    assert erasing.run_erasures(now=clock.now()) == 1
    return now_is(request)


def test_nothing_is_left_of_somebody_who_was_erased(shop: Shop, send: Send) -> None:
    filled = {one.place for one in scan(list(ANNA))}
    assert {
        "table identity_identifier.value",
        "table connectors_filepart.content", "table identity_profile.traits", "table identity_claim.value",
    } <= filled, "the world holds her"  # fmt: skip
    request = done(shop)
    assert request.state == "done"
    assert scan(list(ANNA)) == []
    assert identity.profile_view(shop.anna) is None
    assert log.timeline(identifier_ids=[shop.anna], before=clock.now()) == []
    assert Export.objects.get(pk=shop.export).state == "expired"
    assert Import.objects.get(pk=shop.file).file_id is None
    assert Job.objects.get(pk=request.job_id).state == "succeeded"


def test_others_stay_as_they_were(shop: Shop) -> None:
    before = identity.profile_view(shop.ana)
    assert before is not None
    done(shop)
    after = identity.profile_view(shop.ana)
    assert after is not None
    assert (after.identifiers, after.traits) == (before.identifiers, before.traits)
    assert people.rebuild_profiles(now=clock.now()).healthy
    assert consistency.audit_and_keep(now=clock.now(), by="ann").problems == []
    assert audit.verify() is None


def test_she_leaves_her_segments_by_the_ledger_and_sizes_of_the_past_stay(shop: Shop) -> None:
    then = segments.head_seq()
    before = segments.size(shop.segment)
    done(shop)
    assert segments.size(shop.segment) == before - 1
    assert segments.size(shop.segment, at_seq=then) == before
    last = segments.changes(shop.segment, then)[-1]
    assert (last.profile_id, last.entered, last.reason) == (shop.anna, False, "erasure")


def test_the_request_waits_until_every_channel_has_confirmed(shop: Shop) -> None:
    connectors.pause_sync(sync_id=shop.sync, by="ann")
    request = ask(shop)
    erasing.run_erasures(now=clock.now())
    waiting = now_is(request)
    assert waiting.state == "channels"
    assert [(one["sync_id"], one["confirmed"]) for one in waiting.channels] == [(shop.sync, False)]
    assert scan(["customer-1"]) == [], "all else is gone already"
    connectors.resume_sync(sync_id=shop.sync, by="ann")
    connectors.deliver_due(sync_id=shop.sync, now=clock.now())
    erasing.run_erasures(now=clock.now())
    assert now_is(request).state == "done"
    assert now_is(request).channels[0]["confirmed"] is True
    assert connected.sync(shop.sync) is not None


def test_a_person_may_close_a_request_that_a_channel_never_confirms_and_the_receipt_says_so(shop: Shop) -> None:
    connectors.pause_sync(sync_id=shop.sync, by="ann")
    request = ask(shop)
    with pytest.raises(NotPossible):
        services.close_erasure(request_id=request.id, by="ann", now=clock.now())
    erasing.run_erasures(now=clock.now())
    closed = services.close_erasure(request_id=request.id, by="ann", now=clock.now())
    assert closed.receipt is not None
    document = closed.receipt["document"]
    assert (closed.state, document["closed_by"], document["channels"][0]["confirmed"]) == ("done", "ann", False)
    assert scan(list(ANNA)) == []


def test_nothing_of_her_comes_in_again(shop: Shop, send: Send) -> None:
    done(shop)
    send(shop.source, {"type": "track", "event": "Seen", "userId": "customer-1", "messageId": "again"})
    send(shop.source, {"type": "identify", "userId": "new-id", "messageId": "i", "traits": {"email": ANNA[0]}})
    assert scan(list(ANNA)) == []
    assert sum(row[5] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 2
    assert selectors.suppression_of(IdentifierKey("email", ANNA[0])) is not None


def test_what_waits_in_the_inbox_when_she_is_erased_is_waited_for(shop: Shop, send: Send) -> None:
    request = ask(shop)
    send(shop.source, {"type": "track", "event": "Late", "userId": "customer-1", "messageId": "late"}, applied=False)
    erasing.run_erasures(now=clock.now())
    connectors.deliver_due(sync_id=shop.sync, now=clock.now())
    assert erasing.run_erasures(now=clock.now()) == 0
    send(shop.source, {"type": "track", "event": "Other", "userId": "customer-2", "messageId": "other"})
    assert erasing.run_erasures(now=clock.now()) == 1
    assert now_is(request).state == "done"
    assert scan(list(ANNA)) == []


def test_events_of_others_that_name_her_go_too(shop: Shop, send: Send) -> None:
    """A browser that two people use is nobody's: the policy refused to take them for one."""
    send(
        shop.source,
        {"type": "identify", "userId": "customer-7", "anonymousId": "browser-1", "messageId": "x1", "traits": {}},
        {"type": "track", "event": "Invited", "userId": "customer-7", "messageId": "x2",
         "properties": {"friend": "Anna@Example.org"}},
        {"type": "track", "event": "Paid", "userId": "customer-7", "messageId": "x3", "properties": {"total": 3}},
    )  # fmt: skip
    other = identity.find_profile("user_id", "customer-7")
    assert other not in (None, shop.anna)
    inviting = services_of_segments.create_segment(
        name="Inviting", rule={"event": "Invited", "count": {"is": "gte", "value": 1}}, by="ann", now=clock.now()
    )  # fmt: skip
    assert segments.size(inviting.id) == 1
    insights.declare_feature(name="invited", measure="count", event="Invited", by="ann", now=clock.now())
    insights.keep_feature(name="invited", by="ann", now=clock.now())
    assert _invited(other) == 1
    done(shop)
    assert _invited(other) == 0, "what was computed of the other one is computed anew"
    assert segments.size(inviting.id) == 0, "what was counted of the other one is counted anew"
    last = segments.changes(inviting.id, 0)[-1]
    assert (last.profile_id, last.entered, last.reason) == (other, False, "erasure")
    assert consistency.audit_and_keep(now=clock.now(), by="ann").problems == []
    assert scan([value for value in ANNA if value != "browser-1"]) == []
    assert {one.name for one in log.stream_events() if one.envelope.get("userId") == "customer-7"} == {
        "$identify",
        "Paid",
    }


def _invited(profile: int | None) -> Any:
    insights.keep_up(clock_now=clock.now, after=follow_moves, at_most=600)
    view = identity.profile_view(profile or 0)
    return view and view.traits["feature_invited"]


def test_the_receipt_verifies_and_a_changed_one_does_not(shop: Shop, tmp_path: Path, capsys: Any) -> None:
    receipt = done(shop).receipt
    assert receipt is not None
    assert services.verify(receipt)
    document = receipt["document"]
    assert document["stores"]["identity_identifier"] == 5
    assert document["stores"]["events_event"] == 4
    assert document["channels"][0]["confirmed"] is True
    assert not any(value in json.dumps(receipt) for value in ANNA)
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt))
    call_command("verify_receipt", str(path))
    changed = json.loads(json.dumps(receipt))
    changed["document"]["stores"]["events_event"] = 3
    path.write_text(json.dumps(changed))
    with pytest.raises(CommandError, match="not as it was signed"):
        call_command("verify_receipt", str(path))
    assert not services.verify({"document": {}})


def test_one_request_a_person_and_none_for_nobody(shop: Shop) -> None:
    ask(shop)
    with pytest.raises(NotPossible, match="under way"):
        ask(shop)
    with pytest.raises(NotPossible, match="no person"):
        services.request_erasure(profile_id=10**12, by="ann", now=clock.now())


def test_without_suppression_somebody_may_begin_anew(shop: Shop, send: Send) -> None:
    request = ask(shop, suppress=False)
    erasing.run_erasures(now=clock.now())
    connectors.deliver_due(sync_id=shop.sync, now=clock.now())
    erasing.run_erasures(now=clock.now())
    assert now_is(request).state == "done"
    send(shop.source, {"type": "track", "event": "Seen", "userId": "customer-1", "messageId": "again"})
    found = identity.find_profile("user_id", "customer-1")
    assert found not in (None, shop.anna)


def test_a_failure_leaves_everything_and_is_told(shop: Shop) -> None:
    request = ask(shop)

    def broken(*_: Any) -> dict[str, int]:
        raise RuntimeError("no")

    assert services.run_erasures(now=clock.now(), after=follow_moves, others=[broken]) == 0
    assert now_is(request).state == "waiting"
    assert "tried again" in now_is(request).error
    assert identity.profile_view(shop.anna) is not None
    erasing.run_erasures(now=clock.now())
    assert (now_is(request).state, now_is(request).error) == ("channels", "")


def test_the_scan_as_a_command_fails_when_something_is_found(shop: Shop) -> None:
    with pytest.raises(CommandError, match="Found in"):
        call_command("scan_for", "customer-1")
    with pytest.raises(CommandError, match="Too short"):
        call_command("scan_for", "abc")
    call_command("scan_for", "nobody-of-that-name")
