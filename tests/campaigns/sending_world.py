"""People who can be written to: with addresses, consents and zones, told by events like everything else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import zstandard
from django.db import transaction

from campaigns import services
from campaigns.contracts import Outcome, SendRequest
from campaigns.sending.models import SendingChannel
from cdp.pipeline.run import Applier
from common import pg
from connectors import services as connectors
from events import services as events
from identity import selectors as identity
from tests.applying import apply_all

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
MAIL = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ profile.first_name | default: 'you' }}, \
<a href='https://shop.example/sale?a=1&amp;b=2'>look</a> or <a href='{{ unsubscribe_url }}'>leave</a></mj-text>\
</mj-column></mj-section></mj-body></mjml>"
CONTENTS: dict[str, Any] = {
    "email": {"en": {"subject": "News for {{ profile.first_name }}", "body": MAIL}},
    "sms": {"en": {"body": "Hello {{ profile.first_name }}"}},
    "webhook": {"en": {"body": '{"who": "{{ profile.first_name }}", "code": "{{ code }}"}'}},
    "inapp": {"en": {"title": "Hello {{ profile.first_name }}"}},
}


class World:
    """A shop with channels, a template, and nobody yet."""

    def __init__(self) -> None:
        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=START)
        self.applier = Applier()
        self.source = connectors.create_source(name="Shop", kind="server", by="ann", now=START).id
        self.calls = 0
        for channel in ("email", "sms", "webhook"):
            SendingChannel.objects.create(channel=channel, provider="none", changed_by="ann", changed_at=START)
        self.template = self.make_template("News")

    def make_template(self, name: str, *, contents: Any = None, message_class: Any = "marketing", **more: Any) -> int:
        made = services.create_template(
            name=name, message_class=message_class, contents=contents or CONTENTS, by="ann", now=START, **more
        )
        return services.publish_template(made.id, 1, by="ann", now=START).id

    def policy(self, **changes: Any) -> None:
        quiet = {"quiet_from": 0, "quiet_until": 0, "caps": []}
        services.change_policy({**quiet, **changes}, by="ann", now=START)

    def person(
        self, name: str, *, email: str | None = None, consents: Any = True, known: bool = True, now: datetime = START,
        **traits: Any,
    ) -> int:  # fmt: skip
        """Somebody who consented to `news`, unless told otherwise; one who is not `known` has no user id."""
        told = {"first_name": name, "email": email or f"{name}@example.org", **traits}
        if consents is not None:
            told["consent_news"] = consents
        self.send({"type": "identify", "userId" if known else "anonymousId": name, "traits": told}, now=now)
        return self.id_of(name, kind="user_id" if known else "anonymous_id")

    def send(self, *calls: dict[str, Any], now: datetime = START) -> None:
        for call in calls:
            self.calls += 1
            call.setdefault("messageId", f"m{self.calls}")
            call.setdefault("timestamp", now.isoformat())
        with pg.connect() as conn, conn.transaction():
            events.store(
                conn, source_id=self.source, document=orjson.dumps({"batch": list(calls)}), events=len(calls),
                client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
        self.drain(now=now)

    def drain(self, *, now: datetime = START) -> None:
        apply_all(self.applier, now=now)

    def id_of(self, name: str, *, kind: str = "user_id") -> int:
        found = identity.find_profile(kind, name)
        assert found is not None
        return found

    def identifiers(self, profile_id: int) -> list[int]:
        return identity.identifier_ids(profile_id)

    def request(self, profile_id: int, **more: Any) -> SendRequest:
        given = {
            "origin": "campaign:1", "version": 1, "instance": "once", "step": "hello", "profile_id": profile_id,
            "template_id": self.template, "channels": ("email",), "message_class": "marketing", "purpose": "news",
        }  # fmt: skip
        return SendRequest(**(given | more))

    def close(self) -> None:
        self.applier.close()


def queue(requests: Sequence[SendRequest], *, now: datetime = START) -> list[Outcome]:
    with transaction.atomic(), pg.cursor() as cursor:
        return services.queue_sends(cursor, requests, now)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)
