"""The providers whose calls are understood, by anymail's normalised tracking events.

anymail checks the signatures of those that sign and reads their payloads; its signals are not used.
https://anymail.dev/en/stable/sending/tracking/
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anymail.exceptions import AnymailError, AnymailWarning, AnymailWebhookValidationFailure
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailersend import MailerSendTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.postal import PostalTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from django.http import HttpRequest


class Unsigned(Exception):
    """The call does not carry the provider's signature."""


class Unreadable(Exception):
    """The call is none of this provider's."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `key` is anymail's name of the secret with which it signs; without one the address is secret."""

    label: str
    view: Any
    key: str = ""
    key_label: str = ""
    required: bool = False


PROVIDERS: Mapping[str, Provider] = {
    "brevo": Provider("Brevo", BrevoTrackingWebhookView),
    "mailersend": Provider("MailerSend", MailerSendTrackingWebhookView, "signing_secret", "Signing secret",
                           required=True),
    "mailgun": Provider("Mailgun", MailgunTrackingWebhookView, "webhook_signing_key", "HTTP webhook signing key",
                        required=True),
    "mailjet": Provider("Mailjet", MailjetTrackingWebhookView),
    "postal": Provider("Postal", PostalTrackingWebhookView, "webhook_key", "Public key (base64)", required=True),
    "postmark": Provider("Postmark", PostmarkTrackingWebhookView),
    "sendgrid": Provider("SendGrid", SendGridTrackingWebhookView, "tracking_webhook_verification_key",
                         "Verification key of the signed event webhook"),
    "sparkpost": Provider("SparkPost", SparkPostTrackingWebhookView),
}  # fmt: skip


def read_call(provider: Provider, secret: str, request: HttpRequest) -> list[Any]:
    """The tracking events of a call (`anymail.signals.AnymailTrackingEvent`). Raises Unsigned or Unreadable."""
    given = {provider.key: secret} if provider.key and secret else {}
    try:
        with warnings.catch_warnings():
            # Without a password of its own, the write key in the address is what keeps strangers out.
            warnings.simplefilter("ignore", AnymailWarning)
            view = provider.view(**given)
        view.run_validators(request)
    except AnymailWebhookValidationFailure as failure:
        raise Unsigned("The signature is missing or wrong.") from failure
    except (AnymailError, ValueError, TypeError) as error:
        raise Unsigned("The key of the provider cannot be used. Enter it again.") from error
    try:
        return list(view.parse_events(request))
    except Exception as error:
        # Whatever a stranger may send: the readers index into it.
        raise Unreadable(f"This is no call of {provider.label} ({type(error).__name__}).") from error
