"""What people choose by the links in their messages: recorded as consents with evidence, without a log-in.

A link stands for one message to one address. Whoever has it may say no for that address, and see what can be chosen;
of the person the page shows the address alone, and that masked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from campaigns.sending.contracts import GroupView
from campaigns.sending.deciding import subscribed
from campaigns.sending.models import Send, SubscriptionGroup
from campaigns.sending.telling import Told, tell
from campaigns.sending.tokens import read_token
from common import clock
from common.masking import mask
from identity import selectors as identity
from identity import services as identities
from identity.contracts import ConsentIn, ConsentMeans, consented
from identity.services import After


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody can choose: groups with whether they are in them, by the channel of the message."""

    send_id: int
    address: str
    channel: str
    groups: Sequence[tuple[GroupView, bool]]
    purpose: str
    consents: bool


def preferences(token: str, use: str) -> Preferences | None:
    """What the page of a link shows; None for a link that is none of ours, or of somebody who was erased."""
    row = _row(token, use)
    key = identity.identifiers_named([row.identifier_id]).get(row.identifier_id) if row else None
    if row is None or key is None:
        return None
    profile = identity.profile_view(row.identifier_id)
    traits = profile.traits if profile else {}
    groups = [
        (view, subscribed(traits, view, row.channel))
        for one in SubscriptionGroup.objects.filter(channels__contains=[row.channel]).order_by("name")
        if (view := _view(one))
    ]
    address = mask(key.kind, key.value) if row.channel in ("email", "sms", "whatsapp") else ""
    said = bool(row.purpose) and consented(traits, row.purpose, row.channel)
    return Preferences(row.pk, address, row.channel, groups, row.purpose, said)


def _view(one: SubscriptionGroup) -> GroupView:
    return GroupView(one.key, one.name, one.description, tuple(one.channels), one.opt_out)


def _row(token: str, use: str) -> Send | None:
    send_id = read_token(token, use)
    return Send.objects.filter(pk=send_id).first() if send_id is not None else None


def leave(token: str, *, now: datetime, after: After) -> bool:
    """One click: nothing more of what the message was about, by its channel. Repeats change nothing."""
    row = _row(token, "leave")
    purpose = (row.group or row.purpose) if row else ""
    if row is None or not purpose:
        return False
    return _record(row, {purpose: False}, "One click in a message", now=now, after=after)


def choose(
    token: str, *, chosen: Collection[str], everything_off: bool, now: datetime, after: After
) -> bool:  # fmt: skip
    """Keep what was ticked on the page; what stayed as it was is not said again."""
    found, row = preferences(token, "choose"), _row(token, "choose")
    if found is None or row is None:
        return False
    wanted = {group.key: group.key in chosen and not everything_off for group, _ in found.groups}
    changed = {group.key: wanted[group.key] for group, before in found.groups if wanted[group.key] != before}
    if everything_off and row.purpose:
        changed[row.purpose] = False
    return _record(row, changed, "Preference centre", now=now, after=after) if changed else True


@transaction.atomic
def _record(row: Send, said: Mapping[str, bool], evidence: str, *, now: datetime, after: After) -> bool:
    key = identity.identifiers_named([row.identifier_id]).get(row.identifier_id)
    if key is None:
        return False
    words = [
        ConsentIn(0, 0, purpose, row.channel, granted, clock.micros(now), ConsentMeans.FORM, None, "",
                  f"{evidence}, message {row.pk}", "the person")
        for purpose, granted in said.items()
    ]  # fmt: skip
    identities.record_consents(row.identifier_id, words, now=now, after=after)
    refused = [purpose for purpose, granted in said.items() if not granted]
    tell([
        Told("unsubscribed", row.pk, str(row.key), key, row.channel, {"purpose": one, "origin": row.origin}, one)
        for one in refused
    ], now=now)  # fmt: skip
    return True


@transaction.atomic
def note_opened(token: str, *, now: datetime) -> bool:
    """A pixel was asked for: the event, once a message."""
    row = _row(token, "open")
    return row is not None and note_happened(row, "opened", {}, "", now=now)


@transaction.atomic
def note_clicked(send_id: int, url: str, *, now: datetime) -> bool:
    """A link was followed: the event, once a link and message."""
    row = Send.objects.filter(pk=send_id).first()
    return row is not None and note_happened(row, "clicked", {"link_url": url}, url, now=now)


def note_happened(row: Send, what: str, more: Mapping[str, object], once: str, *, now: datetime) -> bool:
    """Tell what happened to a send; False for somebody who was erased."""
    key = identity.identifiers_named([row.identifier_id]).get(row.identifier_id)
    if key is None:
        return False
    tell([Told(what, row.pk, str(row.key), key, row.channel, {**about(row), **more}, once)], now=now)
    return True


def about(row: Send) -> dict[str, object]:
    """What every event of a send says."""
    return {
        "origin": row.origin, "origin_version": row.version, "instance": row.instance, "step": row.step,
        "template_id": row.template_id, "template_version": row.template_version,
    }  # fmt: skip
