"""The shapes of sending. No Django, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from campaigns.messages.contracts import MessageClass

# `queued` waits for its time, `claimed` is with a worker, `handing` is being handed over, `sent` was taken by the
# provider, `unknown` may have been taken, `failed` was given up, `skipped` was decided against, a person `cancelled`.
State = Literal["queued", "claimed", "handing", "sent", "unknown", "failed", "skipped", "cancelled"]

# Why a send is skipped or put off.
REASONS: Mapping[str, str] = {
    "no_profile": "There is no such person.",
    "no_template": "The template does not exist, has no live version, or was archived.",
    "no_channel": "The template has nothing for this channel, or the channel is not set up.",
    "no_contact_point": "Nothing is known by which the person can be reached.",
    "suppressed": "The address bounced, complained, or must not be used.",
    "no_consent": "The person did not consent to the purpose.",
    "unsubscribed": "The person is not subscribed to this group.",
    "holdout": "The person is in the holdout: nothing of marketing is sent.",
    "frequency_cap": "As much was sent as the caps allow.",
    "quiet_hours": "The person's quiet hours; it waits until they are over.",
    "too_late": "The time until which it made sense was over.",
    "duplicate": "The person, or the address, had this step of this origin before.",
}


class NotPossible(ValueError):
    """What is asked cannot be done; the message says why."""


class StepKey(NamedTuple):
    """What is sent once: one step of one instance of what sends. `instance` tells runs apart (a journey's entry, a
    broadcast's occasion); it is the same for everybody or not, as the sender likes."""

    origin: str
    version: int
    instance: str
    step: str


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message to one person.

    `origin` is who sends, such as `campaign:3` or `api`. `channels` are tried in order until one reaches the person.
    `purpose` is the consent that is needed; marketing must name one. Of higher `priority` goes first, and yields to no
    cap that lower ones filled but did not use yet. It is not sent before `not_before` nor after `send_by`.
    """

    origin: str
    version: int
    instance: str
    step: str
    profile_id: int
    template_id: int
    channels: tuple[str, ...]
    message_class: MessageClass
    purpose: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    not_before: datetime | None = None
    send_by: datetime | None = None

    @property
    def key(self) -> StepKey:
        return StepKey(self.origin, self.version, self.instance, self.step)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. `existing`: the same was asked before, and this is what became of it then.

    A `queued` one with the reason `quiet_hours` waits for `due_at`, the end of them."""

    send_id: int
    state: State
    channel: str
    reason: str
    due_at: datetime | None
    existing: bool = False


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` messages to a person in any `hours` hours; of one channel and class, or (empty) of all."""

    channel: str
    message_class: str
    most: int
    hours: int


@dataclass(frozen=True, slots=True)
class GroupView:
    """A subscription group. Its key is the purpose under which choices are recorded; with `opt_out` people are in it
    until they say no, else only when they said yes."""

    key: str
    name: str
    description: str
    channels: tuple[str, ...]
    opt_out: bool


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What holds for all sends: quiet hours in minutes of the day (equal: none), zone of whoever has none, holdout in
    percent, caps, and whether opens and clicks are measured."""

    quiet_from: int
    quiet_until: int
    zone: str
    holdout: int
    caps: tuple[Cap, ...]
    track_opens: bool
    track_clicks: bool


@dataclass(frozen=True, slots=True)
class SendView:
    """A row of the ledger."""

    id: int
    key: StepKey
    identifier_id: int
    channel: str
    template_id: int
    template_version: int
    message_class: str
    purpose: str
    state: State
    reason: str
    requested_at: datetime
    due_at: datetime | None
    handed_at: datetime | None
    settled_at: datetime | None
    attempts: int
    provider_id: str
    error: str
