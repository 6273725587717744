"""Segments on a base that has been running: publishing, refreshing, following, changes by time, the first sync.

`python benchmarks/segments.py [--people 100000] [--events 2000000] [--segments 200] [--part past|live|sync ...]`. The
reference of each row is the same work in plain SQL on the same rows, or the clock.
"""

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from kit import handwritten, latency, past, script
from kit.report import Report
from kit.rules import many
from kit.services import fresh_services, isolated

PARTS = ("past", "live", "sync")


def bench_past(report: Report, people: int, events: int, segments: int) -> None:
    """What segments cost when there is a past."""
    found = isolated(_past, people, events, segments)
    base = f"{people:,} people, {events:,} events"
    report.row(f"{base}: publish {segments} segments", found["publish"], "s", reference=f"{found['each']:.2f} s each")
    report.row(
        f"{base}: publish one more", found["one"], "s", ratio=found["one"] / found["one_sql"],
        reference=f"its members by hand-written SQL into a table {found['one_sql']:.2f} s",
    )  # fmt: skip
    report.row(
        f"{base}: refresh all {segments}", found["refresh"], "s", ratio=found["refresh"] / found["sql"],
        most=3 * found["sql"], reference=f"each as hand-written SQL, counted: {found['sql']:.1f} s",
    )  # fmt: skip
    report.row(f"{base}: corrections of that refresh", found["corrections"], "changes", most=0)
    report.row(
        f"{base}: memberships of one profile, median", found["lookup"], "ms", most=5,
        reference="inside the process, without HTTP",
    )  # fmt: skip
    report.row(f"{base}: memory of the process at the end", found["memory"], "MB")
    report.row(f"{base}: differing from hand-written SQL", found["differing"], "segments", most=0)


def _past(people: int, events: int, segments: int) -> dict[str, Any]:
    with fresh_services():
        import psycopg

        from common import pg
        from segments import selectors, services

        # A whole hour, so that the hand-written statements mean the same windows.
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        rules = many(segments + 1)
        with pg.connect(autocommit=True) as conn:
            past.make(conn, people=people, events=events, now=now)
        began = time.perf_counter()
        made = [services.create_segment(name=name, rule=rule, by="bench", now=now) for name, rule in rules[:-1]]
        publish = time.perf_counter() - began
        one = _timed(lambda: services.create_segment(name="One more", rule=rules[-1][1], by="bench", now=now))
        sql, differing = 0.0, 0
        with psycopg.Cursor(pg.raw()) as cursor:
            for view, (_, rule) in zip(made, rules[:-1], strict=True):
                text = f"select count(*) from ({handwritten.statement(rule, now=now)}) s"
                started = time.perf_counter()
                (count,) = cursor.execute(text).fetchone() or (0,)
                sql += time.perf_counter() - started
                differing += count != selectors.size(view.id)
            text = f"create temp table by_hand as {handwritten.statement(rules[-1][1], now=now)}"
            one_sql = _timed(lambda: cursor.execute(text))
        started = time.perf_counter()
        corrections = sum(services.refresh_all(now=now).values())
        refresh = time.perf_counter() - started
        lookups = [_timed(lambda n=n: selectors.memberships(n * (people // 200))) for n in range(1, 200)]
        return {
            "publish": publish,
            "each": publish / segments,
            "one": one,
            "one_sql": one_sql,
            "sql": sql,
            "refresh": refresh,
            "corrections": corrections,
            "differing": differing,
            "lookup": statistics.median(lookups) * 1000,
            "memory": psutil.Process().memory_info().rss / 2**20,
        }


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bench_live(report: Report, segments: int) -> None:
    """The whole product: how soon a POST is a membership with many segments, and whether time is on time."""
    seen = isolated(latency.measure, 2_000, 20, segments)
    reference = f"median {latency.percentile(seen, 50):.0f} ms of {len(seen)}"
    value = latency.percentile(seen, 95)
    report.row(f"POST to visible membership at 2,000/s, {segments} segments: p95", value, "ms", reference=reference,
               most=250)  # fmt: skip
    late = isolated(latency.measure_time, 40)
    report.row("a change by time alone after its minute has come: worst", max(late), "s", most=2,
               reference=f"{len(late)} people, median {statistics.median(late):.2f} s")  # fmt: skip


def bench_sync(report: Report) -> None:
    """The first fill of three channels and a change of 5 %, beside plain SQL that keeps the same records."""
    for people in (10_000, 50_000):
        found = isolated(_sync, people)
        for what in ("first fill", "5 % change"):
            ours, sql, rows = found[what]
            report.row(
                f"{what} of {people:,} profiles x 3 segments ({rows:,} rows)", ours, "s", ratio=ours / sql,
                reference=f"plain SQL {sql:.2f} s; {rows / ours:.0f} rows/s", most=10 * sql,
            )  # fmt: skip
            # Ten times what a product of this kind was seen to do a second, ten times over.
            report.row(f"{what} of {people:,}: profiles a second", rows / ours, "/s", least=1_300)


def _sync(people: int) -> dict[str, tuple[float, float, int]]:
    with fresh_services():
        import psycopg

        from common import pg
        from connectors import services as connectors
        from segments import services

        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with pg.connect(autocommit=True) as conn:
            past.make(conn, people=people, events=people, now=now)
        made = [
            services.create_segment(name=name, rule={"trait": "plan", "is": "exists"}, by="bench", now=now)
            for name in ("One", "Two", "Three")
        ]
        drop = connectors.create_destination(kind="filedrop", name="Files", settings={}, by="bench", now=now)
        syncs = [
            connectors.create_sync(segment_id=one.id, destination_id=drop.id, name=one.name, by="bench", now=now)
            for one in made
        ]
        with psycopg.Cursor(pg.raw()) as cursor:
            script.prepare(cursor)
            first_sql = _timed(lambda: script.sync(cursor))
            first = _delivered(connectors, syncs, now)
            cursor.execute("update identity_profile set traits = traits - 'plan' where id % 20 = 0")
            change_sql = _timed(lambda: script.sync(cursor))
        for one in made:
            services.refresh(segment_id=one.id, now=now)
        change = _delivered(connectors, syncs, now + timedelta(minutes=1))
    return {"first fill": (first[0], first_sql, first[1]), "5 % change": (change[0], change_sql, change[1])}


def _delivered(connectors: Any, syncs: Any, now: datetime) -> tuple[float, int]:
    """Seconds until nothing waits, and how many rows were sent."""
    began, rows = time.perf_counter(), 0
    for sync in syncs:
        while True:
            done = connectors.deliver_due(sync_id=sync.id, now=now)
            rows += done.delivered
            if not done.planned and not done.delivered:
                break
    return time.perf_counter() - began, rows


def main() -> int:
    """Run the chosen parts and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--part", choices=PARTS, action="append")
    chosen = parser.parse_args()
    report = Report("segments")
    for part in chosen.part or PARTS:
        if part == "past":
            bench_past(report, chosen.people, chosen.events, chosen.segments)
        elif part == "live":
            bench_live(report, chosen.segments)
        else:
            bench_sync(report)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
