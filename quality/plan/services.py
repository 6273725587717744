"""Deciding what is meant."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction

from common import audit, pg
from quality.plan.contracts import BadSchema, EnforcementView
from quality.plan.models import Enforcement, PlannedEvent, PlanVersion
from quality.plan.schemas import compiled
from quality.plan.selectors import learned_schema


@transaction.atomic
def decide_event(
    *, name: str, status: str, by: str, now: datetime, schema: Mapping[str, Any] | None = None,
    description: str | None = None, owner: str | None = None, via: str = "ui",
) -> int:  # fmt: skip
    """Accept an event into the plan, or ignore it; answers its version.

    Without a schema an event that is accepted for the first time gets the one that was learned from what came. Raises
    BadSchema. The same again changes nothing.
    """
    if status not in PlannedEvent.Status.values:
        raise BadSchema(f"status: choose one of {', '.join(PlannedEvent.Status.values)}.")
    row = PlannedEvent.objects.select_for_update().filter(name=name).first()
    wanted = dict(schema) if schema is not None else row.schema if row else learned_schema(name)
    compiled(wanted)
    before = None if row is None else {"status": row.status, "schema": row.schema}
    differs = before != {"status": status, "schema": wanted}
    version = (row.version + 1 if row else 1) if differs else row.version if row else 1
    PlannedEvent.objects.update_or_create(
        name=name,
        defaults={
            "status": status, "schema": wanted, "version": version, "changed_by": by, "changed_at": now,
            **({} if description is None else {"description": description}),
            **({} if owner is None else {"owner": owner}),
        },
    )  # fmt: skip
    if differs:
        PlanVersion.objects.create(name=name, version=version, status=status, schema=wanted, by=by, at=now)
        audit.record(
            actor=by, via=via, action=f"plan.{status}", object_type="event", object_id=name[:128], at=now,
            summary=f"{status.capitalize()} the event {name[:100]}", before=before,
            after={"status": status, "schema": wanted},
        )  # fmt: skip
    return version


@transaction.atomic
def keep_enforcement(
    *, source_id: int, unplanned: str, invalid: str, by: str, now: datetime, via: str = "ui"
) -> EnforcementView:  # fmt: skip
    """What becomes of items of a source that do not fit the plan. Raises BadSchema for words that are not known."""
    if unplanned not in Enforcement.Unplanned.values or invalid not in Enforcement.Invalid.values:
        raise BadSchema("unplanned: allow, flag or quarantine; invalid: these, or strip.")
    row, _ = Enforcement.objects.update_or_create(
        source_id=source_id, defaults={"unplanned": unplanned, "invalid": invalid, "changed_at": now}
    )
    audit.record(
        actor=by, via=via, action="plan.enforced", object_type="source", object_id=source_id, at=now,
        summary="Said what becomes of items that do not fit the plan",
        after={"unplanned": unplanned, "invalid": invalid},
    )  # fmt: skip
    return EnforcementView(row.unplanned, row.invalid)


def forget_violations(conn: psycopg.Connection[Any], *, texts: Sequence[str]) -> dict[str, int]:
    """Blank the samples and examples that hold one of these texts (in small letters); rows by table."""
    found = {}
    with pg.cursor(conn) as cursor:
        for table, column in (("quality_violation", "sample"), ("quality_observed", "example")):
            found[table] = cursor.execute(
                f"update {table} set {column} = '' where exists (select from unnest(%(texts)s) v"
                f" where strpos(lower({column}), v) > 0)",
                {"texts": pg.texts(texts)},
            ).rowcount
    return found
