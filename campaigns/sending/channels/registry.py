"""Every provider, by its slug."""

from collections.abc import Mapping

from campaigns.sending.channels import mail, phone, push, webhook
from campaigns.sending.channels.kit import Provider

PROVIDERS: Mapping[str, Provider] = {
    one.slug: one for one in (*mail.PROVIDERS, *phone.PROVIDERS, *push.PROVIDERS, *webhook.PROVIDERS)
}


def providers_of(channel: str) -> list[Provider]:
    """The providers that can send by a channel."""
    return [one for one in PROVIDERS.values() if channel in one.channels]
