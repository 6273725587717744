"""Ingestion: accepting over HTTP, applying end to end, latency to a visible membership, memory.

`python benchmarks/ingest.py [--events 1000000] [--part accept|apply|latency ...]`. Needs wrk for the accept part.
"""

import argparse
import sys

import psutil
from kit import accept, latency, load
from kit.report import Report
from kit.rules import many
from kit.services import fresh_services, isolated
from kit.stream import Stream

PARTS = ("accept", "apply", "latency")


def bench_accept(report: Report) -> None:
    """Single events and batches of a hundred against the real door, beside a bare application on the same server."""
    for name, events, least in (("single event", 1, 2_000), ("batch of 100", 100, 60_000)):
        bare, ours = isolated(_accept, events)
        reference = f"bare application {bare * events:.0f} events/s"
        report.row(f"accept, {name}", ours * events, "events/s", reference=reference, ratio=ours / bare, least=least)


def _accept(events: int) -> tuple[float, float]:
    with fresh_services():
        bare = accept.requests_per_second(accept.BARE, events=events)
        return bare, accept.requests_per_second(accept.OURS, events=events)


def bench_apply(report: Report, events: int) -> None:
    """The backlog through the applier with ten and with two hundred segments, beside COPY of the same rows."""
    ten = _apply(report, events, segments=10)
    many_segments = _apply(report, min(events, 400_000), segments=200)
    growth = many_segments.micros / ten.micros
    report.row("processor time, 200 segments over 10", growth, "ratio", reference="10 segments", ratio=growth, most=1.7)


def _apply(report: Report, events: int, *, segments: int) -> load.Cost:
    costs, copy, memory = isolated(_run_applier, events, segments)
    total = sum(costs, load.Cost())
    name = f"apply {events:,} events, {segments} segments"
    copied = f"COPY {copy.rate:.0f} events/s, {copy.micros:.1f} µs"
    least, most = (12_000, 95) if segments == 10 else (7_000, 150)
    report.row(f"{name}: rate", total.rate, "events/s", reference=copied, least=least)
    report.row(f"{name}: processor time", total.micros, "µs/event", reference=copied, most=most)
    if segments == 10:
        wall, cpu = total.rate / copy.rate, copy.micros / total.micros
        report.row(f"{name}: of COPY by wall", wall, "ratio", reference=copied, ratio=wall, least=0.18)
        report.row(f"{name}: of COPY by processor", cpu, "ratio", reference=copied, ratio=cpu, least=0.12)
        _decay(report, name, costs, memory)
    return total


def _decay(report: Report, name: str, costs: list[load.Cost], memory: list[float]) -> None:
    """Whether the last events cost what the first did, and whether memory is flat."""
    late = sum(costs[-max(1, len(costs) // 10) :], load.Cost())
    grown = late.micros / costs[0].micros
    first = f"first chunk {costs[0].micros:.1f} µs"
    report.row(f"{name}: last tenth over first chunk", grown, "ratio", reference=first, ratio=grown, most=1.5)
    half = memory[len(memory) // 2]
    swollen = memory[-1] / half
    report.row(f"{name}: applier memory, end over half way", swollen, "ratio", reference=f"{half:.0f} MB", most=1.3)


def _run_applier(events: int, segments: int) -> tuple[list[load.Cost], load.Cost, list[float]]:
    with fresh_services():
        from cdp.pipeline.run import Applier
        from common import pg

        memory: list[float] = []
        with pg.connect(autocommit=True) as conn:
            load.publish(many(segments))
            applier = Applier()
            stream = Stream(start=load.start_of_stream(120))
            costs = load.apply_stream(conn, applier, stream, events, after=lambda: memory.append(_resident_mb()))
            copy = load.copy_reference(conn, min(events, 300_000))
            applier.close()
    return costs, copy, memory


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def bench_latency(report: Report) -> None:
    """From the POST to the row of the ledger, with HTTP and Celery in the loop."""
    for rate in (500, 2_000):
        seen = isolated(latency.measure, rate, 20)
        reference = f"median {latency.percentile(seen, 50):.0f} ms of {len(seen)}"
        for percent, most in ((95, 150), (99, 400)):
            value = latency.percentile(seen, percent)
            report.row(
                f"POST to visible membership at {rate}/s: p{percent}", value, "ms", reference=reference, most=most
            )


def main() -> int:
    """Run the chosen parts and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--part", choices=PARTS, action="append")
    chosen = parser.parse_args()
    report = Report("ingest")
    for part in chosen.part or PARTS:
        if part == "accept":
            bench_accept(report)
        elif part == "apply":
            bench_apply(report, chosen.events)
        else:
            bench_latency(report)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
