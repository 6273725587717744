"""The door to read: requests, the suppression list, purposes, and the sources that ask for consent."""

from identity.contracts import IdentifierKey
from privacy.contracts import ErasureView, PurposeView, SuppressionView, TextView
from privacy.models import ConsentGate, ErasureRequest, Purpose, PurposeText, Suppression

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


def purposes() -> list[PurposeView]:
    """All purposes by name, each with the wording in force."""
    texts = {one.purpose: one for one in PurposeText.objects.order_by("version")}
    return [_purpose(row, texts.get(row.key)) for row in Purpose.objects.order_by("name", "key")]


def purpose(key: str) -> PurposeView | None:
    """One purpose, or None."""
    row = Purpose.objects.filter(key=key).first()
    return _purpose(row, PurposeText.objects.filter(purpose=key).order_by("-version").first()) if row else None


def purpose_texts(key: str) -> list[TextView]:
    """Every wording of a purpose, the newest first."""
    rows = PurposeText.objects.filter(purpose=key).order_by("-version")
    return [TextView(row.version, row.text, row.by, row.at) for row in rows]


def gate_of(source_id: int) -> str:
    """The purpose without which nothing of a source is stored; empty when it asks for none."""
    return ConsentGate.objects.filter(source_id=source_id).values_list("purpose", flat=True).first() or ""


def gates() -> dict[int, str]:
    """The purpose by source, of those that ask for one."""
    return dict(ConsentGate.objects.values_list("source_id", "purpose"))


def _purpose(row: Purpose, text: PurposeText | None) -> PurposeView:
    return PurposeView(
        row.key, row.name, row.description, row.legal_basis, row.keep_ip, text.version if text else 0,
        text.text if text else "", row.changed_by, row.changed_at,
    )  # fmt: skip
