"""What Twilio tells of a message after it took it: delivered, failed, and numbers that are dead.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status and
https://www.twilio.com/docs/usage/security#validating-requests. The address that is called names the send, so that a
call that comes before the ledger knows the provider's id is matched too.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from campaigns.sending import accounts
from campaigns.sending.channels.kit import Misconfigured
from campaigns.sending.models import Send, SendingChannel, SuppressedContact
from campaigns.sending.preferring import note_happened
from campaigns.sending.tokens import read_token, status_url

# Unknown number, landline, no mobile number, not on WhatsApp. 30003 may pass: the handset may be switched off.
_DEAD = frozenset({"30005", "30006", "21211", "21614", "63024"})
_STOPPED = "21610"
_FAILED = ("failed", "undelivered")


class UnsignedStatus(Exception):
    """The call is not signed with the channel's auth token."""


def twilio_signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Base64 of HMAC-SHA1 over the address and the sorted parameters, as X-Twilio-Signature carries it."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@transaction.atomic
def take_status(token: str, form: Mapping[str, str], signature: str, *, now: datetime) -> bool | None:
    """Whether something was told; None for a send that is not known. Raises UnsignedStatus."""
    send_id = read_token(token, "status")
    row = Send.objects.filter(pk=send_id).first() if send_id is not None else None
    if row is None or send_id is None:
        return None
    secret = _secret(row.channel)
    expected = twilio_signature(secret, status_url(send_id), form)
    if not secret or not hmac.compare_digest(expected.encode(), signature.encode()):
        raise UnsignedStatus("The call is not signed with the channel's auth token.")
    if row.provider_id and row.provider_id != form.get("MessageSid"):
        return None
    status, code = form.get("MessageStatus", ""), form.get("ErrorCode", "")
    if status == "delivered":
        return note_happened(row, "delivered", {}, "", now=now)
    if status not in _FAILED:
        return False
    if code in _DEAD or code == _STOPPED:
        SuppressedContact.objects.get_or_create(contact=row.contact, defaults={
            "channel": row.channel, "reason": "unsubscribed" if code == _STOPPED else "bounced", "by": "provider",
            "at": now,
        })  # fmt: skip
    what = "unsubscribed" if code == _STOPPED else "bounced" if code in _DEAD else "failed"
    return note_happened(row, what, {"reason": f"Twilio: {status} {code}".strip()}, "", now=now)


def _secret(channel: str) -> str:
    found = SendingChannel.objects.filter(channel=channel, provider="twilio").first()
    if found is None:
        return ""
    try:
        return accounts.account_of(found)[1].secrets.get("auth_token", "")
    except Misconfigured:
        return ""
