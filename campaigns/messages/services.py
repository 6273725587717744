"""Making templates, giving them other words, and saying which words are sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from campaigns.messages.checking import read_contents, try_out
from campaigns.messages.contracts import InvalidTemplate, MessageClass, Rendered, TemplateView, VersionView
from campaigns.messages.models import Template, TemplateVersion
from campaigns.messages.rendering import expect_way_out, render_message
from campaigns.messages.selectors import channels_of, version_view, view
from common import audit

_PREVIEW_LINKS = {
    "unsubscribe_url": "https://example.org/unsubscribe", "preferences_url": "https://example.org/preferences",
}  # fmt: skip


@transaction.atomic
def create_template(
    *, name: str, message_class: MessageClass, contents: Any, by: str, now: datetime, language: str = "en",
    group: str = "", slug: str = "", defaults: Mapping[str, Any] | None = None, via: str = "ui",
) -> TemplateView:  # fmt: skip
    """A template with its first version, which is not sent before it is published. Raises InvalidTemplate."""
    wanted = slug or slugify(name)[:80]
    if not name.strip():
        raise InvalidTemplate({"/name": "Give it a name."})
    if message_class not in ("marketing", "transactional"):
        raise InvalidTemplate({"/message_class": "Choose marketing or transactional."})
    if not wanted or Template.objects.filter(slug=wanted).exists():
        raise InvalidTemplate({"/name": "There is a template of this name. Choose another."})
    _expect_group(group)
    row = Template.objects.create(
        slug=wanted, name=name.strip(), message_class=message_class, group=group, created_by=by, created_at=now,
        changed_at=now,
    )  # fmt: skip
    _add_version(row, contents, language, defaults or {}, note="", by=by, now=now)
    _note(row, "create", "Made the template", by=by, now=now, via=via)
    return view(row, channels_of([row])[row.pk])


@transaction.atomic
def add_version(
    template_id: int, *, contents: Any, language: str, by: str, now: datetime,
    defaults: Mapping[str, Any] | None = None, note: str = "", via: str = "ui",
) -> VersionView:  # fmt: skip
    """Other words, as the next version; what is sent stays as it is until it is published. Raises InvalidTemplate."""
    row = Template.objects.select_for_update().get(pk=template_id)
    made = _add_version(row, contents, language, defaults or {}, note=note, by=by, now=now)
    _note(row, "version", f"Wrote version {made.number} of", by=by, now=now, via=via)
    return version_view(made)


def _add_version(
    row: Template, contents: Any, language: str, defaults: Mapping[str, Any], *, note: str, by: str, now: datetime
) -> TemplateVersion:
    if not isinstance(defaults, Mapping) or not all(isinstance(key, str) for key in defaults):
        raise InvalidTemplate({"/defaults": "Give an object: variables by name."})
    read = read_contents(contents, language)
    if row.message_class == "marketing" and (problems := expect_way_out(read)):
        raise InvalidTemplate(problems)
    try_out(read, language, defaults)
    row.newest, row.changed_at = row.newest + 1, now
    row.save(update_fields=["newest", "changed_at"])
    return TemplateVersion.objects.create(
        template=row, number=row.newest, contents=read, language=language, defaults=dict(defaults), note=note[:200],
        created_by=by, created_at=now,
    )  # fmt: skip


@transaction.atomic
def publish_template(
    template_id: int, number: int, *, by: str, now: datetime, via: str = "ui"
) -> TemplateView:  # fmt: skip
    """From now on this version is sent; what is queued keeps its own. An older one may be taken again."""
    row = Template.objects.select_for_update().get(pk=template_id)
    if not TemplateVersion.objects.filter(template=row, number=number).exists():
        raise InvalidTemplate({"/number": "There is no such version."})
    row.live, row.changed_at, row.archived_at = number, now, None
    row.save(update_fields=["live", "changed_at", "archived_at"])
    _note(row, "publish", f"Published version {number} of", by=by, now=now, via=via)
    return view(row, channels_of([row])[row.pk])


@transaction.atomic
def archive_template(template_id: int, *, by: str, now: datetime, via: str = "ui") -> TemplateView:
    """Nothing more is asked for with it; what is queued still goes out."""
    row = Template.objects.select_for_update().get(pk=template_id)
    row.archived_at = now
    row.save(update_fields=["archived_at"])
    _note(row, "archive", "Archived the template", by=by, now=now, via=via)
    return view(row, channels_of([row])[row.pk])


def preview(
    contents: Any, channel: str, *, language: str, traits: Mapping[str, Any], variables: Mapping[str, Any],
    defaults: Mapping[str, Any], links: Mapping[str, str] | None = None,
) -> Rendered:  # fmt: skip
    """What somebody would get. Raises InvalidTemplate, CannotRender."""
    read = read_contents(contents, language)
    return render_message(
        read, channel, fallback=language, traits=traits, variables=variables, defaults=defaults,
        links=links or _PREVIEW_LINKS,
    )  # fmt: skip


def _expect_group(group: str) -> None:
    from campaigns.sending.models import SubscriptionGroup

    if group and not SubscriptionGroup.objects.filter(key=group).exists():
        raise InvalidTemplate({"/group": "There is no such subscription group."})


def _note(row: Template, action: str, words: str, *, by: str, now: datetime, via: str) -> None:
    audit.record(
        actor=by, via=via, action=f"template.{action}", object_type="template", object_id=row.pk, at=now,
        summary=f"{words} {row.name}", after={"live": row.live, "newest": row.newest},
    )  # fmt: skip
