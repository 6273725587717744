"""The shapes of templates. No Django, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Channel = Literal["email", "sms", "whatsapp", "webpush", "mobilepush", "webhook", "inapp"]
CHANNELS: tuple[Channel, ...] = ("email", "sms", "whatsapp", "webpush", "mobilepush", "webhook", "inapp")
MessageClass = Literal["marketing", "transactional"]

# What a channel's content is made of; the first ones named in `REQUIRED` must be there.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "email": ("subject", "preheader", "body", "text"),
    "sms": ("body",),
    "whatsapp": ("body", "template", "parameters"),
    "webpush": ("title", "body", "url"),
    "mobilepush": ("title", "body", "url"),
    "webhook": ("body",),
    "inapp": ("title", "body", "url"),
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "email": ("subject", "body"), "sms": ("body",), "whatsapp": (), "webpush": ("title",), "mobilepush": ("title",),
    "webhook": ("body",), "inapp": ("title",),
}  # fmt: skip

# Texts by channel, language and field.
Contents = Mapping[str, Mapping[str, Mapping[str, str]]]


class InvalidTemplate(ValueError):
    """What is wrong with a template, by JSON pointer."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems.items()))
        self.problems = dict(problems)


class CannotRender(ValueError):
    """A template that does not become a message: what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template as other apps see it. `live` is the number of the version that is sent; 0 while none is.

    `group` is the key of the subscription group whose members get it; empty for none."""

    id: int
    slug: str
    name: str
    message_class: MessageClass
    group: str
    channels: tuple[str, ...]
    live: int
    newest: int
    archived: bool
    created_by: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version; it is never changed. `defaults` stand in for variables that a send leaves out."""

    template_id: int
    number: int
    contents: Contents
    language: str
    defaults: Mapping[str, Any]
    note: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a person gets: the fields of the channel, in which language, and what was missing."""

    channel: str
    language: str
    fields: Mapping[str, str]
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
