"""Replay of the log: events a second, and how much of the rate of live traffic is left while a replay runs; retention.

The reference of the first is the rate at which the applier applied the same events in the same run. For the second,
backlogs are drained with and without a replay in a process beside it, in turns; a backlog is the hardest case, since
something waits all the time.

`python benchmarks/replay.py [--events 1000000] [--live 100000] [--rounds 3]`
"""

import argparse
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from kit import load
from kit.report import Report
from kit.rules import many
from kit.services import fresh_services, isolated
from kit.stream import Stream

_BESIDE = """
import sys
import django
django.setup()
from datetime import UTC, datetime
from cdp.pipeline import replays
from events.contracts import LogFilter
while True:
    replays.request_log_replay(fits=LogFilter(), by="benchmark", now=datetime.now(UTC))
    print("begun", flush=True)
    replays.run_replays(now=datetime.now(UTC), after=lambda: None)
"""


def main() -> int:
    """Run and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    return isolated(_run, chosen.events, chosen.live, chosen.rounds)


def _run(events: int, live: int, rounds: int) -> int:
    report = Report("replay")
    with fresh_services():
        from cdp.pipeline.run import Applier
        from common import pg

        with pg.connect(autocommit=True) as conn:
            load.publish(many(10))
            applier = Applier()
            stream = Stream(start=load.start_of_stream(120))
            applied = sum(load.apply_stream(conn, applier, stream, events), load.Cost())
            conn.execute("analyze")
            _replay_alone(report, applied)
            _expire_alone(report, applied)
            _replay_beside(report, conn, applier, stream, live, rounds)
            applier.close()
    return report.done()


def _replay_alone(report: Report, applied: load.Cost) -> None:
    cost = load.measure(_replay_all)
    if cost.events != _logged():
        raise RuntimeError(f"the replay read {cost.events} of {_logged()} events")
    name = f"replay of {cost.events:,} events of the log"
    report.row(
        name, cost.rate, "events/s", least=5_000, ratio=cost.rate / applied.rate,
        reference=f"applying them {applied.rate:.0f} events/s",
    )  # fmt: skip
    report.row(
        f"{name}: processor time", cost.micros, "µs/event", ratio=cost.micros / applied.micros,
        reference=f"applying them {applied.micros:.1f} µs",
    )  # fmt: skip


def _replay_all() -> int:
    from cdp.pipeline import replays
    from events.contracts import LogFilter

    before = _replayed()
    replays.request_log_replay(fits=LogFilter(), by="benchmark", now=datetime.now(UTC))
    replays.run_replays(now=datetime.now(UTC), after=lambda: None)
    return _replayed() - before


def _replay_beside(
    report: Report, conn: psycopg.Connection[Any], applier: Any, stream: Stream, live: int, rounds: int
) -> None:
    alone, beside = [], []
    for _ in range(rounds):
        load.fill(conn, stream, live)
        alone.append(_drain(applier, live))
        load.fill(conn, stream, live)
        beside.append(_beside(applier, live))
    left = statistics.median(beside) / statistics.median(alone)
    report.row(
        f"live traffic, {rounds} backlogs of {live:,} events, while a replay runs", left, "ratio", ratio=left,
        least=0.9, reference=f"{statistics.median(alone):.0f} events/s without a replay",
    )  # fmt: skip


def _expire_alone(report: Report, applied: load.Cost) -> None:
    cost = load.measure(_expire)
    report.row(
        f"retention: {cost.events:,} events leave log and counters", cost.rate, "events/s",
        ratio=cost.rate / applied.rate, reference=f"applying them {applied.rate:.0f} events/s",
    )  # fmt: skip


def _expire() -> int:
    """The older half of the log goes; how many events."""
    from cdp.pipeline import retention
    from events import selectors, services

    now, before = datetime.now(UTC), _logged()
    times = sorted(one.occurred_at for one in selectors.stream_events())
    services.keep_retention(days=(now - times[len(times) // 2]).days, by="benchmark", now=now)
    retention.run_retention(now=now)
    return before - _logged()


def _drain(applier: Any, events: int) -> float:
    began = time.perf_counter()
    while applier.apply_batch(now=datetime.now(UTC)).taken:
        pass
    return events / (time.perf_counter() - began)


def _beside(applier: Any, events: int) -> float:
    with subprocess.Popen([sys.executable, "-c", _BESIDE], stdout=subprocess.PIPE) as other:
        other.stdout.readline()  # type: ignore[union-attr]
        try:
            return _drain(applier, events)
        finally:
            other.kill()


def _replayed() -> int:
    """Events that all replays came to so far."""
    from events import selectors

    return sum(one.counts.get("events", 0) for one in selectors.replays(limit=1000))


def _logged() -> int:
    from events import selectors
    from events.contracts import LogFilter

    return selectors.count_events(LogFilter(), ids=None)[0]


if __name__ == "__main__":
    sys.exit(main())
