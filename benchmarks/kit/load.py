"""Filling an inbox, draining it with the real applier, and COPYing the same rows as the reference."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import zstandard

from kit.rules import Rule
from kit.services import postgres_cpu
from kit.stream import Stream

CHUNK = 100_000
COPY_ROWS = 5_000


@dataclass
class Cost:
    """Wall and processor seconds of some events."""

    events: int = 0
    wall: float = 0.0
    client: float = 0.0
    postgres: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.events + other.events,
            self.wall + other.wall,
            self.client + other.client,
            self.postgres + other.postgres,
        )

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.wall

    @property
    def micros(self) -> float:
        """Microseconds of processor time an event, this process and every PostgreSQL process together."""
        return (self.client + self.postgres) / self.events * 1e6


def measure(work: Callable[[], int]) -> Cost:
    """What `work` costs; it returns how many events it handled."""
    wall, client, postgres = time.perf_counter(), time.process_time(), postgres_cpu()
    events = work()
    return Cost(events, time.perf_counter() - wall, time.process_time() - client, postgres_cpu() - postgres)


def publish(rules: list[tuple[str, Rule]]) -> None:
    """Make the live segments."""
    from segments import services

    for name, rule in rules:
        services.create_segment(name=name, rule=rule, by="benchmark", now=datetime.now(UTC))


def fill(conn: psycopg.Connection[Any], stream: Stream, events: int) -> None:
    """Put events into the inbox as accepted requests (not part of what is measured)."""
    from events import services

    compressor = zstandard.ZstdCompressor(level=1)
    received = datetime.now(UTC)
    services.ensure_inbox(conn, now=received)
    with conn.transaction():
        for body, count in stream.bodies(events):
            services.store(
                conn,
                source_id=1,
                document=body,
                events=count,
                client_ip=None,
                received_at=received,
                compressor=compressor,
            )


def drain(conn: psycopg.Connection[Any], applier: Any, now: Callable[[], datetime]) -> int:
    """Apply all that waits."""
    from events import services

    taken = 0
    while services.waiting(conn):
        taken += applier.apply_batch(now=now()).taken
    return taken


def apply_stream(
    conn: psycopg.Connection[Any],
    applier: Any,
    stream: Stream,
    events: int,
    after: Callable[[], None] = lambda: None,
) -> list[Cost]:
    """Fill and drain in chunks; one cost a chunk, and `after` is called at its end."""
    costs = []
    for _ in range(max(1, events // CHUNK)):
        fill(conn, stream, min(CHUNK, events))
        costs.append(measure(lambda: drain(conn, applier, stream.now)))
        after()
    return costs


def copy_reference(conn: psycopg.Connection[Any], rows: int) -> Cost:
    """COPY the log's own rows as text, 5,000 a transaction, into a table with the same partitions and indexes."""
    with conn.transaction():
        conn.execute("create schema reference")
        conn.execute(
            "create table reference.event (like public.events_event including all) partition by range (occurred_at)"
        )
        bounds = conn.execute(
            "select c.relname, pg_get_expr(c.relpartbound, c.oid)"
            " from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = 'public.events_event'::regclass"
        ).fetchall()
        for name, bound in bounds:
            conn.execute(f"create table reference.{name} partition of reference.event {bound}")
    chunks = []
    with (
        conn.cursor() as cursor,
        cursor.copy(f"copy (select * from public.events_event limit {rows}) to stdout") as out,
    ):
        lines = [bytes(line) for line in out]
    chunks = [b"".join(lines[start : start + COPY_ROWS]) for start in range(0, len(lines), COPY_ROWS)]

    def copy_all() -> int:
        for chunk in chunks:
            with conn.transaction(), conn.cursor() as cursor, cursor.copy("copy reference.event from stdin") as into:
                into.write(chunk)
        return len(lines)

    cost = measure(copy_all)
    conn.execute("drop schema reference cascade")
    return cost


def start_of_stream(days: int) -> datetime:
    """A start so that the stream's clock stays in the past."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
