"""A turn of reading: rows into the inbox, and the place moved in the same transaction.

A run goes from where the last one ended to the newest row, over as many turns as it needs. One worker reads a pull at
a time (an advisory lock of its session); what a killed worker had not committed is read again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import zstandard

from common import clock
from connectors.destinations.errors import DeliveryError
from connectors.destinations.kit import Account, Outside
from connectors.imports.items import RowItems
from connectors.imports.mapping import read_mapping
from connectors.pulls import comparing, values
from connectors.pulls.comparing import Seen
from connectors.pulls.contracts import Pulled
from connectors.pulls.models import Pull, PullRun
from connectors.pulls.origin import CHUNK, Chunk, Origin, Row, Start
from connectors.pulls.rows import Judge, Judged, gone_item, keys_of
from events import services as events
from identity.contracts import IdentifierKey

_STORED = 1_000_000
# So many rows may be gone at once, and whatever is no more than half of all.
_MANY = 100
_MOVE = """
update connectors_pull set place = coalesce(%(place)s::jsonb, place), problem = ''
where id = %(pull)s and version = %(version)s and enabled
"""
_COUNT = """
update connectors_pullrun set rows = rows + %(rows)s, items = items + %(items)s, refused = refused + %(refused)s,
    unchanged = unchanged + %(unchanged)s, gone = gone + %(gone)s
