"""Reading rules, what they did, lists, rates and what waits for a person."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Sum

from quality.cleaning.contracts import Definition, EffectView, ListView, RatesView, RuleView, Sample, VersionView
from quality.cleaning.models import CleaningEffect, CleaningRule, CleaningVersion, Rate, ReferenceList
from quality.cleaning.rules import KINDS, says

_LATELY = timedelta(days=7)


def definition(row: CleaningRule) -> Definition:
    """What a row says."""
    return Definition(row.name, row.scope, row.path, row.kind, row.settings, row.source_id, row.event, row.then,
                      row.instead, row.when)  # fmt: skip


def rules(*, now: datetime, sources: Mapping[int, str]) -> list[RuleView]:
    """All rules in their order; counts are those of the last week, by outcome."""
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    found = CleaningEffect.objects.filter(day__gte=(now - _LATELY).date()).values_list("rule_id", "outcome")
    for rule_id, outcome, total in found.annotate(total=Sum("count")):
        counted[rule_id][outcome] = int(total)
    rows = CleaningRule.objects.order_by("position", "id")
    return [_view(row, number, counted[row.pk], sources) for number, row in enumerate(rows, start=1)]


def rule(rule_id: int, *, now: datetime, sources: Mapping[int, str]) -> RuleView | None:
    """One rule, or None."""
    return next((one for one in rules(now=now, sources=sources) if one.id == rule_id), None)


def _view(row: CleaningRule, number: int, counts: Counter[str], sources: Mapping[int, str]) -> RuleView:
    told = definition(row)
    return RuleView(
        id=row.pk, position=number, version=row.version, state=row.state, definition=told,
        says=says(told, source=sources.get(told.source_id or 0, "")), changed_by=row.changed_by,
        changed_at=row.changed_at, counts=dict(counts),
    )  # fmt: skip


def rule_versions(rule_id: int, *, sources: Mapping[int, str]) -> list[VersionView]:
    """A rule as it was, the newest first."""
    found = []
    for row in CleaningVersion.objects.filter(rule_id=rule_id).order_by("-id")[:50]:
        told = Definition(**row.definition)
        sentence = says(told, source=sources.get(told.source_id or 0, ""))
        found.append(VersionView(row.version, row.state, row.position, told, sentence, row.by, row.at))
    return found


def effects(*, since: date, rule_id: int | None = None, limit: int = 500) -> list[EffectView]:
    """What rules did since a day, the newest and most frequent first."""
    rows = CleaningEffect.objects.filter(day__gte=since)
    rows = rows if rule_id is None else rows.filter(rule_id=rule_id)
    return [
        EffectView(
            one.rule_id, one.version, one.source_id, one.name, one.pointer, one.outcome, one.day, one.count,
            one.last_at, tuple(Sample(**told, outcome=one.outcome) for told in one.samples),
        )
        for one in rows.order_by("-day", "-count", "id")[:limit]
    ]  # fmt: skip


def lists() -> dict[str, frozenset[str]]:
    """The values of every list."""
    return {row.slug: frozenset(row.values) for row in ReferenceList.objects.all()}


def reference_lists() -> list[ListView]:
    """The lists by their short names."""
    rows = ReferenceList.objects.order_by("slug")
    return [ListView(row.slug, row.name, len(row.values), row.changed_by, row.changed_at) for row in rows]


def list_values(slug: str) -> list[str]:
    """The values of a list, in order; empty when there is no such list."""
    row = ReferenceList.objects.filter(slug=slug).first()
    return list(row.values) if row else []


def rates() -> RatesView:
    """How far rates are known."""
    found: dict[str, Any] = Rate.objects.aggregate(
        currencies=Count("currency", distinct=True), days=Count("day", distinct=True), first=Min("day"), last=Max("day")
    )
    return RatesView(found["currencies"], found["days"], found["first"], found["last"])


def kinds() -> Mapping[str, Any]:
    """The kinds of rules by their short names, with what each asks to be set."""
    return KINDS
