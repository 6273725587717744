"""What would become of an item: the real path, in a transaction that is rolled back."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import psycopg
import zstandard

import connectors.services as connectors
import events.services as events
import identity.services as identity
from cdp.pipeline.prepare import Preparation
from common import clock, pg, turns
from events.contracts import InboxRow, Refusal
from identity.contracts import IdentifierKey

Outcome = Literal["comes_in", "refused", "quarantined", "suppressed", "repeat", "could_not_apply"]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The verdict, and where it came so far: the event, when it happened by the server's clock, the identifiers, and
    the profile it would hang on (0: a new one)."""

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    event: str = ""
    occurred_at: datetime | None = None
    identifiers: Sequence[IdentifierKey] = ()
    profile_id: int = 0

    @property
    def good(self) -> bool:
        """Whether it would be in the log afterwards."""
        return self.outcome in ("comes_in", "repeat")


def rehearse(*, source_id: int, raw: bytes, now: datetime) -> Rehearsal:
    """The verdict of the door, the cleaning rules, the plan, suppression, consent and the database on one item. Nothing
    is kept of it."""
    found = connectors.judge_item(raw)
    if isinstance(found, Refusal):
        return Rehearsal("refused", found.reason, found.detail)
    body = zstandard.ZstdCompressor(level=1).compress(b'{"batch":[' + found + b"]}")
    batch, _ = events.parse(
        [InboxRow(0, now, source_id, None, body)], decompressor=zstandard.ZstdDecompressor()
    )  # fmt: skip
    with closing(pg.connect(autocommit=True)) as conn:
        try:
            return _in_vain(conn, batch, now)
        except psycopg.errors.NumericValueOutOfRange:
            # As the applier does: numbers beyond any column become texts.
            return _in_vain(conn, events.with_numbers_as_text(batch), now)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as failure:
            return Rehearsal("could_not_apply", "could_not_apply", f"{type(failure).__name__}: {failure}"[:2000])


def _in_vain(conn: psycopg.Connection[Any], batch: events.Batch, now: datetime) -> Rehearsal:
    with conn.transaction(force_rollback=True):
        turns.borrow(conn)
        return _judge(conn, batch, now)


def _judge(conn: psycopg.Connection[Any], batch: events.Batch, now: datetime) -> Rehearsal:
    told: dict[str, Any] = {"event": batch.names[0], "occurred_at": clock.from_micros(batch.occurred_us[0])}
    prepared = Preparation().prepare(conn, batch, now=now)
    if prepared.robots:
        return Rehearsal("suppressed", "robot", "Its source drops what robots send.", **told)
    if len(prepared.aside):
        reason, detail = events.newest_setback(conn, message_id=batch.message_ids[0]) or ("plan", "")
        return Rehearsal("quarantined", reason, detail, **told)
    screened = prepared.screened
    allowed, collected = screened.batch, screened.collected
    if screened.unconsented:
        return Rehearsal(
            "suppressed", "no_consent", "The person has not given the consent its source asks for.", **told
        )
    if not len(allowed):
        return Rehearsal("suppressed", "suppressed", "It carries an identifier that must not be stored.", **told)
    resolution = identity.apply_evidence(conn, evidence=collected.evidence, memory=identity.Memory(), now=now)
    carrier = collected.carriers[0]
    identifier, profile = int(resolution.identifier_ids[carrier]), int(resolution.profile_ids[carrier])
    repeated = events.has_message(
        conn, identifier_id=identifier, source_id=allowed.source_ids[0], message_id=allowed.message_ids[0]
    )
    events.Log().append(conn, allowed, np.array([identifier]).tolist())
    return Rehearsal(
        "repeat" if repeated else "comes_in", identifiers=tuple(collected.evidence.keys),
        profile_id=0 if profile in set(resolution.created) else profile, **told,
    )  # fmt: skip
