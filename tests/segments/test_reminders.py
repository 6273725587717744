"""Owners are reminded of reviews that are due, once a week, through a real mail server."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from cdp.reminders import remind_of_reviews
from common.models import User
from segments import services

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RULE = {"trait": "plan", "is": "exists"}


class Sink:
    """Keeps what comes; refuses everything while `closed`."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.closed = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.closed:
            return "451 Try again later"
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    made = Sink()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(made, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_TLS, settings.PUBLIC_URL = False, "https://cdp.example.com"
    yield made
    server.stop()


def segment(name: str, owner: str, days: int) -> int:
    made = services.create_segment(
        slug=name.lower(), name=name, rule=RULE, by="ann", now=NOW, owner=owner,
        review_on=(NOW + timedelta(days=days)).date(),
    )  # fmt: skip
    return made.id


def test_each_owner_gets_one_mail_with_links(sink: Sink) -> None:
    first = segment("Vips", "ann@example.com", -1)
    segment("Loyal", "ann@example.com", 0)
    segment("Later", "ann@example.com", 1)
    segment("Other", "ben@example.com", -9)
    segment("Nobody", "", -9)
    assert remind_of_reviews(now=NOW) == 2
    mails = {to[0]: text for to, text in sink.mails}
    assert set(mails) == {"ann@example.com", "ben@example.com"}
    assert "Subject: 2 reviews are due" in mails["ann@example.com"]
    assert f"https://cdp.example.com/segments/{first}/edit/" in mails["ann@example.com"]
    assert "Later" not in mails["ann@example.com"]


def test_a_reminder_comes_again_after_a_week_and_after_a_new_date(sink: Sink) -> None:
    made = segment("Vips", "ann@example.com", -1)
    assert [remind_of_reviews(now=NOW + timedelta(days=days)) for days in (0, 1, 6, 7, 8)] == [1, 0, 0, 1, 0]
    services.change_details(segment_id=made, now=NOW, review_on=(NOW + timedelta(days=30)).date())
    assert [remind_of_reviews(now=NOW + timedelta(days=days)) for days in (20, 30, 31)] == [0, 1, 0]


def test_a_mail_that_was_not_taken_is_tried_again(sink: Sink) -> None:
    segment("Vips", "ann@example.com", -1)
    sink.closed = True
    assert remind_of_reviews(now=NOW) == 0
    sink.closed = False
    assert remind_of_reviews(now=NOW) == 1


def test_an_owner_may_be_the_name_of_somebody_who_signs_in(sink: Sink) -> None:
    User.objects.create(email="lea@example.com", name="Lea Berg")
    segment("Vips", "lea berg", -1)
    segment("Team", "the whole team", -1)
    assert remind_of_reviews(now=NOW) == 1
    assert sink.mails[0][0] == ["lea@example.com"]


def test_without_a_mail_server_nobody_is_reminded_and_nothing_is_noted(sink: Sink, settings: Any) -> None:
    segment("Vips", "ann@example.com", -1)
    settings.EMAIL_HOST, host = "", settings.EMAIL_HOST
    assert remind_of_reviews(now=NOW) == 0
    settings.EMAIL_HOST = host
    assert remind_of_reviews(now=NOW) == 1
