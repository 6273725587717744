"""Reading slots."""

import msgspec

from campaigns.personalise.models import Slot, SlotVersion
from campaigns.personalise.shapes import SlotDocument, SlotVersionView, SlotView


def view(row: Slot) -> SlotView:
    """The contract of one row."""
    return SlotView(
        row.pk, row.slug, row.name, row.description, row.version, msgspec.convert(row.document, SlotDocument),
        row.updated_at, row.updated_by,
    )  # fmt: skip


def slots() -> list[SlotView]:
    """All of them by name."""
    return [view(row) for row in Slot.objects.order_by("name", "pk")]


def slot(reference: int | str) -> SlotView | None:
    """By id or slug."""
    by = {"pk": int(reference)} if str(reference).isdecimal() else {"slug": reference}
    row = Slot.objects.filter(**by).first()
    return None if row is None else view(row)


def slots_of_segment(slug: str) -> list[SlotView]:
    """Those of which a rule names a segment."""
    return [one for one in slots() if any(rule.when and rule.when.segment == slug for rule in one.document.rules)]


def slot_versions(slot_id: int, *, limit: int = 100) -> list[SlotVersionView]:
    """What it held, the newest first."""
    rows = SlotVersion.objects.filter(slot_id=slot_id).order_by("-version")[:limit]
    return [
        SlotVersionView(row.version, msgspec.convert(row.document, SlotDocument), row.at, row.by) for row in rows
    ]  # fmt: skip
