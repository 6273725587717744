"""Making and changing sources."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction
from django.utils.text import slugify

from common import audit, clock
from connectors.sources.contracts import InvalidHandling, IpKept, Robots, SourceView
from connectors.sources.models import Source
from connectors.sources.selectors import source, view

_CLIENT_SIDE = (Source.Kind.WEB, Source.Kind.MOBILE)
_MOST_ORIGINS = 50


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
        # What comes straight from people's devices is completed, and robots among them are told apart.
        fill_in=kind in _CLIENT_SIDE,
        robots=Robots.FLAG if kind in _CLIENT_SIDE else Robots.ALLOW,
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
def keep_handling(
    *, source_id: int, ip_kept: str, fill_in: bool, robots: str, origins: Sequence[str] = (), by: str, via: str = "ui"
) -> SourceView:
    """How items of a source are handled on their way in, from the next batch on. Raises InvalidHandling."""
    row = Source.objects.select_for_update().get(pk=source_id)
    if ip_kept not in set(IpKept):
        raise InvalidHandling("ip_kept", f"Choose one of {', '.join(IpKept)}.")
    if robots not in set(Robots):
        raise InvalidHandling("robots", f"Choose one of {', '.join(Robots)}.")
    wanted = {"ip_kept": ip_kept, "fill_in": fill_in, "robots": robots, "origins": _origins(origins)}
    before = {name: getattr(row, name) for name in wanted}
    if wanted != before:
        for name, value in wanted.items():
            setattr(row, name, value)
        row.save(update_fields=list(wanted))
        audit.record(
            actor=by, action="source.handled", object_type="source", object_id=source_id, via=via,
            summary=f"Changed how items of “{row.name}” are handled", before=before, after=wanted,
        )  # fmt: skip
    return view(row)


def _origins(given: Sequence[str]) -> list[str]:
    """Origins as browsers send them (RFC 6454): scheme, host, and a port that is not the usual one."""
    kept: list[str] = []
    for text in given:
        try:
            parts = urlsplit(text.strip().lower().rstrip("/"))
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
            raise InvalidHandling("origins", f"{text.strip()[:100]!r} is no origin. Write https://www.example.com.")
        usual = {"http": 80, "https": 443}[parts.scheme]
        kept.append(f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port and port != usual else ""))
    if len(kept) > _MOST_ORIGINS:
        raise InvalidHandling("origins", f"At most {_MOST_ORIGINS} origins.")
    return list(dict.fromkeys(kept))


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
