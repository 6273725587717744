"""From rows to contracts."""

from segments.contracts import PublicationView, SegmentView, VersionView
from segments.models import Publication, Segment, SegmentVersion, Size
from segments.parsing import parse_rule
from segments.source import write
from segments.wording import describe


def segment_view(segment: Segment, size: int | None = None) -> SegmentView:
    """A segment as other apps see it; its size is read when it is not given."""
    rule = parse_rule(segment.rule)
    if size is None:
        size = Size.objects.filter(pk=segment.pk).values_list("members", flat=True).first() or 0
    return SegmentView(
        id=segment.pk,
        slug=segment.slug,
        name=segment.name,
        description=segment.description,
        owner=segment.owner,
        review_on=segment.review_on,
        rule=segment.rule,
        rule_text=write(rule),
        wording=describe(rule),
        version=segment.version,
        size=size,
        created_at=segment.created_at,
        changed_at=segment.changed_at,
        archived_at=segment.archived_at,
        refreshed_at=segment.refreshed_at,
        tags=tuple(segment.tags),
    )


def version_view(row: SegmentVersion) -> VersionView:
    """One version of a rule."""
    rule = parse_rule(row.rule)
    return VersionView(
        version=row.version,
        rule=row.rule,
        rule_text=write(rule),
        wording=describe(rule),
        diff=row.diff,
        by=row.by,
        note=row.note,
        at=row.at,
    )


def publication_view(row: Publication) -> PublicationView:
    """A publication as other apps see it."""
    return PublicationView(
        id=row.pk,
        segment_id=row.segment_id,
        slug=row.slug,
        name=str(row.details.get("name") or row.slug),
        state=row.state,
        error=row.error,
        job_id=row.job_id,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        finished_at=row.finished_at,
    )
