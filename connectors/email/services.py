"""Setting a provider up, and taking its calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import zstandard
from django.db import transaction
from django.http import HttpRequest

from common import audit, crypto, pg
from connectors.destinations.contracts import InvalidSettings
from connectors.email.events import items, messages_of
from connectors.email.models import EmailHook
from connectors.email.providers import PROVIDERS, Unreadable, Unsigned, read_call
from connectors.sources import wire
from connectors.sources.identity import usable
from connectors.sources.selectors import source_by_key
from events import services as events
from events.contracts import Refusal

__all__ = ["HookView", "Taken", "Unreadable", "Unsigned", "email_hook", "keep_email_hook", "take_email_call"]


@dataclass(frozen=True, slots=True)
class Taken:
    """How many items a call held; and of which messages it told: by the marks with which they were sent (our metadata,
    or their Message-ID), the provider's own ids of them."""

    items: int
    messages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HookView:
    """The provider of a source; `has_secret` says whether a key is set."""

    provider: str
    label: str
    has_secret: bool
    last_called_at: datetime | None
    problem: str


@transaction.atomic
def keep_email_hook(*, source_id: int, provider: str, secret: str, by: str, now: datetime) -> HookView:
    """Say which provider calls; an empty secret leaves the one there is. Raises InvalidSettings."""
    known = PROVIDERS.get(provider)
    row = EmailHook.objects.select_for_update().filter(source_id=source_id).first()
    if known is None:
        raise InvalidSettings([f"provider: choose one of {', '.join(PROVIDERS)}."])
    kept = row.secret if row and row.provider == provider else ""
    if known.required and not secret and not kept:
        raise InvalidSettings([f"secret: {known.label} signs its calls; give its key ({known.key_label})."])
    row = row or EmailHook(source_id=source_id, created_by=by, created_at=now)
    row.provider, row.secret, row.problem = provider, crypto.encrypt(secret) if secret else kept, ""
    row.save()
    audit.record(
        actor=by, action="email_hook.kept", object_type="source", object_id=source_id, at=now,
        summary=f"Takes calls of {known.label}", after={"provider": provider},
    )  # fmt: skip
    return _view(row)


def email_hook(source_id: int) -> HookView | None:
    """The provider of a source, or None."""
    row = EmailHook.objects.filter(source_id=source_id).first()
    return _view(row) if row else None


def take_email_call(*, write_key: str, request: HttpRequest, now: datetime) -> Taken | None:
    """Keep the events of one call durably; None when there is no such address.

    Raises Unsigned or Unreadable, and notes it on the source.
    """
    source = source_by_key(write_key)
    row = EmailHook.objects.filter(source_id=source.id).first() if source and source.enabled else None
    if source is None or row is None:
        return None
    try:
        found = read_call(PROVIDERS[row.provider], crypto.decrypt(row.secret) if row.secret else "", request)
    except (Unsigned, Unreadable) as problem:
        EmailHook.objects.filter(pk=row.pk).update(problem=str(problem), last_called_at=now)
        raise
    judged = [(raw, wire.judge(raw, usable=usable)) for event in found for raw in items(row.provider, event)]
    accepted = [verdict[1] for _, verdict in judged if not isinstance(verdict, Refusal)]
    with transaction.atomic():
        events.quarantine(pg.raw(), [
            events.Setback(source.id, verdict.reason, verdict.detail, "", raw)
            for raw, verdict in judged if isinstance(verdict, Refusal)
        ], stage="accept", received_at=now)  # fmt: skip
        if accepted:
            events.store(
                pg.raw(), source_id=source.id, document=b'{"batch":[' + b",".join(accepted) + b"]}",
                events=len(accepted), client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
        EmailHook.objects.filter(pk=row.pk).update(problem="", last_called_at=now)
    return Taken(len(accepted), messages_of(found))


def _view(row: EmailHook) -> HookView:
    return HookView(
        provider=row.provider, label=PROVIDERS[row.provider].label, has_secret=bool(row.secret),
        last_called_at=row.last_called_at, problem=row.problem,
    )  # fmt: skip
