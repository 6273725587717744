"""People and machines are told of alerts and reports: together, once, and never twice, whatever breaks or is killed."""

import asyncio
import email
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from common.models import AuditEntry, User
from connectors import services as connectors
from connectors.selectors import source_names
from quality import selectors, services
from quality.contracts import BadRecipient, NoSuchDigest
from quality.figures.models import DayFill, QualityAlert
from quality.services import Wish
from tests.connectors.killing import kill_worker
from tests.connectors.receiver import Receiver, Reply, receiving
from tests.quality.test_figures import played

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
MINUTE = timedelta(minutes=1)
_WORK = """
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", {port}, False
settings.EMAIL_TIMEOUT = 3600
from quality import services as quality
from datetime import datetime
quality.tell(now=datetime.fromisoformat("{now}"), sign=services.sign_webhook, names={{}})
"""


class Sink:
    """A mail server that keeps what comes. It answers DATA with `verdict`, after `wait` seconds; `greet` seconds before
    EHLO is answered."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Any]] = []
        self.verdict, self.wait, self.greet, self.greeted = "250 OK", 0.0, 0.0, 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:  # fmt: skip
        self.greeted += 1
        session.host_name = hostname
        await asyncio.sleep(self.greet)
        return responses

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.verdict.startswith("250"):
            self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=policy.default)))
        await asyncio.sleep(self.wait)
        return self.verdict

    def texts(self) -> list[str]:
        return [message.get_content() for _, message in self.mails]


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    made = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(made, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 120
    settings.EMAIL_USE_TLS, settings.PUBLIC_URL = False, "https://cdp.example.com"
    yield made
    server.stop()


@pytest.fixture
def ann(transactional_db: None) -> User:
    return User.objects.create(email="ann@example.com", name="Ann")


def keep(**wish: Any) -> int:
    return services.keep_mail(email="ann@example.com", wish=Wish(**wish), by="ann", now=NOW)


def tell(now: datetime = NOW) -> int:
    return services.tell(now=now, sign=connectors.sign_webhook, names=source_names())


def silent(source: int, *names: str) -> None:
    """Events that came every day until three days ago, beside one that still comes."""
    for name in names:
        played(source, name, {back: 500 for back in range(3, 20)})
    played(source, "Alive", {back: 5 for back in range(20)})


def test_all_alerts_of_an_interval_are_one_mail_with_links_and_no_address_in_it(
    sink: Sink, ann: User, source: int
) -> None:
    keep()
    silent(source, "Joined", "Left", "Mail of bo@example.org")
    assert (services.check_quality(now=NOW), tell(), tell()) == (3, 1, 0)
    ((to, message),) = sink.mails
    text = message.get_content()
    assert (to, message["Subject"]) == (["ann@example.com"], "3 new alerts over data quality")
    assert "- No event for too long: Joined, Shop (since 4 March 2026, 12:00 UTC)" in text
    assert f"https://cdp.example.com/data/quality/?event=Joined&source={source}" in text
    assert "bo@example.org" not in text
    assert "b•••@example.org" in text
    assert message.get_content_type() == "text/plain"
    assert selectors.digests()[0].state == "sent"


def test_what_comes_within_the_interval_waits_for_it_and_what_passed_is_told_as_resolved(
    sink: Sink, ann: User, source: int
) -> None:
    keep(every_minutes=15)
    silent(source, "Joined")
    services.check_quality(now=NOW)
    tell()
    played(source, "Joined", {0: 5})
    services.check_quality(now=NOW + MINUTE)
    assert [tell(NOW + n * MINUTE) for n in (1, 14)] == [0, 0]
    assert tell(NOW + 16 * MINUTE) == 1
    assert sink.mails[1][1]["Subject"] == "1 alert over data quality resolved"
    assert "Resolved:" in sink.texts()[1]
    assert "New alerts:" not in sink.texts()[1]


def test_what_was_acknowledged_and_passes_is_told_once(sink: Sink, ann: User, source: int) -> None:
    keep(every_minutes=5)
    silent(source, "Joined")
    services.check_quality(now=NOW)
    tell()
    services.acknowledge_alert(alert_id=selectors.alerts()[0].id, by="ben", now=NOW)
    played(source, "Joined", {0: 5})
    for n in (10, 20, 30):
        services.check_quality(now=NOW + n * MINUTE)
        tell(NOW + n * MINUTE)
    assert [message["Subject"] for _, message in sink.mails] == [
        "1 new alert over data quality", "1 alert over data quality resolved",
    ]  # fmt: skip


def test_each_hears_of_the_kinds_and_sources_that_they_chose(sink: Sink, ann: User, source: int) -> None:
    other = connectors.create_source(name="App", kind="mobile", by="ann").id
    User.objects.create(email="ben@example.com")
    keep(source_ids=[other])
    services.keep_mail(email="ben@example.com", wish=Wish(kinds=["volume_drop"]), by="ben", now=NOW)
    silent(source, "Joined")
    services.check_quality(now=NOW)
    assert tell() == 0
    keep(kinds=["not_fresh"])
    silent(other, "Bought")
    services.check_quality(now=NOW)
    assert (tell(), [to for to, _ in sink.mails]) == (1, [["ann@example.com"]])
    assert "Bought, App" in sink.texts()[0]
    assert "Joined" not in sink.texts()[0]


def test_a_source_of_which_nothing_comes_is_one_alert(source: int) -> None:
    for name in ("Joined", "Left", "Bought"):
        played(source, name, {back: 500 for back in range(3, 20)})
    services.check_quality(now=NOW)
    (one,) = selectors.alerts()
    assert (one.kind, one.event) == ("source_silent", "")
    assert one.told.startswith("None of its 3 regular events came any more.")
    played(source, "Left", {0: 5})
    services.check_quality(now=NOW)
    assert {(one.kind, one.event) for one in selectors.alerts()} == {("not_fresh", "Joined"), ("not_fresh", "Bought")}


def test_properties_that_are_emptied_are_one_alert_an_event(source: int) -> None:
    played(source, "Bought", {back: 1000 for back in range(15)})
    for back in range(15):
        day = NOW.date() - timedelta(days=back)
        for path, count in (("", 100), ("/total", 99 if back else 10), ("/coupon", 20), ("/size", 60 if back else 55)):
            DayFill.objects.create(day=day, source_id=source, name="Bought", path=path, count=count)
    services.check_quality(now=NOW)
    (one,) = selectors.alerts()
    assert (one.kind, one.event) == ("less_filled", "Bought")
    assert "/total 10% instead of 99%" in one.told
    assert "/size" not in one.told


def test_owners_get_the_months_report_once_and_others_only_if_they_asked(sink: Sink, ann: User, source: int) -> None:
    ben = User.objects.create(email="ben@example.com")
    keep(alerts=False, reports="own")
    services.keep_mail(email=ben.email, wish=Wish(alerts=False, reports="all"), by="ben", now=NOW)
    for name, owner in (("Bought", "Ann"), ("Seen", "cleo")):
        services.decide_event(
            name=name, status="accepted", schema={}, owner=owner, by="ann", now=NOW - 10 * 1440 * MINUTE
        )
    played(source, "Bought", {10: 80}, faulty={10: 8})
    services.write_reports(now=NOW)
    services.write_reports(now=NOW)
    assert (tell(), tell(NOW + 60 * MINUTE)) == (2, 0)
    texts = {to[0]: message.get_content() for to, message in sink.mails}
    assert "February 2026, Ann: 1 planned events, 80 came, 90.0% valid" in texts["ann@example.com"]
    assert "https://cdp.example.com/data/reports/?month=2026-02" in texts["ann@example.com"]
    assert "cleo" not in texts["ann@example.com"]
    assert "cleo" in texts["ben@example.com"]


@pytest.mark.parametrize(
    ("verdict", "state"), [("451 Try again later", "waiting"), ("554 No", "failed")], ids=["for now", "for good"]
)
def test_what_the_mail_server_refuses_is_shown_and_tried_again_if_that_may_help(
    sink: Sink, ann: User, source: int, verdict: str, state: str
) -> None:
    keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    sink.verdict = verdict
    assert tell() == 0
    (one,) = selectors.digests()
    assert (one.state, one.problem) == (state, f"The mail server refuses this mail ({verdict[:3]}).")
    sink.verdict = "250 OK"
    assert tell() == 0
    if state == "failed":
        services.send_again(digest_id=one.id, by="ann", now=NOW)
    assert tell(NOW + MINUTE) == 1
    assert AuditEntry.objects.filter(action="notices.sent_again").exists() == (state == "failed")


def test_a_mail_server_that_is_away_costs_nothing_but_time(sink: Sink, ann: User, source: int, settings: Any) -> None:
    keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
    assert tell() == 0
    assert "cannot be reached" in selectors.digests()[0].problem
    settings.EMAIL_PORT = port
    assert (tell(NOW + MINUTE), len(sink.mails)) == (1, 1)


def test_a_mail_of_which_it_is_not_known_is_not_sent_again_by_itself(
    sink: Sink, ann: User, source: int, settings: Any
) -> None:
    keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    # The server has the mail, and its answer is not waited for. Where the machine stands still before that, the next
    # try comes to it.
    settings.EMAIL_TIMEOUT, sink.wait = 3, 3600
    tries = 0
    while not sink.mails and tries < 20:
        assert tell(NOW + 10 * tries * MINUTE) == 0
        tries += 1
    settings.EMAIL_TIMEOUT, sink.wait = 120, 0
    assert selectors.digests()[0].state == "unknown"
    assert (tell(NOW + 600 * MINUTE), len(sink.mails)) == (0, 1)


def test_without_a_mail_server_nothing_is_made_and_nothing_piles_up(
    sink: Sink, ann: User, source: int, settings: Any
) -> None:
    keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    settings.EMAIL_HOST, host = "", settings.EMAIL_HOST
    assert (tell(), selectors.digests(), selectors.recipients()[0].waiting) == (0, [], 1)
    tell(NOW + timedelta(days=8))
    assert selectors.recipients()[0].waiting == 0
    settings.EMAIL_HOST = host
    assert tell(NOW + timedelta(days=8)) == 0


def test_a_worker_that_is_killed_while_it_hands_a_mail_over_sends_it_no_second_time(
    sink: Sink, ann: User, source: int, settings: Any
) -> None:
    keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    sink.wait = 3600
    kill_worker(_WORK.format(port=settings.EMAIL_PORT, now=NOW.isoformat()), when=lambda: len(sink.mails) == 1)
    sink.wait = 0
    later = NOW + 10 * MINUTE
    assert (tell(), tell(later), len(sink.mails)) == (0, 0, 1)
    (one,) = selectors.digests()
    assert (one.state, "may have gone out or not" in one.problem) == ("unknown", True)
    services.send_again(digest_id=one.id, by="ann", now=later)
    assert (tell(later), len(sink.mails)) == (1, 2)


def test_a_worker_that_is_killed_before_it_hands_over_loses_no_mail(
    sink: Sink, ann: User, source: int, settings: Any
) -> None:
    keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    sink.greet = 3600
    kill_worker(_WORK.format(port=settings.EMAIL_PORT, now=NOW.isoformat()), when=lambda: sink.greeted > 0)
    sink.greet = 0
    assert tell() == 0
    assert (tell(NOW + 10 * MINUTE), len(sink.mails)) == (1, 1)


def hooked(receiver: Receiver) -> str:
    secret = connectors.new_webhook_secret()
    services.keep_alert_webhook(name="Pager", url=receiver.url, wish=Wish(), secret=secret, by="ann", now=NOW)
    return secret


def test_an_address_is_called_with_a_signature_and_repeats_are_known_by_their_id(source: int, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiving(lambda call, before: Reply(503) if before == 0 else Reply()) as receiver:
        secret = hooked(receiver)
        silent(source, "Joined")
        services.check_quality(now=NOW)
        assert [tell(NOW + n * MINUTE) for n in (0, 0, 1, 2)] == [0, 0, 1, 0]
        first, second = receiver.calls
        assert (first.message_id, first.body) == (second.message_id, second.body)
        signed = connectors.sign_webhook(
            [secret], message_id=second.message_id, timestamp=int((NOW + MINUTE).timestamp()), body=second.body
        )
        assert signed.items() <= second.headers.items()
        told = second.event
        assert (told["type"], told["data"]["raised"][0]["event"]) == ("quality.digest", "Joined")


def test_a_call_that_was_cut_off_by_a_kill_is_made_again_with_the_same_id(source: int, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiving(lambda call, before: Reply(wait=3600 if before == 0 else 0)) as receiver:
        hooked(receiver)
        silent(source, "Joined")
        services.check_quality(now=NOW)
        kill_worker(_WORK.format(port=1, now=NOW.isoformat()), when=lambda: len(receiver.calls) == 1)
        assert tell(NOW + 10 * MINUTE) == 1
        assert len({call.message_id for call in receiver.calls}) == 1


def test_a_private_address_is_not_called(source: int) -> None:
    with receiving() as receiver:
        hooked(receiver)
        silent(source, "Joined")
        services.check_quality(now=NOW)
        assert (tell(), receiver.calls, selectors.digests()[0].state) == (0, [], "failed")


def test_what_cannot_be_kept_is_refused_with_a_mend(ann: User) -> None:
    for wish in (Wish(kinds=["odd"]), Wish(reports="some"), Wish(every_minutes=7), Wish(alerts=False)):
        with pytest.raises(BadRecipient):
            services.keep_mail(email=ann.email, wish=wish, by="ann", now=NOW)
    with pytest.raises(BadRecipient, match="nobody who signs in"):
        services.keep_mail(email="x@example.com", wish=Wish(), by="ann", now=NOW)
    with pytest.raises(BadRecipient, match="url: "):
        services.keep_alert_webhook(name="P", url="ftp://x", wish=Wish(), secret="s", by="ann", now=NOW)
    with pytest.raises(NoSuchDigest):
        services.send_again(digest_id=5, by="ann", now=NOW)


def test_who_signs_in_no_more_gets_no_mail_and_who_is_taken_off_leaves_nothing(
    sink: Sink, ann: User, source: int
) -> None:
    made = keep()
    silent(source, "Joined")
    services.check_quality(now=NOW)
    User.objects.update(is_active=False)
    assert (tell(), selectors.digests()[0].state) == (0, "failed")
    assert services.drop_recipient(recipient_id=made, by="cleo", now=NOW)
    assert (selectors.digests(), selectors.recipients(), QualityAlert.objects.count()) == ([], [], 1)
    assert not services.drop_recipient(recipient_id=made, by="cleo", now=NOW)
