"""Standard Webhooks signatures: the published vector, and the reference implementation as the judge."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks

from connectors.destinations.kit import Payload
from connectors.destinations.webhook import signing
from connectors.destinations.webhook.destination import active_secrets, check, event_body, retry_after

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_golden_vector() -> None:
    signature = signing.signature(
        SECRET, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_implementation_takes_our_signature() -> None:
    payload = Payload(id="msg_1", operation="add", fields={"profile_id": "7", "name": "Zoë ✓"}, at=NOW)
    body = event_body(payload)
    now = int(datetime.now(UTC).timestamp())
    headers = signing.headers([SECRET], message_id=payload.id, timestamp=now, body=body)
    event = standardwebhooks.Webhook(SECRET).verify(body.decode(), headers)
    assert event["type"] == "segment.member_added"
    assert event["data"] == {"profile_id": "7", "name": "Zoë ✓"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(signing.new_secret()).verify(body.decode(), headers)


def test_during_a_rotation_the_old_and_the_new_secret_both_verify() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    now = int(datetime.now(UTC).timestamp())
    headers = signing.headers([new, old], message_id="msg_1", timestamp=now, body=b"{}")
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify("{}", headers) == {}


def test_the_old_secret_signs_until_the_overlap_ends() -> None:
    secrets = {"secret": "new", "previous_secret": "old", "previous_until": NOW.isoformat()}
    assert active_secrets(secrets, now=NOW - timedelta(seconds=1)) == ["new", "old"]
    assert active_secrets(secrets, now=NOW) == ["new"]


def test_a_new_secret_is_long_enough_and_new() -> None:
    assert len(signing.key_of(signing.new_secret())) == 32
    assert signing.new_secret() != signing.new_secret()


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_abc", "whsec_!!!!", "whsec_" + "A" * 88 + "AAAA", "plain text"]
)
def test_a_secret_that_cannot_sign_is_refused_without_being_quoted(secret: str) -> None:
    problems = check({"url": "https://example.com/"}, {"secret": secret})
    assert problems
    assert not secret or secret not in " ".join(problems).replace("whsec_ followed", "")


def test_the_body_of_a_message_is_the_same_at_every_try() -> None:
    payload = Payload(id="m", operation="remove", fields={"b": 1, "a": 2}, at=NOW)
    assert event_body(payload) == event_body(payload)
    assert json.loads(event_body(payload)) == {
        "type": "segment.member_removed",
        "timestamp": "2026-03-01T12:00:00.000Z",
        "data": {"b": 1, "a": 2},
    }


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 0),
        ("99999999999", 6 * 3600),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2099 11:00:00 GMT", 6 * 3600),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(header: str, seconds: int | None) -> None:
    found = retry_after({"retry-after": header}, now=NOW)
    assert found == (None if seconds is None else timedelta(seconds=seconds))
