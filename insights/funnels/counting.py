"""Funnels and paths of a period, counted over the log when somebody asks."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import transaction

from common import audit, pg
from common.masking import mask, without_emails
from connectors import selectors as connectors
from insights.features.compile import Statement
from insights.funnels.compile import compile_funnel, compile_members, compile_paths
from insights.funnels.contracts import (
    BadFunnel,
    FunnelGroup,
    FunnelResult,
    FunnelSpec,
    FunnelView,
    PathLink,
    PathResult,
    PathSpec,
    StepResult,
)
from insights.funnels.models import Funnel
from insights.funnels.walking import OTHER, Walks, grouped, medians, reached, walk
from insights.kpis.compile import midnight
from insights.kpis.contracts import Period
from insights.settings import setting
from segments import selectors as segments

_MOST_GROUPS = 10
# Somebody waits for the answer.
_SECONDS = 25
_MICROS = 1e6
_LONGEST_NAME = 80


def funnel(spec: FunnelSpec, *, period: Period, now: datetime) -> FunnelResult:
    """How far people come who take the first step in the period, by the clocks of the workspace. Raises BadFunnel."""
    start, end = _instants(period)
    row = _fetch(compile_funnel(spec, start=start, end=end, now=now))[0]
    person, at, place, bits, starts = (pg.int8_array(one) for one in row[:5])
    walks = walk(
        person=person, at=at, place=place, bits=bits, steps=len(spec.steps),
        within=spec.within_seconds * int(_MICROS), strict=spec.order == "strict", starts=starts == 1,
    )  # fmt: skip
    everybody = np.ones(len(walks.persons), dtype=np.bool_)
    whole = at[walks.rows[-1]] - at[walks.rows[0]] if len(walks.persons) else np.empty(0)
    done = walks.levels == len(spec.steps)
    return FunnelResult(
        _results(walks, at, everybody, len(spec.steps)),
        [
            FunnelGroup(name, _results(walks, at, inside, len(spec.steps)))
            for name, inside in _groups(spec, walks, row[5])
        ],
        float(np.median(whole[done])) / _MICROS if done.any() else None,
    )  # fmt: skip


def paths(spec: PathSpec, *, period: Period, now: datetime) -> PathResult:
    """What people do after or before an event of the period. Raises BadFunnel."""
    spec.check()
    start, end = _instants(period)
    rows = [(row[:-1], row[-1]) for row in _fetch(compile_paths(spec, start=start, end=end, now=now))]
    links = grouped(rows, event=spec.event, top=spec.top)
    return PathResult(sum(count for _, count in rows), [PathLink(*one) for one in links])


def _instants(period: Period) -> tuple[datetime, datetime]:
    zone = setting().orders.zone
    return midnight(period.first, zone), midnight(period.last + timedelta(days=1), zone)


def _fetch(statement: Statement) -> list[Any]:
    try:
        with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
            cursor.execute(f"set local statement_timeout = '{_SECONDS}s'")
            cursor.execute(statement.text, statement.params, binary=True)
            found = cursor.fetchall()
            cursor.execute("set local statement_timeout = default")
            return found
    except psycopg.errors.QueryCanceled:
        raise BadFunnel(
            f"from: this takes longer than {_SECONDS} seconds. Choose a shorter period, or a segment."
        ) from None


def _results(walks: Walks, at: npt.NDArray[np.int64], inside: npt.NDArray[np.bool_], steps: int) -> list[StepResult]:
    people = reached(walks.levels[inside], steps)
    times = [None, *medians(walks, at, inside)]
    return [
        StepResult(
            count, count / people[0] if people[0] else 0.0,
            (count / people[place - 1] if people[place - 1] else 0.0) if place else 1.0,
            None if time is None else time / _MICROS,
        )
        for place, (count, time) in enumerate(zip(people, times, strict=True))
    ]  # fmt: skip


def _groups(spec: FunnelSpec, walks: Walks, keys: Sequence[str | None] | None) -> list[tuple[str, Any]]:
    """(name, who) of each value of the breakdown, the largest first."""
    if not spec.by or not len(walks.persons):
        return []
    if spec.by == "segment":
        return _by_segment(walks)
    told = np.array([(keys or ())[row] or "" for row in walks.rows[0].tolist()], dtype=object)
    if spec.by == "source":
        names = connectors.source_names()
        told = np.array([names.get(int(one), f"deleted ({one})") for one in told], dtype=object)
    else:
        # Whoever reads it reads counts: what looks personal is masked for everybody.
        told = np.array(
            [without_emails(mask(spec.property, one)) if one else "(nothing)" for one in told], dtype=object
        )
    counts = Counter(told.tolist())
    named = [name for name, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_MOST_GROUPS]]
    found = [(name, told == name) for name in named]
    rest = ~np.isin(told.astype(str), named)
    return [*found, (OTHER, rest)] if rest.any() else found


def _by_segment(walks: Walks) -> list[tuple[str, Any]]:
    names = {one.id: one.name for one in segments.segments()}
    inside: dict[int, list[int]] = {}
    for profile, segment in _fetch(compile_members(walks.persons.tolist(), list(names))):
        inside.setdefault(segment, []).append(profile)
    found = [(names[segment], np.isin(walks.persons, people)) for segment, people in inside.items()]
    return sorted(found, key=lambda one: (-int(one[1].sum()), one[0]))


@transaction.atomic
def keep_funnel(*, name: str, spec: FunnelSpec, by: str, now: datetime, via: str = "ui") -> FunnelView:
    """Keep a funnel under a name; another one of that name goes. Raises BadFunnel."""
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME:
        raise BadFunnel(f"name: say in at most {_LONGEST_NAME} letters what it is called.")
    before = Funnel.objects.filter(name=name).first()
    row, _ = Funnel.objects.update_or_create(
        name=name, defaults={"spec": spec.to_json(), "made_by": by, "made_at": now}
    )
    audit.record(
        actor=by, via=via, action="insights.funnel", object_type="funnel", object_id=row.pk, at=now,
        summary=f"Kept the funnel {name}", before=before.spec if before else None, after=spec.to_json(),
    )  # fmt: skip
    return _view(row)


@transaction.atomic
def remove_funnel(*, funnel_id: int, by: str, now: datetime, via: str = "ui") -> None:
    """Remove a kept funnel. Raises BadFunnel when it is not there."""
    row = Funnel.objects.filter(pk=funnel_id).first()
    if row is None:
        raise BadFunnel("There is no such funnel.")
    audit.record(
        actor=by, via=via, action="insights.funnel_removed", object_type="funnel", object_id=row.pk, at=now,
        summary=f"Removed the funnel {row.name}", before=row.spec, after=None,
    )  # fmt: skip
    row.delete()


def funnels() -> list[FunnelView]:
    """Kept funnels, by name."""
    return [_view(row) for row in Funnel.objects.order_by("name")]


def _view(row: Funnel) -> FunnelView:
    return FunnelView(row.pk, row.name, FunnelSpec.from_json(row.spec), row.made_by, row.made_at)
