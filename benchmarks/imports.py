"""Files end to end: a CSV taken in and resolved into profiles, beside COPY of the same file into one table, and beside
the least that can be done: COPY of the very rows that it becomes (events of the log, or claims) into a bare table, and
of all rows that are kept of it, resolved already, into tables with the indexes that they have.

`python benchmarks/imports.py [--rows 1000000] [--columns 30] [--rows-are identify|track]`. Processor seconds are those
of this process and of PostgreSQL together; on a machine that does other work they say more than the clock.

`--file PATH`: instead, a file of any kind is judged row by row without a database: time and memory, and how much of it
is reading alone.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import psutil
from kit.report import Report
from kit.services import fresh_services, isolated, postgres_cpu

# What is kept of rows for good, whoever writes it: the log, who is who, what is claimed, and what messages were seen.
_KEPT = (
    "events_event", "events_seen", "identity_identifier", "identity_link", "identity_profile", "identity_claim",
)  # fmt: skip
_WORDS = ("red", "blue", "green", "north", "south", "east", "west", "plain", "rich", "early", "late", "new")


def lines(rows: int, columns: int, kind: str) -> Iterator[bytes]:
    """The file, some thousand lines at a time: id, address, name, a date, and further columns of text and numbers."""
    rolls = random.Random(5)
    extra = columns - 5
    head = ["Customer ID", "E-Mail", "First name", "Last name", "Order Date" if kind == "track" else "Birth date"]
    yield (",".join([*head, *(f"field_{n}" for n in range(extra))]) + "\n").encode()
    for start in range(0, rows, 5_000):
        held = []
        for n in range(start, min(rows, start + 5_000)):
            # Events are of a tenth as many people.
            who = n if kind == "identify" else n % max(rows // 10, 1)
            more = [rolls.choice(_WORDS) if k % 2 else str(rolls.randrange(100_000)) for k in range(extra)]
            day = f"2025-{1 + n % 12:02d}-{1 + n % 28:02d}"
            held.append(
                ",".join([str(who), f"person{who}@example.com", f"Name{who % 5000}", f"Sur{who % 9000}", day, *more])
            )
        yield ("\n".join(held) + "\n").encode()


def _write(path: str, rows: int, columns: int, kind: str) -> None:
    with open(path, "wb") as file:
        file.writelines(lines(rows, columns, kind))


def _pieces(path: str) -> Iterator[bytes]:
    """The file as an upload brings it."""
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def _run(path: str, columns: int, kind: str) -> dict[str, Any]:
    with fresh_services():
        from common import clock, pg
        from events import services as events

        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=clock.now())
            conn.execute(f"create table copied ({', '.join(f'c{n} text' for n in range(columns))})")
            began = _cpu()
            copy = _timed(lambda: _copy(conn, path))
            copy_cpu = _cpu() - began
            found = {"copy": copy, "copy_cpu": copy_cpu, **_take_in(path)}
            made = "events_event" if kind == "track" else "identity_claim"
            bare, rows = _copied(conn, made, indexes=False)
            kept = [_copied(conn, table, indexes=True) for table in _KEPT]
            return found | {
                "floor_cpu": bare, "floor_rows": rows, "floor_of": made,
                "kept_cpu": sum(cpu for cpu, _ in kept), "kept_rows": sum(rows for _, rows in kept),
            }  # fmt: skip


def _copied(conn: Any, table: str, *, indexes: bool) -> tuple[float, int]:
    """The processor seconds of COPY of what is in a table into a new one, a hundred parts at a time, and its rows."""
    conn.execute("drop table if exists floor")
    conn.execute(f"create table floor (like {table}{' including indexes including storage' if indexes else ''})")
    with conn.cursor() as cursor, cursor.copy(f"copy (select * from {table}) to stdout (format binary)") as told:
        parts = [bytes(part) for part in told]
    began = _cpu()
    with conn.cursor() as cursor, cursor.copy("copy floor from stdin (format binary)") as copy:
        for start in range(0, len(parts), 100):
            copy.write(b"".join(parts[start : start + 100]))
    cpu = _cpu() - began
    (rows,) = conn.execute("select count(*) from floor").fetchone()
    return cpu, rows


def _judge_file(path: str) -> dict[str, Any]:
    """Time and memory of judging a file, and of reading it alone."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    django.setup()
    from pathlib import Path

    from connectors.imports import reading
    from connectors.imports import services as imports

    file, process = Path(path), psutil.Process()
    layout = reading.detect(file)
    began = time.process_time()
    with reading.table(file, layout) as opened:
        rows = sum(1 for _ in opened.rows)
    bare, before = time.process_time() - began, process.memory_info().rss
    began = time.process_time()
    counts = imports.check_file(file)
    judged = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "bare": bare, "judged": judged, "good": counts.good, "peak": peak, "before": before / 2**20}


