"""Notes on the time line: a campaign began, a model was switched on, or what a person wants to be remembered."""

import zoneinfo
from datetime import date, datetime, time, timedelta

from django.db import transaction

from common import audit
from insights.kpis.contracts import ANNOTATION_KINDS, AnnotationView, BadKpi
from insights.kpis.models import Annotation
from insights.settings import setting

_LONGEST = 300


@transaction.atomic
def annotate(
    *, at: datetime, kind: str, text: str, by: str, now: datetime, link: str = "", key: str | None = None,
    via: str = "ui",
) -> AnnotationView:  # fmt: skip
    """Put something on the time line of the charts. Other apps tell what they did, with a `key` of their own
    ("campaign:17:started"): telling it again answers with the row that is there. Raises BadKpi.

    `text` is shown to everybody who works here: no personal data. `link` is an address of this product.
    """
    text = " ".join(text.split())
    if kind not in ANNOTATION_KINDS:
        raise BadKpi(f"kind: choose one of {', '.join(ANNOTATION_KINDS)}.")
    if not text or len(text) > _LONGEST:
        raise BadKpi(f"text: say what happened, in at most {_LONGEST} letters.")
    if link and (not link.startswith("/") or link.startswith("//") or len(link) > _LONGEST):
        raise BadKpi("link: an address of this product, beginning with /.")
    if at > now + timedelta(days=366):
        raise BadKpi("at: choose a time that is at most a year ahead.")
    if key is not None and (there := Annotation.objects.filter(key=key).first()) is not None:
        return annotation_view(there)
    told = {"at": at, "kind": kind, "text": text, "link": link, "made_by": by, "made_at": now}
    if key is None:
        row = Annotation.objects.create(**told)
        audit.record(
            actor=by, via=via, action="insights.annotated", object_type="annotation", object_id=row.pk, at=now,
            summary="Put a note on the time line", after={"at": at.isoformat(), "kind": kind, "text": text},
        )  # fmt: skip
    else:
        # Whoever told it with a key has written down what it did itself.
        row, _ = Annotation.objects.get_or_create(key=key, defaults=told)
    return annotation_view(row)


@transaction.atomic
def remove_annotation(*, annotation_id: int, by: str, now: datetime, via: str = "ui") -> None:
    """Take a note off the time line. Raises BadKpi when it is not there, or when the product told it."""
    row = Annotation.objects.select_for_update().filter(pk=annotation_id).first()
    if row is None:
        raise BadKpi("There is no such note.")
    if row.key is not None:
        raise BadKpi("The product told this of itself, so it stays.")
    audit.record(
        actor=by, via=via, action="insights.annotation_removed", object_type="annotation", object_id=row.pk, at=now,
        summary="Took a note off the time line", before={"at": row.at.isoformat(), "text": row.text}, after=None,
    )  # fmt: skip
    row.delete()


def annotations(*, since: datetime | None = None, until: datetime | None = None, limit: int = 500) -> list[
    AnnotationView
]:  # fmt: skip
    """What is on the time line from an instant until another (exclusive), the newest first."""
    rows = Annotation.objects.order_by("-at", "-pk")
    rows = rows.filter(at__gte=since) if since else rows
    rows = rows.filter(at__lt=until) if until else rows
    return [annotation_view(row) for row in rows[:limit]]


def annotation_view(row: Annotation) -> AnnotationView:
    """The contract of one row."""
    return AnnotationView(row.pk, row.at, row.kind, row.text, row.link, row.made_by)


def noon_of(day: date) -> datetime:
    """Noon of a day by the clocks of the workspace: where a note of a day stands."""
    return datetime.combine(day, time(12), zoneinfo.ZoneInfo(setting().orders.zone))
