"""Messages go out once: by channels on the loopback, through failures, kills, merges and quiet hours."""

import base64
import hmac
import json
import socket
import uuid
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.conf import LazySettings

from campaigns import services
from campaigns.sending.claiming import LEASE, Claimed, begin, claim
from campaigns.sending.models import Send, SendingChannel
from events.selectors import events_of
from identity import services as identities
from tests.campaigns.sending_world import START, World, hours, queue
from tests.connectors.killing import kill_worker
from tests.connectors.receiver import Call, Receiver, Reply, receiving

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


class _Sink:
    """A mail server that keeps what it takes, and refuses mailboxes called `nobody`."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.answer = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
        return self.answer


@pytest.fixture(autouse=True)
def _loopback(settings: LazySettings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    settings.PUBLIC_URL = "https://shop.example"


@pytest.fixture
def sink(world: World) -> Iterator[_Sink]:
    made = _Sink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(made, hostname="127.0.0.1", port=port)
    server.start()
    services.keep_channel("email", "smtp", {
        "host": "127.0.0.1", "port": port, "security": "none", "sender": "Shop <news@shop.example>",
    }, by="ann", now=START)  # fmt: skip
    yield made
    server.stop()


@pytest.fixture
def hook(world: World) -> Iterator[Receiver]:
    with receiving() as made:
        services.keep_channel("webhook", "webhook", {"url": made.url, "secret": SECRET}, by="ann", now=START)
        yield made


def send(channel: str = "email", *, now: Any = START) -> int:
    return services.send_due(channel, now=now, suppressed=lambda _: set())


def states() -> list[str]:
    return list(Send.objects.order_by("pk").values_list("state", flat=True))


def test_a_mail_goes_out_once_with_text_links_and_one_click_and_is_told_in_the_log(world: World, sink: _Sink) -> None:
    ann = world.person("ann")
    queue([world.request(ann)])
    assert (send(), send(), states()) == (1, 0, ["sent"])
    mail = sink.mails[0]
    assert (mail["To"], mail["Subject"]) == ("ann@example.org", "News for ann")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip().startswith("<https://shop.example/m/leave/")
    text, html = (part.get_payload(decode=True).decode() for part in mail.get_payload())
    assert "Hello ann," in text
    assert "look (https://shop.example/sale?a=1&b=2)" in text
    assert "https://shop.example/m/click/" in html
    assert "/m/open/" in html
    world.drain()
    told = [one for one in events_of(world.identifiers(ann)) if one.name == "Email Sent"]
    assert [one.properties["step"] for one in told] == ["hello"]
    assert Send.objects.get().variables == {}


def test_a_dead_mailbox_is_given_up_and_what_may_pass_is_tried_again(world: World, sink: _Sink) -> None:
    gone = world.person("gone", email="nobody@example.org")
    queue([world.request(gone)])
    send()
    assert (states(), queue([world.request(gone, step="next")])[0].reason) == (["failed"], "suppressed")
    sink.answer = "451 Try again"
    ann = world.person("ann")
    queue([world.request(ann)])
    send()
    row = Send.objects.get(step="hello", state="queued")
    assert (row.attempts, row.handed_at) == (1, None)
    sink.answer = "250 OK"
    assert send(now=START + timedelta(hours=1)) == 1


def test_a_channel_that_refuses_its_credentials_waits_for_somebody(world: World, hook: Receiver) -> None:
    hook.script = lambda call, before: Reply(status=401)
    people = [world.person(name) for name in ("a", "b")]
    queue([world.request(one, channels=("webhook",)) for one in people])
    assert send("webhook") == 0
    assert SendingChannel.objects.get(channel="webhook").paused
    assert (len(hook.calls), states()) == (1, ["queued", "queued"])
    hook.script = lambda call, before: Reply()
    assert send("webhook") == 0
    services.switch_channel("webhook", paused=False, by="ann", now=START)
    assert (send("webhook", now=START + hours(0.1)), states()) == (2, ["sent", "sent"])


def test_a_call_without_an_answer_is_repeated_with_its_key_where_that_is_safe(world: World, hook: Receiver) -> None:
    hook.script = lambda call, before: Reply(cut=before == 0)
    queue([world.request(world.person("ann"), channels=("webhook",), variables={"code": 'a"b'})])
    send("webhook")
    send("webhook", now=START + hours(1))
    assert (states(), len(hook.calls)) == (["sent"], 2)
    assert len({call.headers["idempotency-key"] for call in hook.calls}) == 1
    assert json.loads(hook.calls[0].body) == {"who": "ann", "code": 'a"b'}
    told = hook.calls[0].headers
    signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + hook.calls[0].body
    wanted = base64.b64encode(hmac.new(b"k" * 32, signed, "sha256").digest()).decode()
    assert told["webhook-signature"] == f"v1,{wanted}"


def test_a_channel_rests_for_as_long_as_it_asked(world: World, hook: Receiver) -> None:
    hook.script = lambda call, before: Reply(status=429, headers={"retry-after": "600"})
    people = [world.person(name) for name in ("a", "b")]
    queue([world.request(one, channels=("webhook",)) for one in people])
    send("webhook")
    send("webhook", now=START + timedelta(minutes=9))
    assert len(hook.calls) == 1
    hook.script = lambda call, before: Reply()
    assert send("webhook", now=START + timedelta(minutes=11)) == 2


def test_what_changed_since_it_was_asked_for_is_seen_before_it_goes_out(world: World, sink: _Sink) -> None:
    withdrawn, merged_a = world.person("w"), world.person("a")
    merged_b = world.person("b", known=False)
    queue([world.request(one) for one in (withdrawn, merged_a, merged_b)])
    world.send({"type": "identify", "userId": "w", "traits": {"consent_news": False}}, now=START + hours(1))
    assert identities.merge(merged_a, merged_b, by="ann", reason="the same", now=START + hours(1)).done
    world.policy(quiet_from=21 * 60, quiet_until=8 * 60)
    assert send(now=START + hours(10)) == 0
    assert send(now=START + hours(21)) == 1
    assert sorted(Send.objects.values_list("state", "reason")) == [
        ("sent", ""), ("skipped", "duplicate"), ("skipped", "no_consent"),
    ]  # fmt: skip
    assert len(sink.mails) == 1


def test_marketing_cut_off_in_the_middle_is_not_repeated_and_a_code_is(world: World) -> None:
    ann = world.person("ann")
    queue([world.request(ann), world.request(ann, step="code", message_class="transactional", purpose="")])
    token = uuid.uuid4()
    for row in claim("email", token=token, now=START) or ():
        assert begin(row.id, token=token, now=START)
    from campaigns.sending.claiming import free_abandoned

    free_abandoned("email", repeats_are_safe=False, now=START + LEASE / 2)
    assert states() == ["handing", "handing"]
    free_abandoned("email", repeats_are_safe=False, now=START + LEASE + timedelta(seconds=1))
    assert states() == ["unknown", "queued"]


def test_a_slow_worker_that_was_given_up_still_says_what_became_of_its_message(world: World) -> None:
    from campaigns.sending.claiming import free_abandoned
    from campaigns.sending.settling import settle_sent
    from campaigns.sending.telling import source
    from identity.contracts import IdentifierKey

    ann, told = world.person("ann"), START + LEASE + timedelta(seconds=1)
    queue([world.request(ann), world.request(ann, step="more")])
    token = uuid.uuid4()
    slow, again = claim("email", token=token, now=START) or ()
    for row in (slow, again):
        assert begin(row.id, token=token, now=START)
    # Another worker's clock is ahead.
    free_abandoned("email", repeats_are_safe=False, now=told)
    assert states() == ["unknown", "unknown"]
    services.retry_send(again.id, by="ann", now=told)

    def says(row: Claimed) -> bool:
        return settle_sent(
            row, "mail-1", IdentifierKey("user_id", "ann"), source(now=told), token=token, now=told, content=None
        )

    assert says(slow)
    assert not says(slow), "once"
    assert not says(again), "a person has taken it out of its hands"
    assert sorted(states()) == ["queued", "sent"]


def test_a_killed_worker_loses_nothing_and_doubles_nothing_that_is_known(world: World, hook: Receiver) -> None:
    people = [world.person(f"p{n}") for n in range(12)]
    queue([world.request(one, channels=("webhook",)) for one in people])
    hook.script = lambda call, before: Reply(wait=0.1)
    kill_worker(
        "from campaigns import services\n"
        "from datetime import datetime, timezone\n"
        "services.send_due('webhook', now=datetime(2026, 11, 2, 12, tzinfo=timezone.utc), suppressed=lambda _: set())",
        when=lambda: len(hook.calls) >= 4,
    )
    hook.script = lambda call, before: Reply()
    while Send.objects.exclude(state="sent").exists():
        send("webhook", now=START + hours(1))
    assert len(_by_key(hook.calls)) == 12
    assert len(hook.calls) <= 13  # at most the one in the middle of which the worker died, with the same key


def _by_key(calls: list[Call]) -> set[str]:
    return {call.headers["idempotency-key"] for call in calls}


def test_in_app_messages_are_kept_until_they_are_fetched(world: World) -> None:
    queue([world.request(world.person("ann"), channels=("inapp",))])
    assert send("inapp") == 1
    assert Send.objects.get().content == {"title": "Hello ann"}


def test_what_cannot_be_rendered_fails_alone_and_says_why(world: World, sink: _Sink) -> None:
    broken = dict(subject="x", body="{{ 1 | divided_by: n }} {{ unsubscribe_url }}")
    bad = world.make_template("Bad", contents={"email": {"en": broken}}, defaults={"n": 1})
    ann, ben = world.person("ann"), world.person("ben")
    queue([world.request(ann, template_id=bad, variables={"n": 0}), world.request(ben)])
    assert send() == 1
    assert sorted(states()) == ["failed", "sent"]
    assert "divide by 0" in Send.objects.get(state="failed").error


def test_a_dead_letter_that_is_tried_again_says_what_it_was_to_say(world: World, hook: Receiver) -> None:
    hook.script = lambda call, before: Reply(status=400 if not before else 200)
    queue([world.request(world.person("ann"), channels=("webhook",), variables={"code": "4711"})])
    send("webhook")
    assert states() == ["failed"]
    services.retry_send(Send.objects.get().pk, by="ann", now=START)
    assert (send("webhook"), states()) == (1, ["sent"])
    assert [json.loads(call.body)["code"] for call in hook.calls] == ["4711", "4711"]
    assert Send.objects.get().variables == {}


def test_a_secret_that_is_too_short_to_sign_with_pauses_the_channel(world: World, hook: Receiver) -> None:
    services.keep_channel("webhook", "webhook", {"url": hook.url, "secret": "short"}, by="ann", now=START)
    queue([world.request(world.person("ann"), channels=("webhook",))])
    assert (send("webhook"), states(), hook.calls) == (0, ["queued"], [])
    assert "24 to 64 bytes" in SendingChannel.objects.get(channel="webhook").pause_reason


def test_a_mail_servers_name_is_asked_once_and_the_checked_address_connected_to(
    world: World, sink: _Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved, real = [], socket.getaddrinfo

    def rebinding(host: Any, *given: Any, **more: Any) -> Any:
        if host != "mail.shop.example":
            return real(host, *given, **more)
        resolved.append(host)
        # Checked it is one that is permitted; asked again it would be another.
        return real("127.0.0.1" if len(resolved) == 1 else "169.254.169.254", *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    kept = SendingChannel.objects.get(channel="email").settings
    services.keep_channel("email", "smtp", {**kept, "host": "mail.shop.example"}, by="ann", now=START)
    queue([world.request(world.person("ann"))])
    assert (send(), len(sink.mails), resolved) == (1, 1, ["mail.shop.example"])
    queue([world.request(world.id_of("ann"), step="later")])
    assert (send(), len(sink.mails)) == (0, 1)
    assert "refused" in SendingChannel.objects.get(channel="email").pause_reason