def _take_in(path: str) -> dict[str, Any]:
    """The seconds of each step, and the most memory that was used while rows were read and applied."""
    from cdp.pipeline.run import Applier
    from common import clock
    from connectors import selectors, services

    source = services.create_source(name="Bench", kind="offline", by="bench", now=clock.now())
    began, began_pg = _cpu(), postgres_cpu()
    upload, draft = _valued(lambda: services.take_file(
        source_id=source.id, name="bench.csv", chunks=_pieces(path), by="bench", now=clock.now()
    ))  # fmt: skip
    services.request_run(import_id=draft.id, mapping=draft.mapping, dry=False, by="bench", now=clock.now())
    process, seen = psutil.Process(), [0]

    def watch() -> None:
        seen.append(process.memory_info().rss)

    read = _timed(lambda: services.run_imports(now=clock.now(), after=watch))
    reading, read_cpu, read_pg = max(seen), _cpu() - began, postgres_cpu() - began_pg
    applier = Applier()

    def drain() -> None:
        while applier.apply_batch(now=clock.now()).taken:
            watch()

    applied = _timed(drain)
    applier.close()
    applied_cpu, applied_pg = _cpu() - began - read_cpu, postgres_cpu() - began_pg - read_pg
    done = selectors.one_import(draft.id)
    assert done is not None
    assert done.counts is not None
    return {
        "upload": upload, "read": read, "applied": applied, "good": done.counts.good, "reading": reading / 2**20,
        "memory": max(seen) / 2**20, "rows_are": draft.mapping["rows"],
        "read_cpu": read_cpu, "applied_cpu": applied_cpu, "read_pg": read_pg, "applied_pg": applied_pg,
    }  # fmt: skip


def _copy(conn: Any, path: str) -> None:
    with conn.cursor() as cursor, cursor.copy("copy copied from stdin (format csv, header)") as copy:
        for piece in _pieces(path):
            copy.write(piece)


def _cpu() -> float:
    own = psutil.Process().cpu_times()
    return own.user + own.system + postgres_cpu()


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _valued(act: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    value = act()
    return time.perf_counter() - began, value


def _report_file(report: Report, path: str) -> int:
    found = isolated(_judge_file, path)
    name, beside = f"{path.rpartition('/')[2]}, {found['rows']:,} rows", f"reading alone {found['bare']:.1f} s"
    report.row(
        f"{name}: processor, judged", found["judged"], "s", ratio=found["judged"] / found["bare"], reference=beside
    )
    report.row(f"{name}: good", found["good"], "rows")
    report.row(f"{name}: most memory", found["peak"], "MB", reference=f"{found['before']:.0f} MB when read", most=400)
    return report.done()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--rows-are", choices=["identify", "track"], default="track")
    parser.add_argument("--file", default="")
    options = parser.parse_args()
    report = Report("imports")
    if options.file:
        return _report_file(report, options.file)
    # Made by a process of its own: what that leaves in memory is not what reading takes.
    with tempfile.NamedTemporaryFile(suffix=".csv", dir=os.environ.get("CDP_BENCH_DIR")) as file:
        isolated(_write, file.name, options.rows, options.columns, options.rows_are)
        found = isolated(_run, file.name, options.columns, options.rows_are)
    name = f"CSV of {options.rows:,} rows, {options.columns} columns, as {found['rows_are']}"
    reference = f"COPY into one table {found['copy']:.1f} s"
    whole = found["upload"] + found["read"] + found["applied"]
    report.row(
        f"{name}: end to end", whole, "s", ratio=whole / found["copy"], reference=reference, most=6 * found["copy"]
    )
    for what, key in (("kept", "upload"), ("read into the inbox", "read"), ("resolved and in the log", "applied")):
        report.row(f"{name}: {what}", found[key], "s", ratio=found[key] / found["copy"], reference=reference)
    copy_cpu = found["copy_cpu"]
    beside = f"COPY {copy_cpu:.1f} s of processor"
    for what, key in (("kept and read", "read"), ("resolved and in the log", "applied")):
        cpu, shared = found[f"{key}_cpu"], f"of it PostgreSQL {found[f'{key}_pg']:.1f} s; {beside}"
        report.row(f"{name}: processor, {what}", cpu, "s", ratio=cpu / copy_cpu, reference=shared)
    whole_cpu = found["read_cpu"] + found["applied_cpu"]
    report.row(f"{name}: processor, end to end", whole_cpu, "s", ratio=whole_cpu / copy_cpu, reference=beside)
    report.row(
        f"{name}: processor, end to end, beside COPY of what it becomes", whole_cpu, "s",
        ratio=whole_cpu / found["floor_cpu"],
        reference=f"COPY of {found['floor_rows']:,} rows of {found['floor_of']}, bare: {found['floor_cpu']:.1f} s",
    )  # fmt: skip
    report.row(
        f"{name}: processor, COPY of all that is kept of it, with its indexes", found["kept_cpu"], "s",
        ratio=found["kept_cpu"] / copy_cpu, reference=f"{found['kept_rows']:,} rows; {beside}",
    )  # fmt: skip
    report.row(f"{name}: came in", found["good"], "rows", least=options.rows)
    report.row(f"{name}: memory while it is read", found["reading"], "MB", most=400)
    report.row(f"{name}: memory while it is applied", found["memory"], "MB", most=400)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
