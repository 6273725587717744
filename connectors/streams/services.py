"""Setting streams up, and reading them."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from common import audit, clock, crypto, pg
from common.http import AllowList, Http
from common.outside import outside_settings
from connectors.destinations.contracts import InvalidSettings
from connectors.destinations.errors import DeliveryError
from connectors.destinations.kit import Outside, setting_problems
from connectors.sources.selectors import source
from connectors.streams.contracts import STREAM_KINDS, Read, StreamView
from connectors.streams.models import ShardPosition, Stream, StreamOffset
from connectors.streams.reading import Reader
from connectors.streams.selectors import view
from connectors.streams.shards import ShardReader

# "stre" in ASCII; one worker at a time reads one stream.
_LOCK = 0x73747265
TURN_SECONDS = 20.0
_SIDE_BY_SIDE = 8
_READERS: Mapping[str, Any] = {"kafka": Reader, "kinesis": ShardReader}


@transaction.atomic
def keep_stream(
    *, source_id: int, settings: Mapping[str, Any], secrets: Mapping[str, str], by: str, now: datetime,
    kind: str = "kafka",
) -> StreamView:  # fmt: skip
    """Set up or change the stream of a source; an empty secret leaves the one there is. Raises InvalidSettings.

    Another topic or other servers are read from their beginning: their offsets are others.
    """
    known = STREAM_KINDS.get(kind)
    if known is None:
        raise InvalidSettings([f"kind: choose one of {', '.join(STREAM_KINDS)}."])
    row = Stream.objects.select_for_update().filter(source_id=source_id).first()
    hidden = {
        **(reveal(row) if row and row.kind == kind else {}),
        **{key: value for key, value in secrets.items() if value},
    }
    problems = setting_problems(known.settings, settings, hidden)
    if problems:
        raise InvalidSettings(problems)
    elsewhere = row and [row.settings.get(one) for one in known.place] != [settings.get(one) for one in known.place]
    if row and (elsewhere or row.kind != kind):
        StreamOffset.objects.filter(stream=row).delete()
        ShardPosition.objects.filter(stream=row).delete()
    row = row or Stream(source_id=source_id, created_by=by, created_at=now)
    row.kind, row.problem = kind, ""
    row.settings, row.secrets = dict(settings), crypto.encrypt(json.dumps(hidden)) if hidden else ""
    row.save()
    audit.record(
        actor=by, action="stream.kept", object_type="source", object_id=source_id, at=now,
        summary=f"Set up the {known.label} {settings.get('topic') or settings.get('stream')}", after=dict(settings),
    )  # fmt: skip
    return view(row)


@transaction.atomic
def switch_stream(*, source_id: int, enabled: bool, by: str) -> StreamView:
    """Read it, or stop; what comes meanwhile waits in the topic for as long as the broker keeps it."""
    row = Stream.objects.select_for_update().get(source_id=source_id)
    row.enabled, row.problem = enabled, ""
    row.save(update_fields=["enabled", "problem"])
    verb = "resumed" if enabled else "paused"
    audit.record(
        actor=by, action=f"stream.{verb}", object_type="source", object_id=source_id, summary=f"The stream was {verb}"
    )
    return view(row)


def read_streams(
    *, now: datetime, after: Callable[[], None] = lambda: None, seconds: float = TURN_SECONDS
) -> dict[int, Read]:  # fmt: skip
    """A turn for every stream that nobody else reads just now; answers what came, by source.

    Several are read side by side, so that one which waits for its broker, or has a long backlog, delays no other.
    `after` is called, by whichever thread it is, whenever items are durable in the inbox. A stream that cannot be read
    says why in its row, and is tried again by the next turn.
    """
    rows = [row for row in Stream.objects.filter(enabled=True).order_by("pk") if _is_enabled(row.source_id)]

    def turn(row: Stream) -> Read | None:
        try:
            with closing(pg.connect(autocommit=True)) as conn:
                if not pg.try_lock(conn, _LOCK, row.pk):
                    return None
                return _turn(row, conn, clock.Ticker(now), seconds=seconds, after=after)
        finally:
            # Django opens a connection for each thread, and lets go of none by itself.
            connections.close_all()

    with ThreadPoolExecutor(_SIDE_BY_SIDE, "stream") as threads:
        read = list(threads.map(turn, rows))
    return {row.source_id: one for row, one in zip(rows, read, strict=True) if one is not None}


def _is_enabled(source_id: int) -> bool:
    found = source(source_id)
    return found is not None and found.enabled


def _turn(row: Stream, conn: Any, ticker: clock.Ticker, *, seconds: float, after: Callable[[], None]) -> Read:
    permitted = outside_settings()
    try:
        with Http(allow=AllowList.of(permitted.allow)) as http:
            outside = Outside(http=http, drop_folder=permitted.drop_folder, now=ticker())
            read = _READERS[row.kind](row, reveal(row), outside, ticker).turn(conn, seconds=seconds, after=after)
    except (DeliveryError, crypto.CannotDecrypt) as error:
        Stream.objects.filter(pk=row.pk).update(problem=str(error))
        return Read()
    Stream.objects.filter(pk=row.pk).update(problem="", last_read_at=ticker())
    return read


def reveal(row: Stream) -> dict[str, str]:
    """The secrets in clear."""
    found: dict[str, str] = json.loads(crypto.decrypt(row.secrets)) if row.secrets else {}
    return found
