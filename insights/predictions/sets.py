"""Training sets, read as of several cut-offs and never kept.

At a cut-off a row holds what was known then: features by the one as-of function, and whoever had been seen (and was
active, and in the segment). The label is what happened within the window after it, as far as it had come by the instant
of the run. So neither late events nor ones of other windows move a set of the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import clock, pg
from identity import selectors as identity
from insights.contracts import FeatureTable, NotPossible, OrderSetting
from insights.features.compile import window_start
from insights.features.reading import expect_one_currency, features, features_of
from insights.predictions.contracts import LEAST_EACH, BadPrediction, Meter, PredictionSpec
from insights.predictions.encoding import taken
from insights.predictions.training import TrainingSet
from insights.predictions.words import meter
from segments import selectors as segments
from segments.contracts import RuleError

_MOST_CUTOFFS = 6
_STEP_DAYS = 30
_WHO = """
select m.profile_id,
       bool_or(e.occurred_at >= %(cutoff)s and ({condition})) as did,
       bool_or(e.occurred_at < %(cutoff)s and {known_then}) as seen,
       bool_or(e.occurred_at < %(cutoff)s and e.occurred_at >= %(active)s and {known_then} and ({condition})) as active
from events_event e join identity_member m on m.identifier_id = e.identifier_id
where e.occurred_at < %(ends)s and {known_now}{among}
group by m.profile_id
"""
_KNOWN = "(e.received_at < %({name})s or e.source_id = any(%(history)s))"
_FIRST = f"select min(e.occurred_at) from events_event e where e.occurred_at < %(as_of)s and {_KNOWN}"
_FIRST_AMONG = (
    "select min(e.occurred_at) from events_event e join identity_member m on m.identifier_id = e.identifier_id"
    f" where e.occurred_at < %(as_of)s and {_KNOWN} and m.profile_id = any(%(people)s)"
)
_AMONG = " and m.profile_id = any(%(people)s)"
# By blocks: the cost does not grow with the base. What the planner believes is near enough to take a share of.
_SIZE = "select reltuples::bigint from pg_class where oid = 'identity_profile'::regclass"
_SAMPLE = "select id from identity_profile tablesample system (%(percent)s) repeatable (7) limit %(most)s"


@dataclass(frozen=True, slots=True)
class Window:
    """A cut-off, and when the window of its labels ends."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Eligible:
    """Whoever could be looked at, in ascending order, and who of them did the event within the window."""

    profile_ids: npt.NDArray[np.int64]
    did: npt.NDArray[np.bool_]


def condition(spec: PredictionSpec, *, now: datetime) -> tuple[str, dict[str, Any]]:
    """The event of a specification as SQL. Raises BadPrediction."""
    try:
        return segments.event_condition(spec.event, spec.where, now=now)
    except RuleError as wrong:
        raise BadPrediction(f"where: {'; '.join(one.message for one in wrong.problems)}") from None


def eligible(
    spec: PredictionSpec, window: Window, *, as_of: datetime, orders: OrderSetting,
    people: npt.NDArray[np.int64] | None = None,
) -> Eligible:  # fmt: skip
    """Whoever (of these people) had been seen before the cut-off, and of them who did it, as far as had come by
    `as_of`."""
    said, values = condition(spec, now=as_of)
    text = _WHO.format(
        condition=said, known_then=_KNOWN.format(name="cutoff"), known_now=_KNOWN.format(name="as_of"),
        among="" if people is None else _AMONG,
    )  # fmt: skip
    active = window_start(window.starts, spec.active_days or 1, orders.zone)
    params = {
        **values, "cutoff": window.starts, "ends": window.ends, "as_of": as_of, "active": active,
        "history": list(orders.history_sources), "people": [] if people is None else people.tolist(),
    }  # fmt: skip
    with psycopg.Cursor(pg.raw()) as cursor:
        found = cursor.execute(text, params).fetchall()
    rows = sorted((one[0], one[1]) for one in found if one[2] and (one[3] or spec.active_days is None))
    ids = np.array([one[0] for one in rows], dtype=np.int64)
    did = np.array([one[1] for one in rows], dtype=np.bool_)
    if spec.segment:
        inside = np.isin(ids, _members(spec.segment, window.starts))
        ids, did = ids[inside], did[inside]
    return Eligible(ids, did)


def windows(spec: PredictionSpec, *, as_of: datetime, orders: OrderSetting) -> list[Window]:
    """Closed windows, the newest first: the one that has just ended, and earlier ones as far as history goes."""
    first = first_event(as_of, orders)
    newest = window_start(as_of, spec.days, orders.zone)
    starts, step = [newest], min(spec.days, _STEP_DAYS)
    while first is not None and len(starts) <= _MOST_CUTOFFS:
        # Labels of what is learned from must have ended before the newest window begins.
        past = window_start(newest, spec.days + step * (len(starts) - 1), orders.zone)
        if past <= window_start(first, -min(spec.days, _STEP_DAYS), orders.zone):
            break
        starts.append(past)
    return [Window(one, min(window_start(one, -spec.days, orders.zone), as_of)) for one in starts]


