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
        report.row(
            f"accept, {name}", ours * events, "events/s", reference=f"bare application {bare * events:.0f} events/s",
            ratio=ours / bare, target=f">= {least}", ok=ours * events >= least,
        )  # fmt: skip


def _accept(events: int) -> tuple[float, float]:
    with fresh_services():
        bare = accept.requests_per_second(accept.BARE, events=events)
        return bare, accept.requests_per_second(accept.OURS, events=events)


def bench_apply(report: Report, events: int) -> None:
    """The backlog through the applier with ten and with two hundred segments, beside COPY of the same rows."""
    ten = _apply(report, events, segments=10)
    many_segments = _apply(report, min(events, 400_000), segments=200)
    growth = many_segments.micros / ten.micros
    report.row(
        "processor time, 200 segments over 10", growth, "ratio", reference="10 segments, same run", ratio=growth,
        target="<= 1.7", ok=growth <= 1.7,
    )  # fmt: skip


def _apply(report: Report, events: int, *, segments: int) -> load.Cost:
    costs, copy, memory = isolated(_run_applier, events, segments)
    total = sum(costs, load.Cost())
    name = f"apply {events:,} events, {segments} segments"
    least = 12_000 if segments == 10 else 7_000
    reference = f"COPY {copy.rate:.0f} events/s, {copy.micros:.1f} µs"
    report.row(
        f"{name}: rate", total.rate, "events/s", reference=reference, target=f">= {least}", ok=total.rate >= least
    )
    most = 95 if segments == 10 else 150
    report.row(
        f"{name}: processor time", total.micros, "µs/event", reference=reference, target=f"<= {most}",
        ok=total.micros <= most,
    )  # fmt: skip
    if segments == 10:
        wall, cpu = total.rate / copy.rate, copy.micros / total.micros
        report.row(
            f"{name}: of COPY by wall",
            wall,
            "ratio",
            reference=reference,
            ratio=wall,
            target=">= 0.18",
            ok=wall >= 0.18,
        )
        report.row(
            f"{name}: of COPY by processor",
            cpu,
            "ratio",
            reference=reference,
            ratio=cpu,
            target=">= 0.12",
            ok=cpu >= 0.12,
        )
        last = costs[-max(1, len(costs) // 10) :]
        late = sum(last, load.Cost())
        report.row(f"{name}: last tenth", late.rate, "events/s", reference=f"first chunk {costs[0].rate:.0f} events/s",
                   ratio=late.micros / costs[0].micros, target="processor time <= 1.5 x the first",
                   ok=late.micros <= 1.5 * costs[0].micros)  # fmt: skip
        report.row(f"{name}: memory of the applier at the end", memory[-1], "MB",
                   reference=f"half way {memory[len(memory) // 2]:.0f} MB", ratio=memory[-1] / memory[len(memory) // 2],
                   target="<= 1.3 x half way", ok=memory[-1] <= 1.3 * memory[len(memory) // 2])  # fmt: skip
    return total


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
        for percent, most in ((95, 150), (99, 400)):
            value = latency.percentile(seen, percent)
            report.row(f"POST to visible membership at {rate}/s: p{percent}", value, "ms",
                       reference=f"median {latency.percentile(seen, 50):.0f} ms of {len(seen)}", target=f"<= {most}",
                       ok=value <= most)  # fmt: skip


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
