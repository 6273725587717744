"""What people chose comes with any event, hangs on their identifiers, and the newest word counts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import zstandard

from cdp.pipeline.run import Applier
from common import pg
from events import services as events
from identity import selectors as identity

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def said(transactional_db: None) -> Iterator[Any]:
    """`said(minutes, preferences, …)` sends one event and answers the consents of its person."""
    applier = Applier()
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=NOW)

        def send(
            minutes: int, preferences: Any, *, kind: str = "track", who: str = "u1", **more: Any
        ) -> dict[str, Any]:
            at = (NOW + timedelta(minutes=minutes)).isoformat()
            item = {
                "type": kind, "event": "Seen", "userId": who, "messageId": f"m{minutes}{who}", "timestamp": at,
                "context": {"consent": {"categoryPreferences": preferences}}, **more,
            }  # fmt: skip
            events.store(
                conn, source_id=1, document=orjson.dumps({"batch": [item]}), events=1, client_ip=None,
                received_at=NOW + timedelta(hours=3), compressor=zstandard.ZstdCompressor(),
            )  # fmt: skip
            applier.apply_batch(now=NOW + timedelta(hours=3))
            profile = identity.profile_view(identity.find_profile("user_id", who) or 0)
            assert profile is not None
            return {name: value for name, value in profile.traits.items() if name.startswith("consent_")}

        yield send
    applier.close()


def test_any_event_tells_what_was_chosen(said: Any) -> None:
    assert said(0, {"Advertising": True, "Sale of Data": False}) == {
        "consent_advertising": True, "consent_sale_of_data": False,
    }  # fmt: skip


def test_the_newest_word_counts_whenever_it_arrives(said: Any) -> None:
    said(10, {"advertising": True})
    assert said(20, {"advertising": False}, kind="identify", traits={"plan": "pro"}) == {"consent_advertising": False}
    assert said(15, {"advertising": True}) == {"consent_advertising": False}, "it came late, and was said before"


def test_it_is_that_of_the_person_and_not_of_the_browser_alone(said: Any) -> None:
    said(0, {"advertising": False}, anonymousId="browser-1")
    profile = identity.profile_view(identity.find_profile("anonymous_id", "browser-1") or 0)
    assert profile is not None
    assert profile.traits["consent_advertising"] is False


@pytest.mark.parametrize("odd", [None, [], "yes", {"": True}, {"advertising": "yes"}, {"advertising": None}, {"a": 1}])
def test_what_is_no_choice_is_passed_over(said: Any, odd: Any) -> None:
    assert said(0, odd) == {}
