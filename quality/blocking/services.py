"""Saying what becomes of personal data that nobody planned."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from common import audit
from quality.blocking.finding import CLASSES
from quality.blocking.models import PersonalBlock
from quality.plan.contracts import BadSchema

ANSWERS = (
    ("allow", "Let it in"), ("flag", "Let it in, and count it"), ("mask", "Make it unreadable"),
    ("drop", "Take the property out"), ("quarantine", "Put the item into the quarantine"),
)  # fmt: skip


@transaction.atomic
def keep_block(
    *, source_id: int, classes: Mapping[str, str], by: str, now: datetime, via: str = "ui"
) -> dict[str, str]:  # fmt: skip
    """What becomes of each class in properties of a source that the plan does not name; classes that are left out are
    let in. Raises BadSchema for words that are not known."""
    if set(classes) - set(CLASSES) or set(classes.values()) - set(dict(ANSWERS)):
        raise BadSchema(f"Classes: {', '.join(CLASSES)}; each is one of {', '.join(dict(ANSWERS))}.")
    wanted = {name: classes.get(name, "allow") for name in CLASSES}
    before = block_of(source_id)
    PersonalBlock.objects.update_or_create(source_id=source_id, defaults={"classes": wanted, "changed_at": now})
    audit.record(
        actor=by, via=via, action="personal.blocked", object_type="source", object_id=source_id, at=now,
        summary="Said what becomes of personal data that is not planned", before=before, after=wanted,
    )  # fmt: skip
    return wanted


def block_of(source_id: int) -> dict[str, str]:
    """What becomes of each class."""
    row = PersonalBlock.objects.filter(source_id=source_id).first()
    told = row.classes if row else {}
    return {name: str(told.get(name, "allow")) for name in CLASSES}
