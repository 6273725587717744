"""Purposes, records of consent with their evidence, and sources that store nothing without one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp import erasing
from cdp.pipeline.follow import follow_moves
from cdp.scanning import scan
from common import clock
from common.models import AuditEntry
from connectors import services as connectors
from events import selectors as log
from identity import selectors as identity
from identity.contracts import ConsentMeans, IdentifierKey
from privacy import selectors, services
from privacy.contracts import Choice, InvalidPurpose, NotPossible
from tests.privacy.conftest import ANNA, Send, Shop

pytestmark = pytest.mark.django_db(transaction=True)
T0 = datetime(2026, 3, 1, tzinfo=UTC)


def describe(key: str = "analytics", *, now: datetime = T0, **more: Any) -> None:
    services.describe_purpose(key=key, by="ann", now=now, **{"name": key.title(), **more})


def seen(n: int, who: str = "u1", *, told: dict[str, bool] | None = None, **more: Any) -> dict[str, Any]:
    context = {"context": {"consent": {"categoryPreferences": told}}} if told is not None else {}
    return {"type": "track", "event": "Seen", "messageId": f"m{n}", "userId": who, **context, **more}


def stored() -> set[str]:
    return {event.message_id for event in log.stream_events()}


def counted() -> tuple[int, int]:
    """Stored, and not stored for want of consent."""
    rows = log.tallies(since=clock.now() - timedelta(hours=2))
    return sum(row[2] for row in rows), sum(row[6] for row in rows)


def answers(who: str) -> list[tuple[str, str, bool]]:
    profile = identity.find_profile("user_id", who)
    return [one[:3] for one in identity.consent_answers(profile)] if profile else []


def test_a_purpose_keeps_every_wording_that_was_shown(db: None) -> None:
    describe(text="We measure what is read.", legal_basis="consent")
    describe(text="We measure what is read.", legal_basis="consent")
    describe(text="We measure what is read, without names.", now=T0 + timedelta(days=1))
    found = selectors.purpose("analytics")
    assert found is not None
    assert (found.name, found.version, found.text) == ("Analytics", 2, "We measure what is read, without names.")
    assert [one.version for one in selectors.purpose_texts("analytics")] == [2, 1]
    assert AuditEntry.objects.filter(action="purpose.described").count() == 2
    for wrong in ({"key": "Sale of data"}, {"legal_basis": "because"}, {"name": " "}):
        with pytest.raises(InvalidPurpose):
            describe(**{"key": "x", **wrong})


def test_an_event_leaves_its_evidence_and_the_address_only_where_it_is_asked_for(send: Send) -> None:
    describe(text="One.")
    describe("ads", keep_ip=True)
    event = seen(1, told={"Analytics": True, "Ads": False}, event="Segment Consent Preference Updated")
    event["context"]["ip"] = "203.0.113.9"
    event["context"]["consent"]["channelPreferences"] = {"E-Mail": {"Ads": True}}
    send(7, event)
    assert answers("u1") == [("ads", "", False), ("ads", "e_mail", True), ("analytics", "", True)]
    records = {
        one.purpose + one.channel: one for one in identity.consent_history(identity.find_profile("user_id", "u1") or 0)
    }
    analytics, ads = records["analytics"], records["ads"]
    assert (analytics.means, analytics.source_id, analytics.message_id, analytics.text_version, analytics.ip) == (
        "event", 7, "m1", 1, "",
    )  # fmt: skip
    assert (ads.text_version, ads.ip) == (None, "203.0.113.9")


def test_a_wording_that_came_later_was_not_the_one_that_was_shown(send: Send) -> None:
    describe(text="One.")
    describe(text="Two.", now=clock.now())
    then = (clock.now() - timedelta(days=2)).isoformat()
    told = seen(1, told={"analytics": True}, timestamp=then)
    other = seen(2, "u2", told={"analytics": True})
    other["context"]["consent"]["textVersion"] = 1
    send(7, told, other)
    for who in ("u1", "u2"):
        (record,) = identity.consent_history(identity.find_profile("user_id", who) or 0)
        assert record.text_version == 1


def test_rows_of_files_tell_it_as_traits_and_what_is_no_answer_is_a_trait_like_any_other(send: Send) -> None:
    traits = {"consent_newsletter": True, "consent_newsletter.sms": False, "consent_date": "2026-01-01", "plan": "pro"}
    send(7, {"type": "identify", "userId": "u1", "messageId": "i", "traits": traits})
    assert answers("u1") == [("newsletter", "", True), ("newsletter", "sms", False)]
    send(7, {"type": "identify", "userId": "u1", "messageId": "j", "traits": {"consent_newsletter": "yes"}})
    profile = identity.profile_view(identity.find_profile("user_id", "u1") or 0)
    assert profile is not None
    assert profile.traits == traits, "a text is no answer"


def record(who: int, *choices: Choice, **more: Any) -> None:
    services.record_choices(
        identifier_id=who, choices=choices, means=ConsentMeans.FORM, by="ann", now=clock.now(), after=follow_moves,
        **more,
    )  # fmt: skip


def test_a_person_here_records_what_somebody_said_and_all_or_nothing(send: Send) -> None:
    describe("newsletter", text="Once a month.")
    send(7, seen(1))
    who = identity.find_profile("user_id", "u1") or 0
    record(who, Choice("newsletter", True, "email", evidence="Fair, form 12", text_version=1))
    assert answers("u1") == [("newsletter", "email", True)]
    (kept,) = identity.consent_history(who)
    assert (kept.means, kept.by, kept.evidence, kept.text_version) == ("form", "ann", "Fair, form 12", 1)
    good = Choice("newsletter", False)
    wrong: Iterable[tuple[Choice, str]] = (
        (Choice("nothing", True), "purpose"), (Choice("newsletter", True, "E-Mail"), "channel"),
        (Choice("newsletter", True, said_at=clock.now() + timedelta(days=1)), "said_at"),
        (Choice("newsletter", True, text_version=9), "text_version"),
    )  # fmt: skip
    for choice, field in wrong:
        with pytest.raises(InvalidPurpose) as why:
            record(who, good, choice)
        assert why.value.field == field
    assert len(identity.consent_history(who)) == 1
    services.suppress(IdentifierKey("user_id", "u1"), reason="asked", by="ann", now=clock.now())
    with pytest.raises(NotPossible, match="suppression list"):
        record(who, good)
    with pytest.raises(NotPossible, match="no such identifier"):
        record(10**9, good)


def gate(source: int, purpose: str = "analytics") -> None:
    services.keep_gate(source_id=source, purpose_key=purpose, by="ann", now=clock.now())


def test_a_source_that_asks_for_consent_stores_nothing_without_it(send: Send) -> None:
    with pytest.raises(InvalidPurpose):
        gate(7)
    describe()
    gate(7)
    send(7, seen(1), seen(2, told={"analytics": False}), seen(3, told={"ads": True}))
    assert (stored(), counted()) == (set(), (0, 3))
    assert identity.find_profile("user_id", "u1") is None, "not even the identifier"
    send(8, seen(4, "u2"))
    assert stored() == {"m4"}, "other sources are as they were"
    gate(7, "")
    send(7, seen(5))
    assert stored() == {"m4", "m5"}


@pytest.mark.parametrize("together", [True, False])
def test_what_was_said_before_counts_however_items_fall_into_batches(send: Send, together: bool) -> None:
    describe()
    gate(7)
    items: list[dict[str, Any]] = [
        seen(1, anonymousId="b1"), seen(2, anonymousId="b1", told={"analytics": True}), seen(3),
        {"type": "track", "event": "Seen", "messageId": "m4", "anonymousId": "b1"},
        seen(5, told={"analytics": False}), seen(6), seen(7, told={"analytics": True}), seen(8),
    ]  # fmt: skip
    for second, item in enumerate(items):
        item["timestamp"] = (clock.now() - timedelta(minutes=5) + timedelta(seconds=second)).isoformat()
    for part in [items] if together else [[one] for one in items]:
        send(7, *part)
    assert stored() == {"m2", "m3", "m4", "m7", "m8"}
    assert counted() == (5, 3)


def test_a_withdrawal_is_kept_though_its_event_is_not(send: Send) -> None:
    describe()
    gate(7)
    send(7, seen(1, told={"analytics": True}))
    send(7, seen(2, told={"analytics": False, "ads": False}), seen(3, "stranger", told={"analytics": False}))
    assert stored() == {"m1"}
    assert answers("u1") == [("ads", "", False), ("analytics", "", False)]
    assert identity.find_profile("user_id", "stranger") is None
    assert scan(["stranger"]) == []


def test_a_stamp_does_not_open_the_gate_that_somebody_closed(send: Send) -> None:
    describe()
    gate(7)
    send(7, seen(1, told={"analytics": True}))
    record(identity.find_profile("user_id", "u1") or 0, Choice("analytics", False))
    send(7, seen(2, told={"analytics": True}))
    assert stored() == {"m1"}


def test_erasure_takes_the_records_and_their_evidence(shop: Shop, send: Send) -> None:
    describe("newsletter")
    record(shop.anna, Choice("newsletter", True, evidence=f"Letter of {ANNA[0]}"))
    assert "table identity_consent.evidence" in {one.place for one in scan(list(ANNA))}
    request = services.request_erasure(profile_id=shop.anna, by="ann", now=clock.now())
    erasing.run_erasures(now=clock.now())
    connectors.deliver_due(sync_id=shop.sync, now=clock.now())
    erasing.run_erasures(now=clock.now())
    done = selectors.erasure(request.id)
    assert done is not None
    assert (done.state, done.counts["identity_consent"]) == ("done", 1)
    assert scan(list(ANNA)) == []
