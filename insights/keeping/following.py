"""Keeping features up: whoever something came of is computed anew, by the one as-of function, and what changed is
written. Once a day everybody is, because windows and days pass without an event.

One statement computes a piece, outside the turn, and another finds whose traits differ. Values, the removal of notes
that asked for them and the place of the daily round are one transaction under the turn. What comes before that is noted
by whoever applies it, so it is computed once more. A worker that is killed leaves notes and place as they were.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg
from insights.contracts import OrderSetting
from insights.features.contracts import BadFeature
from insights.features.reading import declared, features, features_of
from insights.keeping.contracts import columns_of, meaning_of, trait_of
from insights.keeping.models import Keeping, KeptFeature
from insights.kpis.compile import day_of
from insights.settings import setting
from insights.writing import After, keep_traits, take_traits

log = logging.getLogger(__name__)

# "kept" in ASCII.
_LOCK = 0x6B657074
# People a piece: the applier waits while one is written. Identifiers that are looked at: many are the same people.
_PIECE, _MOST_IDS = 2_000, 50_000
_TAKE = """
select t.id, t.ids from (
    select id, sum(size) over (order by id {way}) - size as before
    from (select id, size from insights_touched where ripe_at <= %(as_of)s order by id {way} limit 1000) waiting
) counted join insights_touched t on t.id = counted.id where before < %(most)s order by t.id {way}
"""
# From both ends in turn: a long backlog is worked off, and who came just now does not wait for its end.
_OLDEST, _NEWEST = _TAKE.format(way="asc"), _TAKE.format(way="desc")
_PEOPLE = "select distinct profile_id from identity_member where identifier_id = any(%(ids)s) order by profile_id"
_NEXT = "select profile_id from identity_trait where profile_id > %(after)s order by profile_id limit %(most)s"
_DONE = "delete from insights_touched where id = any(%(notes)s)"
_NOBODY_ASKS = "delete from insights_touched where not exists (select from insights_keptfeature where not leaving)"
_WRITTEN = """
update insights_keeping set writes = writes + 1, computed_at = greatest(computed_at, %(now)s)
where id = 1 and writes = %(writes)s
"""
_MOVED = """
update insights_keptfeature k set position = %(position)s, counted = k.counted + n.people
from unnest(%(names)s, %(people)s) n (name, people)
where k.name = n.name and k.position = %(before)s and k.meaning = any(%(meanings)s)
"""
_WHOLE = """
update insights_keptfeature set position = null, whole_at = begun_at, people = counted
where name = any(%(names)s) and position = %(before)s and meaning = any(%(meanings)s)
"""


class _Overtaken(Exception):
    """Another worker wrote meanwhile: what this one computed may be older."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is kept at this moment."""

    rows: tuple[KeptFeature, ...]
    orders: OrderSetting


def keep_up(*, clock_now: Callable[[], datetime], after: After, at_most: float = 20.0) -> int:
    """Compute whoever waits, and as much of a round of everybody as fits into so many seconds; answers how many people
    have other traits. `after` lets segments and syncs follow."""
    if not KeptFeature.objects.exists():
        return 0
    with closing(pg.connect(autocommit=True)) as aside:
        if not pg.try_lock(aside, _LOCK, 0):
            return 0
        try:
            return _Worker(clock_now, after).run(at_most)
        except _Overtaken:
            log.warning("another worker keeps features up; this one leaves it to that")
        except BadFeature as wrong:
            # It was taken away since the plan was made; the next turn sees that it is gone.
            log.info("kept features changed meanwhile: %s", wrong)
    return 0


