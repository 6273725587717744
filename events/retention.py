"""How long events are kept: rules by event, source and purpose, of which the most specific one decides.

Rules are compiled to one expression over a row `e` of the log: the instant before which it goes.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.db import IntegrityError, transaction

from common import audit, pg
from events.contracts import Due, RetentionRule
from events.models import Retention

_NOT_WORD = re.compile(r"[^a-z0-9]+")
LONGEST_DAYS = 36_500
# Nobody has agreed to a purpose who was not asked; the trait is what consent leaves (docs/privacy.md).
_AGREED = """exists (select 1 from identity_member m join identity_trait t on t.profile_id = m.profile_id
    where m.identifier_id = e.identifier_id and t.traits -> {trait} = 'true'::jsonb)"""
_COUNTS = """
select {rule} as rule, count(*), min(e.occurred_at) from events_event e {sample}
where e.occurred_at < %(latest)s and e.occurred_at < {horizon} group by 1
"""
_COUNT_SECONDS = 10
_SAMPLE_PERCENT = 1


class BadRule(ValueError):
    """The rule cannot be kept; the message says why."""


class Expiry:
    """Rules at one instant, as SQL."""

    def __init__(self, rules: Sequence[RetentionRule], *, now: datetime) -> None:
        self.rules = sorted(rules, key=lambda one: (-one.rank, one.id))
        self.cutoffs = {one.id: one.cutoff(now) for one in self.rules}
        found = [one for one in self.cutoffs.values() if one is not None]
        self.latest: datetime | None = max(found, default=None)
        self.params: dict[str, Any] = {"latest": self.latest}
        self.horizon = self._choose([self._bind(self.cutoffs[one.id], "timestamptz") for one in self.rules])
        self.rule = self._choose([self._bind(one.id, "bigint") for one in self.rules])

    def everything_before(self) -> datetime | None:
        """The instant before which every event goes, whatever it is; None when some are kept for good."""
        found = [self.cutoffs[one.id] for one in self.rules]
        if not any(one.rank == 0 for one in self.rules) or None in found:
            return None
        return min(one for one in found if one is not None)

    def _choose(self, values: Sequence[str]) -> str:
        cases = " ".join(
            f"when {self._matches(one)} then {value}" for one, value in zip(self.rules, values, strict=True)
        )
        return f"(case {cases} end)" if cases else "null"

    def _matches(self, rule: RetentionRule) -> str:
        parts = []
        if rule.event:
            parts.append(f"e.name = {self._bind(rule.event, 'text')}")
        if rule.source_id is not None:
            parts.append(f"e.source_id = {self._bind(rule.source_id, 'int')}")
        if rule.purpose:
            parts.append("not " + _AGREED.format(trait=self._bind(f"consent_{rule.purpose}", "text")))
        return " and ".join(parts) or "true"

    def _bind(self, value: Any, cast: str) -> str:
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"%({name})s::{cast}"


def retention_rules(*, default_days: int = 0) -> list[RetentionRule]:
    """Every rule, the most specific first. `default_days` stands for the rule about everything when there is none."""
    found = [_view(row) for row in Retention.objects.all()]
    if default_days and not any(one.rank == 0 for one in found):
        found.append(RetentionRule(id=0, days=default_days, note="CDP_EVENT_RETENTION_DAYS", changed_by="settings"))
    return sorted(found, key=lambda one: (-one.rank, one.event, one.source_id or 0, one.purpose))


@transaction.atomic
def keep_retention(
    *, days: int | None, by: str, now: datetime, event: str = "", source_id: int | None = None, purpose: str = "",
    note: str = "", via: str = "ui",
) -> RetentionRule:  # fmt: skip
    """Say how many days the events of a name, a source, or of people without consent to a purpose are kept (None: for
    good). There is one rule for each combination; the same again changes it. Raises BadRule."""
    wanted = checked_rule(days=days, event=event, source_id=source_id, purpose=purpose, note=note)
    before = Retention.objects.filter(
        event=wanted.event, source_id=source_id, purpose=wanted.purpose
    ).first()  # fmt: skip
    try:
        row, _ = Retention.objects.update_or_create(
            event=wanted.event, source_id=source_id, purpose=wanted.purpose,
            defaults={"days": days, "note": note, "changed_by": by, "changed_at": now},
        )  # fmt: skip
    except IntegrityError as error:
        raise BadRule("Somebody is changing this rule at this moment. Try again.") from error
    audit.record(
        actor=by, via=via, action="retention.changed", object_type="retention", object_id=row.pk, at=now,
        summary=f"Said how long to keep {_view(row).about}",
        before=None if before is None else {"days": before.days}, after={"days": days}, reason=note,
    )  # fmt: skip
    return _view(row)


def checked_rule(
    *, days: int | None, event: str = "", source_id: int | None = None, purpose: str = "", note: str = ""
) -> RetentionRule:
    """The rule that these words make, not kept yet. Raises BadRule."""
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise BadRule(f"days: from 1 to {LONGEST_DAYS:,}, or none for good.")
    named = _NOT_WORD.sub("_", purpose.strip().lower()).strip("_")
    return RetentionRule(id=-1, days=days, event=event.strip(), source_id=source_id, purpose=named, note=note)


@transaction.atomic
def drop_retention(*, rule_id: int, by: str, now: datetime, via: str = "ui") -> bool:
    """Take a rule back; what went by it stays gone."""
    row = Retention.objects.filter(pk=rule_id).first()
    if row is None:
        return False
    view = _view(row)
    row.delete()
    audit.record(
        actor=by, via=via, action="retention.dropped", object_type="retention", object_id=rule_id, at=now,
        summary=f"Took back how long to keep {view.about}", before={"days": view.days},
    )  # fmt: skip
    return True


def due_events(rules: Sequence[RetentionRule], *, now: datetime) -> tuple[dict[int, Due], bool]:
    """How many events go now by each rule, and the oldest of them; whether that is an estimate.

    Counted exactly for ten seconds, else of one page in a hundred.
    """
    expiry = Expiry(rules, now=now)
    if expiry.latest is None:
        return {}, False
    try:
        return _count(expiry, sample="", scale=1), False
    except psycopg.errors.QueryCanceled:
        return _count(expiry, sample=f"tablesample system ({_SAMPLE_PERCENT})", scale=100 // _SAMPLE_PERCENT), True


def _count(expiry: Expiry, *, sample: str, scale: int) -> dict[int, Due]:
    text = _COUNTS.format(rule=expiry.rule, horizon=expiry.horizon, sample=sample)
    with pg.connect() as conn, psycopg.Cursor(conn) as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [f"{_COUNT_SECONDS}s"])
        rows = cursor.execute(text, expiry.params).fetchall()
    return {int(rule): Due(int(count) * scale, oldest) for rule, count, oldest in rows}


def _view(row: Retention) -> RetentionRule:
    return RetentionRule(
        row.pk, row.days, row.event, row.source_id, row.purpose, row.note, row.changed_by, row.changed_at
    )  # fmt: skip
