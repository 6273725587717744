"""The door to read: requests and the suppression list."""

from identity.contracts import IdentifierKey
from privacy.contracts import ErasureView, SuppressionView
from privacy.models import ErasureRequest, Suppression

_FIELDS = (
    "state", "profile_ids", "suppress", "requested_by", "requested_at", "due_on", "erased_at", "done_at", "counts",
    "channels", "receipt", "error", "job_id",
)  # fmt: skip


def erasure_view(row: ErasureRequest) -> ErasureView:
    """A request as other apps see it."""
    return ErasureView(
        id=row.pk, identifiers=len(row.digests), **{name: getattr(row, name) for name in _FIELDS}
    )  # fmt: skip


def erasure(request_id: int) -> ErasureView | None:
    """One request, whatever became of it."""
    row = ErasureRequest.objects.filter(pk=request_id).first()
    return erasure_view(row) if row else None


def erasures(*, before: int | None = None, limit: int = 50) -> list[ErasureView]:
    """Requests, the newest first."""
    rows = ErasureRequest.objects.order_by("-pk")
    return [erasure_view(row) for row in (rows.filter(pk__lt=before) if before else rows)[:limit]]


def erasures_open() -> int:
    """How many requests are not done."""
    return ErasureRequest.objects.exclude(state=ErasureRequest.State.DONE).count()


def suppressions(*, before: int | None = None, limit: int = 50) -> list[SuppressionView]:
    """Entries of the list, the newest first."""
    rows = Suppression.objects.order_by("-pk")
    chosen = (rows.filter(pk__lt=before) if before else rows)[:limit]
    return [SuppressionView(row.pk, row.kind, row.reason, row.by, row.at) for row in chosen]


def suppression_of(key: IdentifierKey) -> SuppressionView | None:
    """The entry of one identifier, or None."""
    from privacy.services.suppressing import digest_of

    row = Suppression.objects.filter(digest=digest_of(key)).first()
    return SuppressionView(row.pk, row.kind, row.reason, row.by, row.at) if row else None