class _Worker:
    def __init__(self, clock_now: Callable[[], datetime], after: After) -> None:
        self._now, self._after = clock_now, after
        self._changed = 0

    def run(self, at_most: float) -> int:
        ends, newest = time.monotonic() + at_most, False
        while True:
            plan = self._plan()
            if not plan.rows:
                break
            busy = self._follow(plan, newest=newest)
            busy = self._round(plan) or busy
            newest = not newest
            if not busy or time.monotonic() >= ends:
                break
        return self._changed

    def _plan(self) -> _Plan:
        """What is kept. Features that mean something else now are begun anew, those that left are taken away."""
        now, orders, every, views = self._now(), setting().orders, features(), declared()
        kept = []
        for row in KeptFeature.objects.order_by("name"):
            feature = every.get(row.name)
            if row.leaving or feature is None or feature.texts:
                self._leave(row, now)
                continue
            meaning, today = meaning_of(feature, views, orders), day_of(now, orders.zone)
            over = row.position is None and (row.begun_at is None or day_of(row.begun_at, orders.zone) != today)
            if over or row.meaning != meaning:
                row.meaning, row.position, row.begun_at, row.counted = meaning, 0, now, 0
                row.save(update_fields=["meaning", "position", "begun_at", "counted"])
            kept.append(row)
        return _Plan(tuple(kept), orders)

    def _leave(self, row: KeptFeature, now: datetime) -> None:
        KeptFeature.objects.filter(pk=row.pk).update(leaving=True)
        nobody = np.empty(0, dtype=np.int64)
        self._changed += take_traits(keys=[trait_of(row.name)], kept=nobody, now=now, after=self._after)
        # Unless somebody wants it again: then everybody is computed anew.
        KeptFeature.objects.filter(pk=row.pk, leaving=True).delete()
        with pg.cursor() as cursor:
            cursor.execute(_NOBODY_ASKS)

    def _follow(self, plan: _Plan, *, newest: bool) -> bool:
        """The people of some notes; whether there were any."""
        as_of = self._now()
        with pg.cursor() as cursor:
            told = {"as_of": as_of, "most": _MOST_IDS}
            rows = cursor.execute(_NEWEST if newest else _OLDEST, told).fetchall()
            if not rows:
                return False
            ids = np.unique(np.concatenate([np.asarray(one, dtype=np.int64) for _, one in rows]))
            people = np.array(
                [row[0] for row in cursor.execute(_PEOPLE, {"ids": pg.int8s(ids)}).fetchall()], dtype=np.int64
            )  # fmt: skip
        notes = [row[0] for row in rows]
        names = [row.name for row in plan.rows]
        pieces = [people[start : start + _PIECE] for start in range(0, len(people), _PIECE)] or [people]
        for piece in pieces[:-1]:
            self._write(plan, names, piece, self._now())
        self._write(plan, names, pieces[-1], self._now(), settle=lambda conn, _: _forget(conn, notes))
        return True

    def _round(self, plan: _Plan) -> bool:
        """The next piece of everybody, of the features that are least far; whether one is under way."""
        due = [row for row in plan.rows if row.position is not None]
        if not due:
            return False
        before = min(row.position or 0 for row in due)
        due = [row for row in due if row.position == before]
        names = [row.name for row in due]
        place = {"before": before, "names": pg.texts(names), "meanings": pg.texts(row.meaning for row in due)}
        with pg.cursor() as cursor:
            found = cursor.execute(_NEXT, {"after": before, "most": _PIECE}).fetchall()
            if not found:
                cursor.execute(_WHOLE, place)
                return True
        people = np.array([row[0] for row in found], dtype=np.int64)

        def settle(conn: psycopg.Connection[Any], columns: dict[str, list[str]]) -> None:
            known = [sum(value != "null" for value in columns[trait_of(name)]) for name in names]
            with pg.cursor(conn) as cursor:
                cursor.execute(_MOVED, {**place, "people": pg.int8s(known), "position": int(people[-1])})

        self._write(plan, names, people, self._now(), settle=settle)
        return True

    def _write(
        self, plan: _Plan, names: Sequence[str], people: npt.NDArray[np.int64], as_of: datetime,
        settle: Callable[[psycopg.Connection[Any], dict[str, list[str]]], None] = lambda conn, columns: None,
    ) -> None:  # fmt: skip
        """Compute these people, then write what is other than their traits; `settle` is in the same transaction."""
        state, _ = Keeping.objects.get_or_create(pk=1)
        table = features_of(names, as_of=as_of, profiles=people.tolist(), orders=plan.orders)
        columns = columns_of({name: _listed(table.columns[name]) for name in names})
        now = max(as_of, state.computed_at or as_of)

        def begin(conn: psycopg.Connection[Any]) -> None:
            with pg.cursor(conn) as cursor:
                if not cursor.execute(_WRITTEN, {"now": now, "writes": state.writes}).rowcount:
                    raise _Overtaken
            settle(conn, columns)

        self._changed += keep_traits(
            profile_ids=table.profile_ids, columns=columns, number=state.writes + 1, now=now, after=self._after,
            begin=begin,
        )  # fmt: skip


def _forget(conn: psycopg.Connection[Any], notes: Sequence[int]) -> None:
    with pg.cursor(conn) as cursor:
        cursor.execute(_DONE, {"notes": pg.int8s(notes)})


def _listed(column: Any) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)
