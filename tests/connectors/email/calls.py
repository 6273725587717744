"""Calls as the providers' pages show them, with values of our own."""

import hashlib
import hmac
import json
from typing import Any

AT = 1_780_000_000

SENDGRID = [
    {"email": "ana@example.com", "timestamp": AT, "event": "delivered", "sg_event_id": "ev-1", "sg_message_id": "m1.f",
     "smtp-id": "<s1@example.com>", "category": ["welcome"], "response": "250 OK"},
    {"email": "ana@example.com", "timestamp": AT + 5, "event": "open", "sg_event_id": "ev-2", "sg_message_id": "m1.f",
     "smtp-id": "<s1@example.com>", "useragent": "Mozilla/5.0", "ip": "192.0.2.1", "sg_machine_open": True},
    {"email": "ana@example.com", "timestamp": AT + 9, "event": "click", "sg_event_id": "ev-3", "sg_message_id": "m1.f",
     "smtp-id": "<s1@example.com>", "url": "https://shop.example/sale", "useragent": "Mozilla/5.0 (X11; Linux)"},
    {"email": "ben@example.com", "timestamp": AT, "event": "bounce", "type": "bounce", "sg_event_id": "ev-4",
     "sg_message_id": "m2.f", "smtp-id": "<s2@example.com>", "reason": "550 no such user", "status": "5.1.1"},
    {"email": "kim@example.com", "timestamp": AT, "event": "spamreport", "sg_event_id": "ev-5",
     "sg_message_id": "m3.f", "smtp-id": "<s3@example.com>"},
]  # fmt: skip

POSTMARK = {
    "RecordType": "Open", "FirstOpen": True, "Client": {"Name": "Mail", "Company": "x", "Family": "x"},
    "OS": {"Name": "x", "Company": "x", "Family": "x"}, "Platform": "Desktop",
    "UserAgent": "Mozilla/5.0 (Macintosh) Mail", "Geo": {}, "MessageID": "pm-1", "MessageStream": "outbound",
    "ReceivedAt": "2026-05-28T20:26:40.000Z", "Tag": "welcome", "Recipient": "ana@example.com", "Metadata": {"k": "v"},
}  # fmt: skip

SPARKPOST = [{"msys": {"message_event": {
    "type": "delivery", "event_id": "sp-1", "rcpt_to": "ana@example.com", "raw_rcpt_to": "Ana@example.com",
    "timestamp": str(AT), "transmission_id": "t-1", "message_id": "sm-1", "rcpt_meta": {}, "rcpt_tags": ["welcome"],
}}}]  # fmt: skip

BREVO = {
    "event": "unsubscribed", "email": "ana@example.com", "id": 26224, "date": "2026-05-28 20:26:40", "ts": AT,
    "message-id": "<bm-1@example.com>", "ts_event": AT, "subject": "Hello", "tag": '["welcome"]',
    "ts_epoch": AT * 1000, "tags": ["welcome"],
}  # fmt: skip

MAILJET = [{
    "event": "open", "time": AT, "MessageID": 19421777396190490, "Message_GUID": "g-1", "email": "ana@example.com",
    "mj_campaign_id": 7, "mj_contact_id": 4, "customcampaign": "", "ip": "192.0.2.1", "geo": "DE",
    "agent": "Mozilla/5.0 (X11)", "CustomID": "", "Payload": "",
}]  # fmt: skip


def mailgun(key: str, *, event: str = "opened", **more: Any) -> bytes:
    """A signed call (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks)."""
    stamp, token = str(AT), "t" * 50
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    data = {
        "event": event, "id": "mg-1", "timestamp": AT + 0.5, "recipient": "ana@example.com", "log-level": "info",
        "message": {"headers": {"message-id": "mm-1@example.com"}}, "tags": ["welcome"], "user-variables": {},
        "client-info": {"user-agent": "Mozilla/5.0 (X11)", "bot": ""}, **more,
    }  # fmt: skip
    block = {"timestamp": stamp, "token": token, "signature": signature}
    return json.dumps({"signature": block, "event-data": data}).encode()
