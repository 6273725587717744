"""Rules that workers publish."""

from segments.contracts import PublicationView
from segments.models import Publication
from segments.views import publication_view


def publication(publication_id: int) -> PublicationView | None:
    """One of them, whatever became of it."""
    row = Publication.objects.filter(pk=publication_id).first()
    return publication_view(row) if row else None


def publications_waiting(segment_id: int | None = None) -> list[PublicationView]:
    """Those that are not done yet, oldest first; of one segment, or all."""
    rows = Publication.objects.filter(state=Publication.State.WAITING).order_by("pk")
    return [publication_view(row) for row in (rows if segment_id is None else rows.filter(segment_id=segment_id))]
