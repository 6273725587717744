"""What must not be stored is dropped and counted, whatever else its batch holds."""

from datetime import timedelta

import pytest

from common import clock
from common.models import AuditEntry
from events import selectors as log
from identity import selectors as identity
from identity.contracts import IdentifierKey
from privacy import selectors, services
from privacy.models import Suppression
from tests.privacy.conftest import Send

pytestmark = pytest.mark.django_db(transaction=True)
ANA = IdentifierKey("email", "ana@example.org")


def call(n: int, **more: object) -> dict[str, object]:
    return {"type": "track", "event": "Seen", "messageId": f"s{n}", **more}


def totals() -> tuple[int, int, int]:
    rows = log.tallies(since=clock.now() - timedelta(hours=2))
    return sum(row[2] for row in rows), sum(row[3] for row in rows), sum(row[5] for row in rows)


def test_items_of_a_suppressed_identifier_are_dropped_and_counted(send: Send) -> None:
    assert services.suppress(ANA, reason="asked", by="ann", now=clock.now())
    send(
        1,
        call(1, userId="u1"),
        call(2, userId="u2", context={"traits": {"email": " Ana@Example.org "}}),
        {"type": "identify", "userId": "u3", "messageId": "s3", "traits": {"email": "ana@example.org", "plan": "pro"}},
        call(1, userId="u1"),
    )
    assert totals() == (1, 1, 2)
    assert identity.find_profile("user_id", "u1") is not None
    assert identity.find_profile("user_id", "u2") is None
    assert identity.find_profile("email", "ana@example.org") is None
    assert list(log.stream_events()) != []
    assert all(one.message_id == "s1" for one in log.stream_events())


def test_the_list_and_the_audit_log_name_nobody(send: Send) -> None:
    services.suppress(ANA, reason="complaint", by="ann", now=clock.now())
    entry = Suppression.objects.get()
    assert b"ana" not in bytes(entry.digest)
    assert len(bytes(entry.digest)) == 16
    assert selectors.suppression_of(ANA).reason == "complaint"  # type: ignore[union-attr]
    told = " ".join(f"{one.summary} {one.object_id} {one.after}" for one in AuditEntry.objects.all())
    assert "ana@" not in told


def test_somebody_who_comes_back_is_stored_again(send: Send) -> None:
    services.suppress(ANA, reason="asked", by="ann", now=clock.now())
    assert not services.suppress(ANA, reason="asked", by="ann", now=clock.now())
    send(1, call(1, userId="u1", context={"traits": {"email": "ana@example.org"}}))
    assert services.allow_again(ANA, by="ann", now=clock.now())
    assert not services.allow_again(ANA, by="ann", now=clock.now())
    send(1, call(2, userId="u1", context={"traits": {"email": "ana@example.org"}}))
    assert totals() == (1, 0, 1)
    assert identity.find_profile("email", "ana@example.org") is not None