where id = %(run)s and finished_at is null
"""


# Which of some identifiers must not be stored.
Suppressed = Callable[[psycopg.Connection[Any], Sequence[IdentifierKey]], set[IdentifierKey]]


class Changed(Exception):
    """Somebody changed or paused the pull while it was read: the turn ends, and nothing of the rest is kept."""


class ManyGone(DeliveryError):
    """More rows are gone than anybody deletes at once."""


class Reader:
    """Reads one pull for a turn."""

    def __init__(
        self, pull: Pull, origin: Origin, account: Account, outside: Outside, ticker: clock.Ticker,
        after: Callable[[], None], suppressed: Suppressed,
    ) -> None:  # fmt: skip
        self._pull, self._origin, self._account, self._outside = pull, origin, account, outside
        self._ticker, self._after, self._suppressed = ticker, after, suppressed
        self._compares = origin.compares(pull.settings)
        self._gone_event = str(pull.settings.get("gone_event") or "Row Deleted")
        self._tells_gone = pull.settings.get("gone") == "event"
        self._keep_who = self._compares and self._tells_gone
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._total = Pulled()

    def turn(self, conn: psycopg.Connection[Any], *, seconds: float) -> Pulled:
        """Read until nothing is left, or `seconds` are over. Raises DeliveryError, BadMapping or Changed."""
        end = time.monotonic() + seconds
        run = self._run()
        if run.state == PullRun.State.READING:
            if not self._read(conn, run, end):
                return self._total
            self._expect_few_gone(conn, run)
            if self._tells_gone and not self._compares:
                self._tell_deleted(conn, run)
            self._step(run, PullRun.State.TELLING)
        if not self._forget(conn, run, end):
            return self._total
        self._step(run, PullRun.State.DONE)
        Pull.objects.filter(pk=self._pull.pk, accept_gone=True).update(accept_gone=False)
        return _plus(self._total, done=True)

    def _run(self) -> PullRun:
        """The run under way, or a new one."""
        found = PullRun.objects.filter(pull=self._pull, finished_at=None).first()
        if found is not None:
            return found
        newest = self._origin.newest(self._outside, self._account)
        look_back = self._origin.look_back(self._pull.settings)
        return PullRun.objects.create(
            pull=self._pull, started_at=self._ticker(), newest=None if newest is None else values.encode(newest),
            remember_from=values.encode(values.back(newest, look_back)) if newest is not None and look_back else None,
        )  # fmt: skip

    def _start(self, run: PullRun) -> Start:
        place = self._pull.place
        if not place or (self._compares and not run.rows):
            return Start()
        cursor = values.decode(place["cursor"]) if place["cursor"] else None
        key = tuple(values.decode(one) for one in place["key"])
        look_back = 0 if run.rows else self._origin.look_back(self._pull.settings)
        # A key that named somebody who was erased is gone: all rows with its cursor are read again.
        if cursor is not None and (look_back or not key):
            return Start(values.back(cursor, look_back), key, inclusive=True)
        return Start(cursor, key)

    def _read(self, conn: psycopg.Connection[Any], run: PullRun, end: float) -> bool:
        """Whether all rows were read before the turn was over."""
        judge: Judge | None = None
        remember_from = values.decode(run.remember_from) if run.remember_from else None
        salt = f"{self._pull.source_id}:{run.pk if self._compares else ''}"
        for chunk in self._origin.read(self._outside, self._account, self._start(run)):
            if judge is None:
                mapping = read_mapping(self._pull.mapping, chunk.header)
                judge = Judge(mapping, chunk.header, salt=salt, keep_who=self._keep_who)
            judged = [judge(number, row) for number, row in enumerate(chunk.rows, 1)]
            self._keep(conn, run, chunk, judged, remember_from)
            if time.monotonic() > end:
                return False
        return True

    def _keep(
        self, conn: psycopg.Connection[Any], run: PullRun, chunk: Chunk, judged: Sequence[Judged], remember_from: Any
    ) -> None:
        """Store what is accepted, quarantine what is not, and move the place: all of it or nothing."""
        source_id = self._pull.source_id
        with conn.transaction():
            told = self._told(conn, run, chunk, judged, remember_from)
            items = [item for one in told for item in one.items]
            refused = [
                events.Setback(source_id, no.refusal.reason, no.refusal.detail, no.name, no.raw[:_STORED])
                for one in told for no in one.refused
            ]  # fmt: skip
            self._store(conn, items)
            events.quarantine(conn, refused, stage="accept", received_at=self._ticker())
            last = chunk.rows[-1]
            self._move(conn, run, Pulled(len(judged), len(items), len(refused), len(judged) - len(told)), place={
                "cursor": None if last.cursor is None else values.encode(last.cursor),
                "key": [values.encode(one) for one in last.key],
            })  # fmt: skip
        if items:
            self._after()

    def _told(
        self, conn: psycopg.Connection[Any], run: PullRun, chunk: Chunk, judged: Sequence[Judged], remember_from: Any
    ) -> Sequence[Judged]:
        """Those that are new, or not what they were; and what has to be known again is remembered."""
        if not self._compares and remember_from is None:
            return judged
        fresh = comparing.changed(conn, pull_id=self._pull.pk, rows=[one.seen for one in judged])
        kept = [
            one.seen for one, row in zip(judged, chunk.rows, strict=True)
            if self._compares or row.cursor >= remember_from
        ]  # fmt: skip
        if self._keep_who:
            kept = self._screened(conn, kept)
        comparing.remember(conn, pull_id=self._pull.pk, run_id=run.pk, rows=kept)
        return [one for one, new in zip(judged, fresh, strict=True) if new]

    def _screened(self, conn: psycopg.Connection[Any], seen: Sequence[Seen]) -> list[Seen]:
        """Without the identifiers of those who must not be stored."""
        banned = self._suppressed(conn, list({key for one in seen for key in one.who or ()}))
        return [replace(one, who=None) if banned.intersection(one.who or ()) else one for one in seen]

    def _tell_deleted(self, conn: psycopg.Connection[Any], run: PullRun) -> None:
        """Tell of records that a vendor says were deleted since the last run: of each once, by its key and its time.
        Before the first run was over nothing had come in that could be deleted."""
        last = PullRun.objects.filter(pull=self._pull, state=PullRun.State.DONE).order_by("-pk").first()
        if last is None:
            return
        since = last.started_at - timedelta(seconds=self._origin.look_back(self._pull.settings))
        items_of: RowItems | None = None
        for chunk in self._origin.deleted(self._outside, self._account, since):
            items_of = items_of or RowItems(read_mapping(self._pull.mapping, chunk.header), chunk.header)
            items = [one for row in chunk.rows if (one := self._deleted_item(items_of, row)) is not None]
            with conn.transaction():
                self._store(conn, items)
                self._move(conn, run, Pulled(gone=len(items)), place=None)
            if items:
                self._after()

    def _deleted_item(self, items_of: RowItems, row: Row) -> bytes | None:
        made, _ = items_of(0, row.cells)
        key = orjson.dumps([values.encode(one) for one in row.key])
        salt = f"{self._pull.source_id}:{clock.iso(row.cursor)}"
        return gone_item(keys_of(made), event=self._gone_event, key=key, salt=salt, at=row.cursor)

    def _expect_few_gone(self, conn: psycopg.Connection[Any], run: PullRun) -> None:
        """A table that is just being filled again, or of which the user sees a part only, is no reason to tell of
        everybody: events cannot be taken back. The next run looks anew."""
        if not self._keep_who or self._pull.accept_gone:
            return
        gone, known = comparing.count_gone(conn, pull_id=self._pull.pk, run_id=run.pk)
        if gone > _MANY and gone * 2 > known:
            self._step(run, PullRun.State.HELD)
            raise ManyGone(
                f"{gone:,} of {known:,} rows are gone at once, so nothing was told of them. Accept it, if it is right; "
                "rows that are back by the next time are not told of.",
                code="many_gone",
            )

    def _forget(self, conn: psycopg.Connection[Any], run: PullRun, end: float) -> bool:
        """Forget the rows that this run did not see, and tell of them where that is asked; whether all were."""
        after = b""
        while True:
            with conn.transaction():
                gone = comparing.forget_gone(conn, pull_id=self._pull.pk, run_id=run.pk, after=after, most=CHUNK)
                made = [
                    gone_item(who, event=self._gone_event, key=key, salt=f"{self._pull.source_id}:{run.pk}")
                    for key, who in gone if who and self._keep_who
                ]  # fmt: skip
                items = [one for one in made if one is not None]
                self._store(conn, items)
                self._move(conn, run, Pulled(gone=len(gone) if self._compares else 0), place=None)
            if items:
                self._after()
            if len(gone) < CHUNK:
                return True
            after = gone[-1][0]
            if time.monotonic() > end:
                return False

    def _store(self, conn: psycopg.Connection[Any], items: Sequence[bytes]) -> None:
        if items:
            events.store(
                conn, source_id=self._pull.source_id, document=b'{"batch":[' + b",".join(items) + b"]}",
                events=len(items), client_ip=None, received_at=self._ticker(), compressor=self._compressor,
            )  # fmt: skip

    def _move(self, conn: psycopg.Connection[Any], run: PullRun, did: Pulled, *, place: Any) -> None:
        given = {
            "pull": self._pull.pk, "version": self._pull.version, "run": run.pk, "rows": did.rows, "items": did.items,
            "refused": did.refused, "unchanged": did.unchanged, "gone": did.gone,
            "place": None if place is None else orjson.dumps(place).decode(),
        }  # fmt: skip
        if conn.execute(_MOVE, given).rowcount != 1 or conn.execute(_COUNT, given).rowcount != 1:
            raise Changed
        run.rows += did.rows
        self._total = _plus(self._total, did)

    def _step(self, run: PullRun, state: str) -> None:
        done = state in (PullRun.State.DONE, PullRun.State.HELD)
        ended = {"finished_at": self._ticker()} if done else {}
        if ended and self._compares:
            # The next run begins at the beginning; what named the last row is not kept without need.
            Pull.objects.filter(pk=self._pull.pk, version=self._pull.version).update(place=None)
        if not PullRun.objects.filter(pk=run.pk, finished_at=None).update(state=state, **ended):
            raise Changed
        run.state = state


def _plus(a: Pulled, b: Pulled = Pulled(), *, done: bool = False) -> Pulled:  # noqa: B008 - frozen
    return Pulled(
        a.rows + b.rows, a.items + b.items, a.refused + b.refused, a.unchanged + b.unchanged, a.gone + b.gone, done
    )
