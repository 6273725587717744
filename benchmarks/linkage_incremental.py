"""How fast changed profiles are linked against a large base in PostgreSQL, by the service that the Celery task calls.

`--profiles` live in the base with their records and keys; then a share of them changes and is linked in batches, and
newcomers come one at a time. The reference is the same work without recordlinkage: candidates by indexed keys and plain
rapidfuzz on the rows, in the same run.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kit import kinsfolk
from kit.report import Report
from kit.services import fresh_services, isolated

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Traits = dict[str, Any]


def fill(count: int) -> None:
    """Put people into the base as the pipeline leaves them: a card each, with claims and a profile."""
    from common import pg

    told = kinsfolk.people(count, seed=1, twice=0.0)[:count]
    conn = pg.raw()
    with conn.cursor() as cursor:
        with cursor.copy(
            "copy identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at) from stdin"
        ) as copy:
            for n in range(1, count + 1):
                copy.write_row((n, "crm_id", f"c{n}", n, n, "", NOW))
        with cursor.copy("copy identity_profile (id, traits, created_at, updated_at) from stdin") as copy:
            for n, (_, traits) in enumerate(told, 1):
                copy.write_row((n, json.dumps(traits), NOW, NOW))
        cursor.execute("analyze identity_identifier, identity_profile")


def index(count: int) -> float:
    """Make the records and keys of all profiles, in batches, as linkage does; answers the seconds of it."""
    import psycopg
    from django.db import transaction

    from common import pg
    from identity.linkage import records

    # The index is made afterwards, as one would for a first load; row by row it is most of the time.
    pg.raw().execute("alter table identity_blockingkey drop constraint identity_blockingkey_pkey")
    began, after = time.monotonic(), 0
    while after < count:
        with transaction.atomic():
            cursor = psycopg.Cursor(pg.raw())
            due = records.load_due(cursor, since=None, after=after, limit=5_000)
            if not due:
                break
            records.refresh(cursor, due)
            after = due[-1].profile_id
    pg.raw().execute("alter table identity_blockingkey add primary key (key_hash, profile_id)")
    seconds = time.monotonic() - began
    pg.raw().execute("vacuum analyze identity_linkagerecord, identity_blockingkey, identity_blockcount")
    return seconds


def change(ids: list[int], at: datetime) -> None:
    """Let these profiles change: a new telephone and a slip in the street."""
    from common import pg

    rng = random.Random(at.timestamp())
    rows = [(f"+1{rng.randint(2_000_000_000, 9_899_999_999)}", at, one) for one in ids]
    with pg.raw().cursor() as cursor:
        cursor.executemany(
            "update identity_profile set traits = jsonb_set(traits, '{phone}', to_jsonb(%s::text)), updated_at = %s"
            " where id = %s",
            rows,
        )


def linked(at: datetime) -> tuple[int, float]:
    """Link what changed; answers how many profiles, and the seconds."""
    from identity.linkage.services import link_changed

    began = time.perf_counter()
    run = link_changed(now=at, seconds=3_600.0)
    return run.profiles, time.perf_counter() - began


def newcomers(count: int, start: int) -> Iterator[float]:
    """People who come one at a time: the milliseconds inside the task for each."""
    from common import pg

    told = kinsfolk.people(count, seed=77, twice=0.0)[:count]
    for n, (_, traits) in enumerate(told):
        at = NOW + timedelta(hours=2, seconds=n)
        conn = pg.raw()
        conn.execute(
            "insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)"
            " values (%s, 'crm_id', %s, %s, %s, '', %s)",
            (start + n, f"n{n}", start + n, start + n, at),
        )
        conn.execute(
            "insert into identity_profile (id, traits, created_at, updated_at) values (%s, %s, %s, %s)",
            (start + n, json.dumps(traits), at, at),
        )
        _, seconds = linked(at)
        yield seconds * 1_000


def plain(count: int) -> float:
    """The reference: candidates by the same keys, six distances of plain rapidfuzz a pair; records a second."""
    import psycopg
    from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

    from common import pg
    from identity.linkage import blocking, records

    cursor = psycopg.Cursor(pg.raw())
    ids = random.Random(5).sample(range(1, count), 5_000)
    began = time.perf_counter()
    for start in range(0, len(ids), 500):
        held = records.load_records(cursor, ids[start : start + 500])
        pairs = records.find_candidates(cursor, {one: blocking.blocking_keys(held[one]) for one in held})
        known = records.load_records(cursor, {end for pair in pairs for end in pair})
        for a, b in pairs:
            x, y = known[a], known[b]
            JaroWinkler.similarity(x.given, y.given)
            JaroWinkler.similarity(x.surname, y.surname)
            JaroWinkler.similarity(x.street, y.street)
            JaroWinkler.similarity("".join(x.emails), "".join(y.emails))
            DamerauLevenshtein.distance(x.birth_date, y.birth_date)
            DamerauLevenshtein.distance("".join(x.phones), "".join(y.phones))
    return len(ids) / (time.perf_counter() - began)


def blocks() -> tuple[float, float, float]:
    """Keys a record, the share of keys that are over-full and passed over, and candidates of a record at most."""
    from common import pg
    from identity.linkage import blocking

    row = pg.raw().execute("select avg(cardinality(keys))::float8 from identity_linkagerecord").fetchone()
    full = (
        pg.raw()
        .execute(
            "select coalesce(sum(c.records) filter (where c.records > %s), 0)::float8 / greatest(sum(c.records), 1)"
            " from identity_blockcount c"
            " where exists (select from identity_blockingkey k where k.key_hash = c.key_hash)",
            (blocking.MOST_IN_BLOCK,),
        )
        .fetchone()
    )
    return float(row[0]) if row else 0.0, float(full[0]) if full else 0.0, float(blocking.MOST_CANDIDATES)


def measure(profiles: int, changed: int) -> dict[str, Any]:
    """Everything, in one process with one database."""
    with fresh_services():
        fill(profiles)
        indexing = index(profiles)
        linked(NOW + timedelta(minutes=1))
        ids = random.Random(3).sample(range(1, profiles + 1), changed + 50)
        change(ids[:50], NOW + timedelta(minutes=30))
        linked(NOW + timedelta(minutes=31))  # a worker has loaded pandas long ago
        change(ids[50:], NOW + timedelta(hours=1))
        count, seconds = linked(NOW + timedelta(hours=1, minutes=1))
        times = list(newcomers(120, profiles + 1))[20:]
        keys, passed_over, most = blocks()
        return {
            "indexed": profiles / indexing, "changed": count, "rate": count / seconds, "keys": keys,
            "p50": statistics.median(times), "p95": sorted(times)[int(0.95 * len(times))],
            "passed_over": passed_over, "most": most, "plain": plain(profiles),
        }  # fmt: skip


def main() -> int:
    """Print one JSON object; 1 when a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=10_000)
    options = parser.parse_args()
    found = isolated(measure, options.profiles, options.changed)
    report = Report("linkage_incremental")
    base = f"against {options.profiles:,} profiles"
    report.row(
        f"changed profiles linked, {base}", found["rate"], "1/s and worker", least=1_000,
        reference=f"candidates by key and plain rapidfuzz: {found['plain']:.0f}", ratio=found["rate"] / found["plain"],
    )  # fmt: skip
    report.row(f"one newcomer inside the task, p50, {base}", found["p50"], "ms")
    report.row(f"one newcomer inside the task, p95, {base}", found["p95"], "ms", most=60)
    report.row("first indexing of a base", found["indexed"], "profiles/s")
    report.row("keys a record", found["keys"], "keys", most=40)
    report.row("entries under keys too common to be looked at", found["passed_over"], "share")
    report.row("candidates a record", found["most"], "at most", most=40)
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
