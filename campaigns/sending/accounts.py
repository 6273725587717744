"""Setting channels up: provider, settings, secrets (encrypted), pause and resume."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.messages.contracts import CHANNELS
from campaigns.sending.channels.kit import Account, Misconfigured, Provider
from campaigns.sending.channels.push import new_vapid_key
from campaigns.sending.channels.registry import PROVIDERS
from campaigns.sending.models import SendingChannel
from campaigns.sending.pacing import FASTEST, SLOWEST
from campaigns.sending.policies import InvalidPolicy
from common import audit, crypto
from common.http import AddressRefused, checked_url
from connectors.contracts import Field


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel that is set up. `secrets` are the names of those that are there; none is ever shown."""

    channel: str
    provider: str
    label: str
    settings: Mapping[str, Any]
    secrets: tuple[str, ...]
    paused: bool
    pause_reason: str
    rest_until: datetime | None
    per_second: float | None
    changed_by: str
    changed_at: datetime


def channel_views() -> list[ChannelView]:
    """The channels that are set up, in the usual order."""
    rows = {row.channel: row for row in SendingChannel.objects.all()}
    return [_view(rows[channel]) for channel in CHANNELS if channel in rows]


def vapid_public() -> str:
    """The key with which browsers subscribe; empty while web push is not set up."""
    row = SendingChannel.objects.filter(channel="webpush").first()
    return str(row.settings.get("vapid_public", "")) if row else ""


def _view(row: SendingChannel) -> ChannelView:
    known = PROVIDERS.get(row.provider)
    held = tuple(sorted(json.loads(crypto.decrypt(row.secrets)))) if row.secrets else ()
    return ChannelView(
        row.channel, row.provider, known.label if known else row.provider, row.settings, held, row.paused,
        row.pause_reason, row.rest_until, row.per_second, row.changed_by, row.changed_at,
    )  # fmt: skip


def account_of(row: SendingChannel) -> tuple[Provider, Account]:
    """The provider and its account, with secrets in clear. Raises Misconfigured."""
    provider = PROVIDERS.get(row.provider)
    if provider is None:
        raise Misconfigured(f"There is no provider {row.provider!r}. Set the channel up again.")
    try:
        hidden = json.loads(crypto.decrypt(row.secrets)) if row.secrets else {}
    except crypto.CannotDecrypt as error:
        raise Misconfigured(str(error)) from error
    return provider, Account(row.settings, hidden)


@transaction.atomic
def keep_channel(
    channel: str, provider: str, values: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui",
    per_second: float | None = None,
) -> ChannelView:  # fmt: skip
    """Set a channel up, or change it; an empty secret leaves the one there is. Of no `per_second` there is no limit.

    Raises InvalidPolicy.
    """
    known = PROVIDERS.get(provider)
    if known is None or channel not in known.channels:
        raise InvalidPolicy({"/provider": "Choose a provider that can send by this channel."})
    row = SendingChannel.objects.select_for_update().filter(channel=channel).first()
    same = row is not None and row.provider == provider
    hidden = json.loads(crypto.decrypt(row.secrets)) if row and same and row.secrets else {}
    settings, problems = {}, _pace_problem(per_second)
    for name, asked in known.settings.items():
        given = values.get(name)
        text = "" if given is None else str(given).strip()
        if asked.secret:
            hidden |= {name: text} if text else {}
            text = hidden.get(name, "")
        if problem := _problem(asked, text):
            problems[f"/settings/{name}"] = problem
        elif not asked.secret and text:
            settings[name] = int(text) if asked.type == "integer" else text
    if problems:
        raise InvalidPolicy(problems)
    _add_vapid(channel, row if same else None, settings, hidden)
    row = row or SendingChannel(channel=channel)
    row.provider, row.settings, row.secrets = provider, settings, crypto.encrypt(json.dumps(hidden)) if hidden else ""
    row.paused, row.pause_reason, row.rest_until, row.changed_by, row.changed_at = False, "", None, by, now
    row.per_second = per_second
    row.save()
    audit.record(
        actor=by, via=via, action="sending.channel", object_type="sending_channel", object_id=channel, at=now,
        summary=f"Set up {channel} by {known.label}", after={"provider": provider, "per_second": per_second},
    )  # fmt: skip
    return _view(row)


def _add_vapid(channel: str, row: SendingChannel | None, settings: dict[str, Any], hidden: dict[str, str]) -> None:
    """Browsers subscribe with the public key: another one would end every subscription, so it stays for good."""
    if channel != "webpush":
        return
    if row is not None and hidden.get("vapid_private"):
        settings["vapid_public"] = row.settings["vapid_public"]
    else:
        hidden["vapid_private"], settings["vapid_public"] = new_vapid_key()


def _pace_problem(per_second: float | None) -> dict[str, str]:
    # NaN is neither more nor less than anything.
    if per_second is None or SLOWEST <= per_second <= FASTEST:
        return {}
    return {"/per_second": f"Give {SLOWEST:g} to {FASTEST:,.0f} messages a second, or nothing for no limit."}


def _problem(asked: Field, text: str) -> str:
    if not text:
        return "Fill this in." if asked.required else ""
    if asked.type == "integer" and not (text.isdecimal() and 0 < int(text) < 65_536):
        return "Give a number from 1 to 65535."
    if asked.type == "choice" and text not in {value for value, _ in asked.choices}:
        return "Choose one of the list."
    if asked.type == "url":
        try:
            checked_url(text)
        except AddressRefused as error:
            return str(error)
    return "" if text.isprintable() or asked.type == "text" else "It holds a line break."


@transaction.atomic
def switch_channel(channel: str, *, paused: bool, by: str, now: datetime, via: str = "ui") -> ChannelView:
    """Pause a channel (what is queued waits) or let it go on. Raises InvalidPolicy for one that is not set up."""
    row = SendingChannel.objects.select_for_update().filter(channel=channel).first()
    if row is None:
        raise InvalidPolicy({"/channel": "This channel is not set up."})
    row.paused, row.pause_reason, row.rest_until = paused, f"by {by}" if paused else "", None
    row.save(update_fields=["paused", "pause_reason", "rest_until"])
    audit.record(
        actor=by, via=via, action="sending.pause" if paused else "sending.resume", object_type="sending_channel",
        object_id=channel, at=now, summary=f"{'Paused' if paused else 'Resumed'} {channel}",
    )  # fmt: skip
    return _view(row)