def sufficiency(spec: PredictionSpec, *, as_of: datetime, orders: OrderSetting, most: int | None = None) -> Meter:
    """Whether there is enough to learn from. `most`: of a larger base so many people are looked at, and the numbers are
    those of everybody by their share. Raises BadPrediction."""
    window = Window(window_start(as_of, spec.days, orders.zone), as_of)
    people, share = (None, 1.0) if most is None else _sample(most)
    first = first_event(as_of, orders, people)
    found = eligible(spec, window, as_of=as_of, orders=orders, people=people)
    return meter(
        spec, people=round(len(found.profile_ids) / share), least=LEAST_EACH,
        positives=round(float(truth_of(spec, found.did).sum()) / share),
        history_days=0 if first is None else (as_of - first).days,
        segment_missing="" if len(found.profile_ids) else segment_name(spec),
        looked_at=0 if people is None else len(people),
    )  # fmt: skip


def _sample(most: int) -> tuple[npt.NDArray[np.int64] | None, float]:
    """Some people, the same each time, and which share of everybody they are; None and all for a small base."""
    with psycopg.Cursor(pg.raw()) as cursor:
        row = cursor.execute(_SIZE).fetchone()
        size = int(row[0]) if row else 0
        if size <= most:
            return None, 1.0
        found = cursor.execute(_SAMPLE, {"percent": 100 * most / size, "most": most}).fetchall()
    ids = np.array(sorted(one[0] for one in found), dtype=np.int64)
    return (ids, len(ids) / size) if len(ids) else (None, 1.0)


def truth_of(spec: PredictionSpec, did: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """1 for whoever does what is predicted: the event, or staying without it."""
    return np.asarray(did if spec.goal == "does" else ~did, dtype=np.float64)


def read_set(
    spec: PredictionSpec, names: Sequence[str], *, as_of: datetime, orders: OrderSetting,
    among: Sequence[Window] | None = None,
) -> TrainingSet:  # fmt: skip
    """The rows of all closed windows, or of these, with these features."""
    tables, people, truth, starts, ends = [], [], [], [], []
    for window in among or windows(spec, as_of=as_of, orders=orders):
        found = eligible(spec, window, as_of=as_of, orders=orders)
        table = of_people(names, found.profile_ids, as_of=window.starts, orders=orders)
        did = found.did[np.isin(found.profile_ids, table.profile_ids)]
        tables.append(table)
        people.append(table.profile_ids)
        truth.append(truth_of(spec, did))
        starts.append(np.full(len(table), clock.micros(window.starts), dtype=np.int64))
        ends.append(np.full(len(table), clock.micros(window.ends), dtype=np.int64))
    return TrainingSet(
        np.concatenate(people), np.concatenate(starts), np.concatenate(ends), np.concatenate(truth),
        {name: _joined([one.columns[name] for one in tables]) for name in names},
    )  # fmt: skip


def of_people(
    names: Sequence[str], profile_ids: npt.NDArray[np.int64], *, as_of: datetime, orders: OrderSetting
) -> FeatureTable:  # fmt: skip
    """Features of those of these people who are still there, in ascending order."""
    table = features_of(names, as_of=as_of, orders=orders)
    rows = np.flatnonzero(np.isin(table.profile_ids, profile_ids))
    return FeatureTable(as_of, table.profile_ids[rows], taken(table.columns, rows))


def names_of(spec: PredictionSpec, *, as_of: datetime, orders: OrderSetting) -> tuple[list[str], str]:
    """The features to learn from, and what was left out in words: those that somebody chose, or all there are but the
    groups of fairness; sums of money only when it is of one currency. Raises NotPossible."""
    every = features()
    missing = [one for one in (*spec.features, *spec.groups) if one not in every]
    if missing:
        raise NotPossible(f"{missing[0]}: there is no such feature any more. Choose others.")
    names = [one for one in (spec.features or every) if one not in spec.groups]
    money = [one for one in names if every[one].counts_money]
    if money:
        try:
            expect_one_currency(orders=orders, as_of=as_of)
        except NotPossible:
            return [one for one in names if one not in money], "Sums of money: orders come in several currencies."
    return names, ""


def segment_name(spec: PredictionSpec) -> str:
    """What the segment is called whose members it is about; nothing when it is about everybody."""
    found = segments.segment(spec.segment) if spec.segment else None
    return found.name if found else spec.segment


def _members(slug: str, moment: datetime) -> npt.NDArray[np.int64]:
    """Who was in the segment then, as they are called now."""
    found = segments.segment(slug)
    if found is None:
        raise NotPossible(f"segment: there is no segment {slug} any more. Choose another.")
    ids = segments.members_at(found.id, moment)
    return np.array(sorted(set(identity.current_ids(ids.tolist()).values())), dtype=np.int64)


def first_event(as_of: datetime, orders: OrderSetting, people: npt.NDArray[np.int64] | None = None) -> datetime | None:
    """When the history that is known at an instant begins: of everybody, or of these people."""
    params: dict[str, Any] = {"as_of": as_of, "history": list(orders.history_sources)}
    text = _FIRST if people is None else _FIRST_AMONG
    if people is not None:
        params["people"] = people.tolist()
    with psycopg.Cursor(pg.raw()) as cursor:
        row = cursor.execute(text.format(name="as_of"), params).fetchone()
    return row[0] if row else None


def _joined(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [value for part in parts for value in part]
