"""Mail to the owners of segments whose review is due: one a person, again after a week."""

import logging
import smtplib
from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from common.models import User
from segments import selectors, services
from segments.contracts import SegmentView

log = logging.getLogger(__name__)


def remind_of_reviews(*, now: datetime) -> int:
    """Send what is due; answers how many people were reminded. Without a mail server nobody is.

    Owners are addresses, or names of people who sign in. A mail that was not taken is tried again by the next turn.
    """
    if not settings.EMAIL_HOST:
        return 0
    due: dict[str, list[SegmentView]] = defaultdict(list)
    for segment in selectors.reviews_to_remind(now.date()):
        address = _address(segment.owner)
        if address:
            due[address].append(segment)
    sent = 0
    for address, segments in due.items():
        try:
            _message(address, segments).send()
        except (OSError, smtplib.SMTPException) as error:
            log.warning("a reminder could not be sent (%s)", type(error).__name__)
            continue
        services.note_reminded(segment_ids=[one.id for one in segments], today=now.date())
        sent += 1
    return sent


def _address(owner: str) -> str:
    if "@" in owner:
        return owner.strip()
    found = User.objects.filter(name__iexact=owner.strip(), is_active=True).values_list("email", flat=True)
    return found[0] if len(found) == 1 else ""


def _message(address: str, segments: list[SegmentView]) -> EmailMessage:
    one = len(segments) == 1
    lines = [f"- {segment.name}, due on {segment.review_on}: {_link(segment)}" for segment in segments]
    body = (
        f"The review of {'a segment' if one else f'{len(segments)} segments'} that you own is due:\n\n"
        + "\n".join(lines)
        + "\n\nLook whether the rule still says what it should, and set the next date on its page.\n"
    )
    subject = f"Review due: {segments[0].name}" if one else f"{len(segments)} reviews are due"
    return EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address], connection=get_connection())


def _link(segment: SegmentView) -> str:
    return f"{settings.PUBLIC_URL}/segments/{segment.id}/edit/" if settings.PUBLIC_URL else f"segment {segment.slug}"
