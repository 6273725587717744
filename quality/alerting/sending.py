"""Handing digests over: claimed with a lease, noted before the hand-over, settled after it.

A mail cannot be taken back, and no server tells a repeat from a second mail. So its hand-over is noted first; who finds
the note of a worker that was killed does not send again, and the page says that it is not known. A call is repeated
with the same `webhook-id` (Standard Webhooks), by which a receiver knows it again.
"""

import logging
import smtplib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F

from common import clock, crypto
from common.http import AddressRefused, AllowList, Http, HttpProblem
from common.models import User
from quality.alerting.composing import compose
from quality.alerting.models import AlertDigest, AlertRecipient
from quality.alerting.wording import subject_of, text_of

log = logging.getLogger(__name__)
Sign = Callable[..., Mapping[str, str]]
_State = AlertDigest.State
_LEASE = timedelta(minutes=3)
# A turn claims nothing more after so long; what it has claimed ends within the lease.
_TURN_SECONDS = 60.0
# From half a minute to an hour apart: about a day in all.
_MOST_TRIES, _LONGEST = 30, 3600


class _Result(NamedTuple):
    state: str
    problem: str = ""


def tell(*, now: datetime, sign: Sign, names: Mapping[int, str]) -> int:
    """Make the digests that are due and hand over those that wait; answers how many went out. Safe to run twice or side
    by side. `sign` makes the headers of a signed call; `names` are those of sources."""
    compose(now=now, mail=bool(settings.EMAIL_HOST), names=names)
    _give_up(now=now)
    begun, sent = time.monotonic(), 0
    while time.monotonic() - begun < _TURN_SECONDS:
        digest = _claim(now=now + timedelta(seconds=time.monotonic() - begun))
        if digest is None:
            break
        by_mail = digest.recipient.way == AlertRecipient.Way.MAIL
        result = _mail(digest, now=now) if by_mail else _call(digest, now=now, sign=sign)
        _settle(digest, result, now=now)
        sent += result.state == _State.SENT
    return sent


@transaction.atomic
def _claim(*, now: datetime) -> AlertDigest | None:
    due = AlertDigest.objects.filter(state__in=(_State.WAITING, _State.SENDING), due_at__lte=now)
    if not settings.EMAIL_HOST:
        due = due.filter(recipient__way=AlertRecipient.Way.WEBHOOK)
    due = due.select_for_update(skip_locked=True, of=("self",)).select_related("recipient")
    row = due.order_by("due_at", "pk").first()
    if row is not None:
        row.state, row.tries, row.due_at = _State.SENDING, row.tries + 1, now + _LEASE
        row.save(update_fields=["state", "tries", "due_at"])
    return row


def _give_up(*, now: datetime) -> None:
    """Mails whose worker died after it had noted the hand-over."""
    AlertDigest.objects.filter(state=_State.SENDING, due_at__lte=now, handed_at__isnull=False).update(
        state=_State.UNKNOWN, problem="The worker ended while it handed this mail over: it may have gone out or not."
    )


def _mail(digest: AlertDigest, *, now: datetime) -> _Result:
    person = User.objects.filter(pk__in=[digest.recipient.user_id], is_active=True).first()
    if person is None:
        return _Result(_State.FAILED, "This person does not sign in any more.")
    connection = get_connection()
    try:
        _greet(connection)
    except (smtplib.SMTPException, OSError) as error:
        return _Result(_State.WAITING, f"The mail server cannot be reached ({type(error).__name__}).")
    try:
        message = _message(digest, person.email, connection)
        if not _note_hand_over(digest, now=now):
            return _Result(_State.UNKNOWN, "Another worker took this digest over meanwhile.")
        message.send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        # The server refused: it did not go out.
        code = _code(error)
        again = code < 500 or isinstance(error, smtplib.SMTPAuthenticationError)
        return _Result(_State.WAITING if again else _State.FAILED, f"The mail server refuses this mail ({code}).")
    except (smtplib.SMTPException, OSError) as error:
        return _Result(_State.UNKNOWN, f"The mail server gave no answer ({type(error).__name__}): the mail may have"
                                       " gone out or not.")  # fmt: skip
    finally:
        _close(connection)
    return _Result(_State.SENT)


def _message(digest: AlertDigest, address: str, connection: Any) -> EmailMessage:
    sender = settings.DEFAULT_FROM_EMAIL
    domain = sender.rpartition("@")[2].strip("<> ") or "localhost"
    # RFC 3834: no holiday notes come back.
    headers = {"Message-ID": f"<quality-{digest.pk}@{domain}>", "Auto-Submitted": "auto-generated"}
    text = text_of(digest.content, site=settings.PUBLIC_URL)
    return EmailMessage(subject_of(digest.content), text, sender, [address], headers=headers, connection=connection)


def _greet(connection: Any) -> None:
    """Connect, and have the server answer: whatever fails up to here has surely sent nothing."""
    connection.open()
    inner = getattr(connection, "connection", None)
    if isinstance(inner, smtplib.SMTP):
        inner.ehlo_or_helo_if_needed()


def _close(connection: Any) -> None:
    try:
        connection.close()
    except (smtplib.SMTPException, OSError):
        log.info("the mail server closed the connection first")


def _code(error: smtplib.SMTPException) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return int(next(iter(error.recipients.values()))[0])
    return int(getattr(error, "smtp_code", 0))


def _note_hand_over(digest: AlertDigest, *, now: datetime) -> bool:
    """Whether the digest is still ours; from here on it is never sent again by itself."""
    ours = AlertDigest.objects.filter(pk=digest.pk, state=_State.SENDING, tries=digest.tries)
    return bool(ours.update(handed_at=now))


def _call(digest: AlertDigest, *, now: datetime, sign: Sign) -> _Result:
    body = orjson.dumps(
        {"type": "quality.digest", "timestamp": clock.iso(digest.made_at), "data": digest.content},
        option=orjson.OPT_SORT_KEYS,
    )
    try:
        signed = sign(
            [crypto.decrypt(digest.recipient.secret)], message_id=f"quality_{digest.pk}",
            timestamp=int(now.timestamp()), body=body,
        )  # fmt: skip
        with Http(allow=AllowList.of(settings.OUTBOUND_ALLOW)) as http:
            answer = http.post(
                digest.recipient.url, content=body, headers={"content-type": "application/json", **signed}
            )
    except AddressRefused as refused:
        return _Result(_State.FAILED, str(refused))
    except (HttpProblem, crypto.CannotDecrypt) as problem:
        return _Result(_State.WAITING, str(problem))
    if 200 <= answer.status < 300:
        return _Result(_State.SENT)
    again = answer.status in (408, 423, 429) or answer.status >= 500
    return _Result(_State.WAITING if again else _State.FAILED, f"The address answered {answer.status}.")


def _settle(digest: AlertDigest, result: _Result, *, now: datetime) -> None:
    state, problem = result
    if state == _State.WAITING and digest.tries >= _MOST_TRIES:
        state, problem = _State.FAILED, f"{problem} It was tried {digest.tries} times."
    if state != _State.SENT:
        log.warning("a digest of alerts was not sent: %s", problem)
    AlertDigest.objects.filter(pk=digest.pk, tries=digest.tries).update(
        state=state, problem=problem, sent_at=now if state == _State.SENT else None,
        due_at=now + timedelta(seconds=min(30 * 2 ** min(digest.tries - 1, 10), _LONGEST)),
        # What was refused did not go out.
        handed_at=None if state in (_State.WAITING, _State.FAILED) else F("handed_at"),
    )  # fmt: skip
