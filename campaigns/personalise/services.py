"""Making and changing slots. Every change is a version; an old one comes back as a new one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.utils.text import slugify

from campaigns.bandits.models import Bandit
from campaigns.experiments.models import Experiment
from campaigns.personalise.checking import Known, read_document
from campaigns.personalise.models import Slot, SlotVersion
from campaigns.personalise.selectors import view
from campaigns.personalise.shapes import InvalidSlot, SlotDocument, SlotView
from common import audit
from connectors import selectors as connectors
from segments import selectors as segments


@transaction.atomic
def create_slot(
    *, name: str, document: Any, by: str, now: datetime, slug: str = "", description: str = "", via: str = "ui"
) -> SlotView:  # fmt: skip
    """A slot that answers at once. Raises InvalidSlot with what is wrong, by JSON pointer."""
    wanted = slug or slugify(name)[:80]
    if not name.strip():
        raise InvalidSlot({"/name": "Give it a name."})
    if not wanted or wanted.isdecimal() or Slot.objects.filter(slug=wanted).exists():
        raise InvalidSlot({"/slug": "There is a slot of this name, or it is only digits. Choose another."})
    found = msgspec.to_builtins(read_document(document, _known))
    row = Slot.objects.create(
        slug=wanted, name=name.strip(), description=description, document=found, updated_at=now, updated_by=by
    )
    SlotVersion.objects.create(slot=row, version=1, document=found, at=now, by=by)
    _note(row, "create", "Made the slot", by=by, now=now, via=via)
    return view(row)


@transaction.atomic
def change_slot(
    slot_id: int, *, by: str, now: datetime, name: str | None = None, description: str | None = None,
    document: Any = None, version: int | None = None, via: str = "ui",
) -> SlotView:  # fmt: skip
    """Another name, description or document; a document makes a new version.

    `version` is the one that the change was made from: when another is there by now, nothing is changed. Raises
    InvalidSlot.
    """
    row = Slot.objects.select_for_update().get(pk=slot_id)
    if version is not None and version != row.version:
        raise InvalidSlot({"/version": f"{row.updated_by} has changed it meanwhile. Look at version {row.version}."})
    if name is not None:
        if not name.strip():
            raise InvalidSlot({"/name": "Give it a name."})
        row.name = name.strip()
    row.description = row.description if description is None else description
    if document is not None:
        found = msgspec.to_builtins(read_document(document, _known))
        if found != row.document:
            row.document, row.version = found, row.version + 1
            SlotVersion.objects.create(slot=row, version=row.version, document=found, at=now, by=by)
    row.updated_at, row.updated_by = now, by
    row.save()
    _note(row, "change", "Changed the slot", by=by, now=now, via=via, after={"version": row.version})
    return view(row)


def restore_slot(slot_id: int, version: int, *, by: str, now: datetime, via: str = "ui") -> SlotView:
    """What a version held, as a new version. Raises InvalidSlot when there is no such version, or when what it names is
    no more."""
    kept = SlotVersion.objects.filter(slot_id=slot_id, version=version).first()
    if kept is None:
        raise InvalidSlot({"/version": "There is no such version."})
    return change_slot(slot_id, document=kept.document, by=by, now=now, via=via)


@transaction.atomic
def delete_slot(slot_id: int, *, by: str, now: datetime, via: str = "ui") -> None:
    """The slot answers no more; pages keep what stands in them."""
    row = Slot.objects.select_for_update().get(pk=slot_id)
    _note(row, "delete", "Deleted the slot", by=by, now=now, via=via)
    row.delete()


def as_json(document: SlotDocument) -> dict[str, Any]:
    """A document as it is given, to change a part of it."""
    found: dict[str, Any] = msgspec.to_builtins(document)
    return found


def _known() -> Known:
    sources = [one.id for one in connectors.sources() if one.kind in ("web", "mobile")]
    return Known(
        frozenset(one.slug for one in segments.segments()),
        frozenset(Experiment.objects.filter(kind=Experiment.Kind.TEST).values_list("slug", flat=True)),
        frozenset(Bandit.objects.values_list("slug", flat=True)), frozenset(sources),
    )  # fmt: skip


def _note(
    row: Slot, action: str, words: str, *, by: str, now: datetime, via: str, after: Mapping[str, Any] | None = None
) -> None:  # fmt: skip
    audit.record(
        actor=by, via=via, action=f"slot.{action}", object_type="slot", object_id=row.pk, at=now,
        summary=f"{words} {row.name}", after=dict(after or {}),
    )  # fmt: skip
