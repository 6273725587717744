"""Making and changing sources."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from common import audit, clock
from connectors.sources.contracts import SourceView
from connectors.sources.models import Source
from connectors.sources.selectors import source, view


class UnknownKind(ValueError):
    """A source kind that does not exist was asked for."""


@transaction.atomic
def create_source(*, name: str, kind: str, by: str, via: str = "ui", now: datetime | None = None) -> SourceView:
    """Make a source with a fresh write key. Raises UnknownKind with the list of kinds."""
    if kind not in Source.Kind.values:
        raise UnknownKind(f"No source kind {kind!r}. Choose from: {', '.join(Source.Kind.values)}.")
    made = Source.objects.create(
        name=name.strip() or kind,
        slug=_free_slug(name),
        kind=kind,
        write_key=secrets.token_urlsafe(24).replace("-", "A").replace("_", "B"),
        created_at=now or clock.now(),
        created_by=by,
    )
    audit.record(
        actor=by, action="source.created", object_type="source", object_id=made.pk, via=via,
        summary=f"Created the {kind} source “{made.name}”",
    )  # fmt: skip
    return view(made)


@transaction.atomic
def set_enabled(*, source_id: int, enabled: bool, by: str, via: str = "ui") -> SourceView:
    """Let a source in or keep it out; a source that is kept out gets 401."""
    Source.objects.filter(pk=source_id).update(enabled=enabled)
    audit.record(
        actor=by, action="source.enabled" if enabled else "source.disabled", object_type="source",
        object_id=source_id, via=via, summary="Enabled the source" if enabled else "Disabled the source",
    )  # fmt: skip
    changed = source(source_id)
    if changed is None:
        raise Source.DoesNotExist(f"There is no source {source_id}.")
    return changed


@transaction.atomic
def rotate_write_key(*, source_id: int, by: str, via: str = "ui") -> SourceView:
    """Give the source a new write key; the old one stops working within seconds."""
    row = Source.objects.select_for_update().get(pk=source_id)
    row.write_key = secrets.token_urlsafe(24).replace("-", "A").replace("_", "B")
    row.save(update_fields=["write_key"])
    audit.record(
        actor=by, action="source.key_rotated", object_type="source", object_id=source_id, via=via,
        summary=f"Rotated the write key of “{row.name}”",
    )  # fmt: skip
    return view(row)


def _free_slug(name: str) -> str:
    base = slugify(name)[:100] or "source"
    taken = set(Source.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 100_000))) if slug not in taken)
