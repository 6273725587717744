"""Files end to end: a CSV taken in and resolved into profiles, beside COPY of the same file into one table.

`python benchmarks/imports.py [--rows 1000000] [--columns 30] [--rows-are identify|track]`.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
from kit.report import Report
from kit.services import fresh_services, isolated

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


def _run(rows: int, columns: int, kind: str) -> dict[str, Any]:
    with fresh_services():
        from common import clock, pg
        from events import services as events

        content = list(lines(rows, columns, kind))
        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=clock.now())
            conn.execute(f"create table copied ({', '.join(f'c{n} text' for n in range(columns))})")
            copy = _timed(lambda: _copy(conn, content))
        return {"copy": copy, **_take_in(content)}


def _take_in(content: list[bytes]) -> dict[str, Any]:
    """The seconds of each step, and the most memory that was used while rows were read and applied."""
    from cdp.pipeline.run import Applier
    from common import clock
    from connectors import selectors, services

    source = services.create_source(name="Bench", kind="offline", by="bench", now=clock.now())
    upload, draft = _valued(lambda: services.take_file(
        source_id=source.id, name="bench.csv", chunks=iter(content), by="bench", now=clock.now()
    ))  # fmt: skip
    content.clear()
    services.request_run(import_id=draft.id, mapping=draft.mapping, dry=False, by="bench", now=clock.now())
    process, seen = psutil.Process(), [0]

    def watch() -> None:
        seen.append(process.memory_info().rss)

    read = _timed(lambda: services.run_imports(now=clock.now(), after=watch))
    reading = max(seen)
    applier = Applier()

    def drain() -> None:
        while applier.apply_batch(now=clock.now()).taken:
            watch()

    applied = _timed(drain)
    applier.close()
    done = selectors.one_import(draft.id)
    assert done is not None
    assert done.counts is not None
    return {
        "upload": upload, "read": read, "applied": applied, "good": done.counts.good, "reading": reading / 2**20,
        "memory": max(seen) / 2**20, "rows_are": draft.mapping["rows"],
    }  # fmt: skip


def _copy(conn: Any, content: list[bytes]) -> None:
    with conn.cursor() as cursor, cursor.copy("copy copied from stdin (format csv, header)") as copy:
        for piece in content:
            copy.write(piece)


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _valued(act: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    value = act()
    return time.perf_counter() - began, value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--rows-are", choices=["identify", "track"], default="track")
    options = parser.parse_args()
    report = Report("imports")
    found = isolated(_run, options.rows, options.columns, options.rows_are)
    name = f"CSV of {options.rows:,} rows, {options.columns} columns, as {found['rows_are']}"
    reference = f"COPY into one table {found['copy']:.1f} s"
    whole = found["upload"] + found["read"] + found["applied"]
    report.row(
        f"{name}: end to end", whole, "s", ratio=whole / found["copy"], reference=reference, most=6 * found["copy"]
    )
    for what, key in (("kept", "upload"), ("read into the inbox", "read"), ("resolved and in the log", "applied")):
        report.row(f"{name}: {what}", found[key], "s", ratio=found[key] / found["copy"], reference=reference)
    report.row(f"{name}: came in", found["good"], "rows", least=options.rows)
    report.row(f"{name}: memory while it is read", found["reading"], "MB", most=400)
    report.row(f"{name}: memory while it is applied", found["memory"], "MB")
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
