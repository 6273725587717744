"""Files end to end: a CSV taken in and resolved into profiles, beside COPY of the same file into one table, and beside
the least that can be done: COPY of the very rows that it becomes (events of the log, or claims) into a bare table, and
of all rows that are kept of it, resolved already, into tables with the indexes that they have.

`python benchmarks/imports.py [--rows 1000000] [--columns 30] [--rows-are identify|track]`. As in the product a process
reads and another applies what came, at the same time; `--apart` lets it begin when all is read, which tells what part
of PostgreSQL's work is whose. On a machine that does other work processor seconds say more than the clock.

`--take-in PATH`: a file that there is, of any kind, instead of the CSV. `--file PATH`: instead, a file of any kind is
judged row by row without a database: time and memory, and how much of it is reading alone.
"""

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
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


def _run(path: str, columns: int, kind: str, apart: bool, copied: bool) -> dict[str, Any]:
    with fresh_services():
        from common import clock, pg
        from events import services as events

        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=clock.now())
            conn.execute(f"create table copied ({', '.join(f'c{n} text' for n in range(columns))})")
            began = _cpu()
            copy = _timed(lambda: _copy(conn, path)) if copied else 0.0
            copy_cpu = _cpu() - began
            found = {"copy": copy, "copy_cpu": copy_cpu, **_take_in(path, apart)}
            # More than one where an item came twice.
            (found["logged"], found["messages"]) = conn.execute(
                "select count(*), count(distinct message_id) from events_event"
            ).fetchone()
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
    _django()
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
    return {
        "rows": rows, "bare": bare, "judged": judged, "good": counts.good, "peak": _most_memory(),
        "before": before / 2**20,
    }  # fmt: skip


def _django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    django.setup()


def _most_memory() -> float:
    """The most megabytes that this program held so far; not what was held by the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _apply(read: Any, answer: Any) -> None:
    """A worker that applies what comes until all is read (`read`) and applied; answers with its seconds and memory."""
    _django()
    from cdp.pipeline.run import Applier, drain

    applier, began = Applier(), time.process_time()
    while True:
        whole = read.is_set()
        # It returns after a minute, too, whatever still waits.
        if not drain(applier, stay=0.2) and whole:
            break
    applier.close()
    answer.put((time.process_time() - began, _most_memory()))


def _take_in(path: str, apart: bool) -> dict[str, Any]:
    """The seconds of each step, and the most memory of the process that reads and of the one that applies."""
    from common import clock
    from connectors import selectors, services

    source = services.create_source(name="Bench", kind="offline", by="bench", now=clock.now())
    spawning = multiprocessing.get_context("spawn")
    all_read, answer = spawning.Event(), spawning.Queue()
    worker = spawning.Process(target=_apply, args=(all_read, answer))
    if not apart:
        worker.start()
    began, own, pg = time.perf_counter(), time.process_time(), postgres_cpu()
    upload, draft = _valued(lambda: services.take_file(
        source_id=source.id, name=path.rpartition("/")[2], chunks=_pieces(path), by="bench", now=clock.now()
    ))  # fmt: skip
    services.request_run(import_id=draft.id, mapping=draft.mapping, dry=False, by="bench", now=clock.now())
    read = _timed(lambda: services.run_imports(now=clock.now()))
    read_own, read_pg, memory = time.process_time() - own, postgres_cpu() - pg, _most_memory()
    if apart:
        worker.start()
    all_read.set()
    applied_own, applied_memory = answer.get()
    whole = time.perf_counter() - began
    worker.join()
    done = selectors.one_import(draft.id)
    assert done is not None
    assert done.counts is not None
    return {
        "upload": upload, "read": read, "applied": whole - upload - read, "whole": whole, "good": done.counts.good,
        "reading": memory, "applying": applied_memory, "rows_are": draft.mapping["rows"],
        "read_own": read_own, "applied_own": applied_own, "read_pg": read_pg,
        "pg": postgres_cpu() - pg,
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
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--take-in", default="")
    parser.add_argument("--file", default="")
    options = parser.parse_args()
    report = Report("imports")
    if options.file:
        return _report_file(report, options.file)
    if options.take_in:
        found = isolated(_run, options.take_in, 1, options.rows_are, options.apart, False)
        _report_stages(report, options.take_in.rpartition("/")[2], found, options.apart)
        return report.done()
    # Made by a process of its own: what that leaves in memory is not what reading takes.
    with tempfile.NamedTemporaryFile(suffix=".csv", dir=os.environ.get("CDP_BENCH_DIR")) as file:
        isolated(_write, file.name, options.rows, options.columns, options.rows_are)
        found = isolated(_run, file.name, options.columns, options.rows_are, options.apart, True)
    name = f"CSV of {options.rows:,} rows, {options.columns} columns, as {found['rows_are']}"
    _report_stages(report, name, found, options.apart)
    copy_cpu, whole_cpu = found["copy_cpu"], found["read_own"] + found["applied_own"] + found["pg"]
    report.row(
        f"{name}: end to end beside COPY", found["whole"], "s", ratio=found["whole"] / found["copy"],
        reference=f"COPY into one table {found['copy']:.1f} s", most=6 * found["copy"],
    )  # fmt: skip
    beside = f"COPY {copy_cpu:.1f} s of processor"
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
    return report.done()


def _report_stages(report: Report, name: str, found: dict[str, Any], apart: bool) -> None:
    beside = "one after the other" if apart else "applied while it is read"
    report.row(f"{name}: end to end", found["whole"], "s", reference=f"{beside}; {found['good']:,} rows came in")
    after = "resolved and in the log" if apart else "resolved and in the log, after the last row was read"
    for what, key in (("kept", "upload"), ("read into the inbox", "read"), (after, "applied")):
        report.row(f"{name}: {what}", found[key], "s")
    report.row(f"{name}: processor, kept and read, Python", found["read_own"], "s")
    report.row(f"{name}: processor, resolved and in the log, Python", found["applied_own"], "s")
    of_it = f"of it while rows were read {found['read_pg']:.1f} s"
    report.row(f"{name}: processor, PostgreSQL", found["pg"], "s", reference=of_it)
    logged = f"{found['logged']:,} in the log"
    once = f"{name}: items in the log, each once"
    report.row(once, found["messages"], "items", reference=logged, least=found["good"])
    report.row(f"{name}: memory of the process that reads", found["reading"], "MB", most=400)
    report.row(f"{name}: memory of the process that applies", found["applying"], "MB", most=400)


if __name__ == "__main__":
    sys.exit(main())
