"""That somebody saw a variant is an event like any other: in the log, on the timeline, erased with the person."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import zstandard

from campaigns.contracts import EXPOSURE, ExperimentView, Variant
from common import clock, pg
from connectors import selectors as connectors
from connectors import services as connecting
from events import services as events

_SOURCE = "experiments"
_FIRST = """
select distinct on (m.profile_id) m.profile_id, e.properties ->> 'variation_id'
from identity_member m join events_event e using (identifier_id)
where m.profile_id = any(%(profiles)s) and e.name = %(exposure)s and e.occurred_at >= %(start)s
  and e.properties ->> 'experiment_id' = %(slug)s
order by m.profile_id, e.occurred_at, e.message_id
"""


def source(*, by: str, now: datetime, via: str) -> int:
    """The source that exposures come from; made for the first experiment."""
    known = next((one.id for one in connectors.sources() if one.slug == _SOURCE), None)
    return known or connecting.create_source(name="Experiments", kind="server", by=by, via=via, now=now).id


def first_seen(experiment: ExperimentView, profile_ids: Sequence[int]) -> dict[int, str]:
    """The key of the variant that each of these profiles saw first; who saw none is left out."""
    rows = pg.cursor().execute(_FIRST, {
        "profiles": pg.int8s(profile_ids), "exposure": EXPOSURE, "slug": experiment.slug,
        "start": experiment.started_at,
    }).fetchall()  # fmt: skip
    return {row[0]: row[1] for row in rows}


def expose(
    experiment: ExperimentView, variant: Variant, *, source_id: int, kind: str, value: str, now: datetime
) -> None:  # fmt: skip
    """One event a day, person and variant; the same again is dropped as a repeat."""
    store([exposure(experiment, variant, kind=kind, value=value, now=now)], source_id=source_id, now=now)


def exposure(
    experiment: ExperimentView, variant: Variant, *, kind: str, value: str, now: datetime
) -> dict[str, Any]:  # fmt: skip
    """The event that says that somebody sees a variant of an experiment."""
    return seen(
        slug=experiment.slug, name=experiment.name, variant=variant.key, variant_name=variant.name,
        period=f"{now:%Y-%m-%d}", kind=kind, value=value, now=now,
    )  # fmt: skip


def seen(
    *, slug: str, name: str, variant: str, variant_name: str, period: str, kind: str, value: str, now: datetime,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The event that says that somebody sees a variant: once in a period, however often it is told."""
    return {
        "type": "track", "event": EXPOSURE, "timestamp": clock.iso(now),
        "messageId": _message_id(slug, variant, period, kind, value),
        "properties": {
            "experiment_id": slug, "experiment_name": name, "variation_id": variant, "variation_name": variant_name,
            **(more or {}),
        },
    } | bearer(kind, value)  # fmt: skip


def bearer(kind: str, value: str) -> dict[str, Any]:
    """The part of a call that says whose it is."""
    if kind in ("user_id", "anonymous_id"):
        return {"userId" if kind == "user_id" else "anonymousId": value}
    return {"context": {"externalIds": [{"id": value, "type": kind, "collection": "users", "encoding": "none"}]}}


def store(calls: Sequence[Mapping[str, Any]], *, source_id: int, now: datetime) -> None:
    """Put calls into the inbox, in the caller's transaction."""
    events.store(
        pg.raw(), source_id=source_id, document=b'{"batch":[' + b",".join(map(orjson.dumps, calls)) + b"]}",
        events=len(calls), client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip


def _message_id(*parts: str) -> str:
    """The same for the same parts, and without the identifier in it."""
    return "experiment-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
