"""What must not be stored is dropped before anything is written of it."""

from typing import Any

import psycopg

from cdp.pipeline.collect import Collected, collect
from events.services import Batch
from identity.contracts import IdentifierKey
from privacy import services as privacy


def screen(conn: psycopg.Connection[Any], batch: Batch, collected: Collected) -> tuple[Batch, Collected]:
    """The items that carry no suppressed identifier, and their evidence. One statement while the list is empty, two
    when it is not; items are looked at one by one only when something of the batch is suppressed."""
    hidden = privacy.suppressed_among(conn, collected.evidence.keys)
    if not hidden:
        return batch, collected
    kept = [place for place in range(len(batch)) if not _carries(batch.only([place]), hidden)]
    allowed = batch.only(kept)
    return allowed, collect(allowed)


def _carries(item: Batch, hidden: set[IdentifierKey]) -> bool:
    return not hidden.isdisjoint(collect(item).evidence.keys)
