"""Writing rules, putting them in order, switching them on and off; lists; forgetting samples."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction
from django.db.models import Max

from common import audit, pg
from events import selectors as log
from quality.cleaning.contracts import BadRule, Definition
from quality.cleaning.models import CleaningRule, CleaningVersion, ReferenceList, ReviewItem
from quality.cleaning.rules import checked
from quality.cleaning.selectors import definition, lists

_LARGEST_LIST = 100_000


@transaction.atomic
def create_rule(*, told: Definition, by: str, now: datetime, via: str = "ui") -> int:
    """A draft, last in the order; answers its id. Raises BadRule."""
    told = checked(told, lists=lists())
    last = CleaningRule.objects.aggregate(last=Max("position"))["last"] or 0
    row = CleaningRule(**asdict(told), position=last + 1)
    _keep(row, by=by, now=now, via=via, did="Wrote")
    return row.pk


@transaction.atomic
def change_rule(*, rule_id: int, told: Definition, by: str, now: datetime, via: str = "ui") -> int:
    """Another definition is the next version, in force from the next batch on if the rule is on; answers the version.
    The same again changes nothing. Raises BadRule."""
    told, row = checked(told, lists=lists()), _row(rule_id)
    if definition(row) == told:
        return row.version
    for name, value in asdict(told).items():
        setattr(row, name, value)
    row.version += 1
    _keep(row, by=by, now=now, via=via, did="Changed")
    return row.version


@transaction.atomic
def put_back(*, rule_id: int, version: int, by: str, now: datetime, via: str = "ui") -> int:
    """The definition of an earlier version is the next one. Raises BadRule."""
    found = CleaningVersion.objects.filter(rule_id=rule_id, version=version).order_by("-id").first()
    if found is None:
        raise BadRule("There is no such version.")
    return change_rule(rule_id=rule_id, told=Definition(**found.definition), by=by, now=now, via=via)


@transaction.atomic
def switch_rule(*, rule_id: int, on: bool, by: str, now: datetime, via: str = "ui") -> None:
    """On or off, from the next batch on. Raises BadRule when what it needs is gone."""
    row = _row(rule_id)
    wanted = CleaningRule.State.ON if on else CleaningRule.State.OFF
    if row.state == wanted:
        return
    if on:
        checked(definition(row), lists=lists())
    row.state = wanted
    _keep(row, by=by, now=now, via=via, did="Switched on" if on else "Switched off")


@transaction.atomic
def move_rule(*, rule_id: int, to: int, by: str, now: datetime, via: str = "ui") -> None:
    """Put a rule at a place in the order, counted from 1."""
    rows = list(CleaningRule.objects.select_for_update().order_by("position", "id"))
    row = next((one for one in rows if one.pk == rule_id), None)
    if row is None:
        raise BadRule("There is no such rule.")
    if not 1 <= to <= len(rows):
        raise BadRule(f"The order has the places 1 to {len(rows)}.", "position")
    rows.remove(row)
    rows.insert(to - 1, row)
    for place, one in enumerate(rows, start=1):
        if one.position != place and one is not row:
            CleaningRule.objects.filter(pk=one.pk).update(position=place)
    if row.position != to:
        row.position = to
        _keep(row, by=by, now=now, via=via, did=f"Moved to place {to}")


@transaction.atomic
def delete_rule(*, rule_id: int, by: str, now: datetime, via: str = "ui") -> None:
    """Take a rule away; its versions and what it did stay."""
    row = _row(rule_id)
    row.state = CleaningRule.State.OFF
    _keep(row, by=by, now=now, via=via, did="Deleted")
    row.delete()


@transaction.atomic
def keep_list(*, slug: str, name: str, values: Sequence[str], by: str, now: datetime, via: str = "ui") -> None:
    """A list that values are held against, made or replaced. Raises BadRule."""
    kept = sorted({one.strip() for one in values} - {""})
    if not kept or len(kept) > _LARGEST_LIST or any(len(one) > 500 for one in kept):
        raise BadRule(f"A list has 1 to {_LARGEST_LIST} values of at most 500 characters.", "values")
    if not slug or len(slug) > 64 or not all(one.isalnum() or one in "-_" for one in slug):
        raise BadRule("The short name has letters, digits, - and _ only.", "slug")
    before = ReferenceList.objects.filter(slug=slug).first()
    ReferenceList.objects.update_or_create(
        slug=slug, defaults={"name": name or slug, "values": kept, "changed_by": by, "changed_at": now}
    )
    audit.record(
        actor=by, via=via, action="list.kept", object_type="reference_list", object_id=slug, at=now,
        summary=f"Kept the list {slug} with {len(kept)} values",
        before={"size": len(before.values)} if before else None, after={"size": len(kept)},
    )  # fmt: skip


def forget_effects(conn: psycopg.Connection[Any], *, texts: Sequence[str]) -> dict[str, int]:
    """Take out samples that hold one of these texts (in small letters), and whatever waits or was decided about items
    that the quarantine keeps no more; rows by table."""
    with pg.cursor(conn) as cursor:
        effects = cursor.execute(
            "update quality_cleaningeffect set samples = '[]' where exists"
            " (select from unnest(%(texts)s) v where strpos(lower(samples::text), v) > 0)", {"texts": pg.texts(texts)},
        ).rowcount  # fmt: skip
    ids = list(ReviewItem.objects.values_list("quarantined_id", flat=True).distinct())
    gone = set(ids) - log.quarantined_items(ids).keys()
    reviews = ReviewItem.objects.filter(quarantined_id__in=gone).delete()[0]
    return {"quality_cleaningeffect": effects, "quality_reviewitem": reviews}


def _row(rule_id: int) -> CleaningRule:
    row = CleaningRule.objects.select_for_update().filter(pk=rule_id).first()
    if row is None:
        raise BadRule("There is no such rule.")
    return row


def _keep(row: CleaningRule, *, by: str, now: datetime, via: str, did: str) -> None:
    """Save the rule, its version and the audit entry."""
    last = CleaningVersion.objects.filter(rule_id=row.pk).order_by("-id").first() if row.pk else None
    row.changed_by, row.changed_at = by, now
    row.save()
    told = {"state": row.state, "position": row.position, **asdict(definition(row))}
    CleaningVersion.objects.create(
        rule_id=row.pk, version=row.version, position=row.position, state=row.state,
        definition=asdict(definition(row)), by=by, at=now,
    )  # fmt: skip
    audit.record(
        actor=by, via=via, action="cleaning.changed", object_type="cleaning_rule", object_id=row.pk, at=now,
        summary=f"{did} the cleaning rule “{row.name[:100]}”",
        before={"state": last.state, "position": last.position, **last.definition} if last else None, after=told,
    )  # fmt: skip
