"""Describing purposes, and having sources ask for one."""

import re
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction

from common import audit
from privacy.contracts import InvalidPurpose, PurposeView
from privacy.models import ConsentGate, Purpose, PurposeText
from privacy.selectors import gate_of, purpose

_KEY = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_GATES = "select source_id, purpose from privacy_consentgate"


@transaction.atomic
def describe_purpose(
    *, key: str, name: str, by: str, now: datetime, description: str = "", legal_basis: str = "consent",
    text: str = "", keep_ip: bool = False, via: str = "ui",
) -> PurposeView:  # fmt: skip
    """Name a purpose, or describe it anew; another `text` is the next version. The same again changes nothing.

    Raises InvalidPurpose.
    """
    if not _KEY.fullmatch(key) or len(key) > 64:
        raise InvalidPurpose("key", "Use small letters and digits with single _ between, such as sale_of_data.")
    if legal_basis not in Purpose.Basis.values:
        raise InvalidPurpose("legal_basis", f"Choose one of {', '.join(Purpose.Basis.values)}.")
    if not name.strip():
        raise InvalidPurpose("name", "Give the purpose a name that people understand.")
    Purpose.objects.select_for_update().filter(key=key).first()
    before = purpose(key)
    wanted: dict[str, Any] = {
        "name": name.strip(), "description": description.strip(), "legal_basis": legal_basis, "keep_ip": keep_ip,
    }  # fmt: skip
    told = None if before is None else {field: getattr(before, field) for field in wanted}
    wording = text.strip()
    next_text = bool(wording) and (before is None or before.text != wording)
    if before is not None and told == wanted and not next_text:
        return before
    Purpose.objects.update_or_create(key=key, defaults={**wanted, "changed_by": by, "changed_at": now})
    version = before.version if before else 0
    if next_text:
        version += 1
        PurposeText.objects.create(purpose=key, version=version, text=wording, by=by, at=now)
    audit.record(
        actor=by, via=via, action="purpose.described", object_type="purpose", object_id=key, at=now,
        summary=f"Described the purpose “{name.strip()}”" + (f", wording {version}" if next_text else ""),
        before=told, after={**wanted, "version": version},
    )  # fmt: skip
    return PurposeView(
        key=key, **wanted, version=version, text=wording or (before.text if before else ""), changed_by=by,
        changed_at=now,
    )  # fmt: skip


@transaction.atomic
def keep_gate(*, source_id: int, purpose_key: str, by: str, now: datetime, via: str = "ui") -> None:
    """Store nothing of a source without consent to this purpose, from the next batch on; an empty key asks for none.

    Raises InvalidPurpose for a purpose that is not described.
    """
    before = gate_of(source_id)
    if purpose_key == before:
        return
    if purpose_key:
        if not Purpose.objects.filter(key=purpose_key).exists():
            raise InvalidPurpose("purpose", "There is no such purpose. Describe it first, on the page Purposes.")
        ConsentGate.objects.update_or_create(
            source_id=source_id, defaults={"purpose": purpose_key, "changed_at": now}
        )  # fmt: skip
    else:
        ConsentGate.objects.filter(source_id=source_id).delete()
    audit.record(
        actor=by, via=via, action="source.consent_asked", object_type="source", object_id=source_id, at=now,
        summary=f"Only with consent to {purpose_key}" if purpose_key else "Stores without asking for consent",
        before={"purpose": before}, after={"purpose": purpose_key},
    )  # fmt: skip


def consent_gates(conn: psycopg.Connection[Any]) -> dict[int, str]:
    """The purpose by source, of those that ask for one; for the pipeline."""
    return dict(psycopg.Cursor(conn).execute(_GATES).fetchall())
