"""SMS and WhatsApp, by Twilio's and Vonage's HTTP APIs. Neither knows a repeat by a key.

Twilio: https://www.twilio.com/docs/messaging/api/message-resource and its error codes.
Vonage: https://developer.vonage.com/en/api/messages (version 1).
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

from campaigns.sending.channels.kit import (
    Account,
    BadContact,
    Hand,
    HandingError,
    Letter,
    Misconfigured,
    Outside,
    Provider,
    call,
    read,
    refusal,
)
from common.http import Answer
from connectors.contracts import Field

_CHANNELS = ("sms", "whatsapp")
_GATEWAY = Field(label="Address", type="url", default="", help="Only for a gateway of yours.")
_SIGNED = "Of your account's API settings. With it, what became of a message is known."
# No such number, no mobile, not on WhatsApp.
_TWILIO_DEAD = frozenset({21211, 21214, 21217, 21614, 63003, 63024})
# Answered STOP.
_TWILIO_STOPPED = 21610


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def _twilio(account: Account, outside: Outside) -> Iterator[Hand]:
    sid = str(account.settings["account_sid"])
    base = str(account.settings.get("url") or "") or "https://api.twilio.com"
    headers = {"authorization": _basic(sid, account.secrets.get("auth_token", ""))}

    def hand(letter: Letter) -> str:
        answer = call(
            outside, f"{base}/2010-04-01/Accounts/{sid}/Messages.json", form=_twilio_form(letter, account),
            headers=headers,
        )  # fmt: skip
        if answer.status not in (200, 201):
            raise _twilio_problem(answer, outside)
        return str(read(answer, "sid") or "")

    yield hand


def _twilio_form(letter: Letter, account: Account) -> dict[str, str]:
    prefix = "whatsapp:" if letter.channel == "whatsapp" else ""
    sender = str(account.settings["sender"])
    form = {"To": prefix + letter.address}
    # A messaging service chooses the number itself.
    form |= {"MessagingServiceSid": sender} if sender.startswith("MG") else {"From": prefix + sender}
    form |= {"StatusCallback": letter.status_url} if letter.status_url else {}
    if letter.fields.get("template"):
        values = {str(n + 1): one for n, one in enumerate(_parameters(letter))}
        return form | {"ContentSid": letter.fields["template"], "ContentVariables": json.dumps(values)}
    return form | {"Body": letter.fields["body"]}


def _parameters(letter: Letter) -> list[str]:
    """A template's parameters, one a line."""
    return [line.strip() for line in letter.fields.get("parameters", "").splitlines() if line.strip()]


def _twilio_problem(answer: Answer, outside: Outside) -> HandingError:
    code = read(answer, "code")
    if code == _TWILIO_STOPPED:
        return BadContact("Whoever has this number answered STOP (21610).", reason="unsubscribed")
    if code in _TWILIO_DEAD:
        return BadContact(f"There is nobody to reach at this number ({code}).")
    return refusal(answer, "Twilio", outside.now(), str(code) if isinstance(code, int) else "")


@contextmanager
def _vonage(account: Account, outside: Outside) -> Iterator[Hand]:
    base = str(account.settings.get("url") or "") or "https://api.nexmo.com"
    headers = {"authorization": _basic(str(account.settings["api_key"]), account.secrets.get("api_secret", ""))}

    def hand(letter: Letter) -> str:
        answer = call(outside, f"{base}/v1/messages", json=_vonage_message(letter, account), headers=headers)
        if answer.status not in (200, 202):
            raise _vonage_problem(answer, outside)
        return str(read(answer, "message_uuid") or "")

    yield hand


def _vonage_message(letter: Letter, account: Account) -> dict[str, object]:
    message: dict[str, object] = {
        "channel": letter.channel, "to": letter.address.lstrip("+"), "client_ref": letter.key,
        "from": str(account.settings["sender"]).lstrip("+"),
    }  # fmt: skip
    # What is told to this address counts only with a signature, so without the secret it is not asked for.
    if letter.status_url and account.secrets.get("signature_secret"):
        message |= {"webhook_url": letter.status_url, "webhook_version": "v1"}
    if letter.fields.get("template"):
        return message | {
            "message_type": "template",
            "template": {"name": letter.fields["template"], "parameters": _parameters(letter)},
            "whatsapp": {"policy": "deterministic", "locale": letter.language.replace("-", "_")},
        }
    return message | {"message_type": "text", "text": letter.fields["body"]}


def _vonage_problem(answer: Answer, outside: Outside) -> HandingError:
    """RFC 7807 documents: `invalid_parameters` name the field."""
    if answer.status == 402:
        return Misconfigured("Vonage answered 402: the account's balance is too low.")
    wrong = read(answer, "invalid_parameters")
    names = {str(one.get("name", "")) for one in wrong if isinstance(one, dict)} if isinstance(wrong, list) else set()
    if answer.status == 422 and "to" in names:
        return BadContact("There is nobody to reach at this number (422).")
    return refusal(answer, "Vonage", outside.now(), ", ".join(sorted(names))[:60])


PROVIDERS = (
    Provider("twilio", "Twilio", _CHANNELS, {
        "account_sid": Field(label="Account SID", required=True),
        "auth_token": Field(label="Auth token", required=True, secret=True),
        "sender": Field(label="From", required=True, help="A number, a sender's name, or a messaging service (MG…)."),
        "url": _GATEWAY,
    }, _twilio),
    Provider("vonage", "Vonage", _CHANNELS, {
        "api_key": Field(label="API key", required=True),
        "api_secret": Field(label="API secret", required=True, secret=True),
        "signature_secret": Field(label="Signature secret", secret=True, help=_SIGNED),
        "sender": Field(label="From", required=True, help="A number, or a sender's name."),
        "url": _GATEWAY,
    }, _vonage),
)  # fmt: skip
