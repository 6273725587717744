"""How fast changed profiles are linked against a large base in PostgreSQL, by the service that the Celery task calls.

`--profiles` live in the base with their records and keys; then a share of them changes and is linked in batches, and
newcomers come one at a time. The references are parts of the same work in the same run: the candidates and their
records alone, and these with plain rapidfuzz on each pair; neither keeps an index, weighs, decides or writes. Where
other work shares the machine, processor time (of this process and its PostgreSQL backend) is what can be compared.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from kit import kinsfolk
from kit.report import Report
from kit.services import fresh_services, isolated, kept_services

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Traits = dict[str, Any]
# So many profiles are looked up for the references.
_REFERENCE = 5_000


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
            found = records.find_due(cursor, since=None, after=after, limit=5_000)
            if not found:
                break
            made = records.make_due(cursor, found, since=None, ahead={})
            records.keep(cursor, made, records.find_changes(cursor, made))
            after = found[-1]
    pg.raw().execute("alter table identity_blockingkey add primary key (key_hash, profile_id)")
    seconds = time.monotonic() - began
    pg.raw().execute("vacuum analyze identity_linkagerecord, identity_blockingkey, identity_blockcount")
    return seconds


def change(ids: list[int], at: datetime) -> None:
    """Let these profiles change: a new telephone."""
    from common import pg

    rng = random.Random(at.timestamp())
    rows = [(f"+1{rng.randint(2_000_000_000, 9_899_999_999)}", at, one) for one in ids]
    with pg.raw().cursor() as cursor:
        cursor.executemany(
            "update identity_profile set traits = jsonb_set(traits, '{phone}', to_jsonb(%s::text)), updated_at = %s"
            " where id = %s",
            rows,
        )


class Linked(NamedTuple):
    """What one run did and cost."""

    profiles: int
    compared: int
    spent: "Spent"


class Spent(NamedTuple):
    """Seconds by the clock, and of processor time here and in PostgreSQL."""

    seconds: float
    worker: float
    server: float

    @classmethod
    def by(cls, work: Callable[[], Any]) -> "tuple[Any, Spent]":
        """What some work answers, and what it cost."""
        from common import pg

        processes = psutil.Process(), psutil.Process(pg.raw().info.backend_pid)
        before = [sum(process.cpu_times()[:2]) for process in processes]
        began = time.perf_counter()
        answer = work()
        seconds = time.perf_counter() - began
        worker, server = (sum(p.cpu_times()[:2]) - was for p, was in zip(processes, before, strict=True))
        return answer, cls(seconds, worker, server)

    @property
    def processor(self) -> float:
        """Both together: what a run takes at most by the clock where nothing else wants the machine."""
        return self.worker + self.server


def linked(at: datetime) -> Linked:
    """Link what changed."""
    from identity.linkage.services import link_changed

    run, spent = Spent.by(lambda: link_changed(now=at, seconds=3_600.0))
    return Linked(run.profiles, run.compared, spent)


def newcomers(count: int, start: int, at: datetime) -> Iterator[Spent]:
    """People who come one at a time: what the task takes for each."""
    from common import pg

    told = kinsfolk.people(count, seed=start, twice=0.0)[:count]
    for n, (_, traits) in enumerate(told):
        came = at + timedelta(seconds=n)
        conn = pg.raw()
        conn.execute(
            "insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)"
            " values (%s, 'crm_id', %s, %s, %s, '', %s)",
            (start + n, f"n{start + n}", start + n, start + n, came),
        )
        conn.execute(
            "insert into identity_profile (id, traits, created_at, updated_at) values (%s, %s, %s, %s)",
            (start + n, json.dumps(traits), came, came),
        )
        yield linked(came).spent


def references(count: int) -> tuple[Spent, Spent]:
    """Candidates by the same keys and their records, without and with six distances of plain rapidfuzz a pair."""
    ids = random.Random(5).sample(range(1, count), _REFERENCE)
    candidates = Spent.by(lambda: sum(1 for _ in met(ids)))[1]
    return candidates, Spent.by(lambda: compare_plainly(ids))[1]


def met(ids: list[int]) -> "Iterator[tuple[Any, Any]]":
    """Pairs of these profiles and those that share a block with them, with the records of all; part by part."""
    import numpy as np
    import psycopg

    from common import pg
    from identity.linkage import records

    cursor = psycopg.Cursor(pg.raw())
    for start in range(0, len(ids), 500):
        keys = dict(
            cursor.execute(
                "select profile_id, keys from identity_linkagerecord where profile_id = any(%s)",
                [ids[start : start + 500]],
            ).fetchall()
        )
        pairs, _ = records.find_candidates(cursor, keys, records.full_blocks(cursor))
        yield pairs, records.load_records(cursor, np.unique(pairs))


def compare_plainly(ids: list[int]) -> None:
    """Six distances of plain rapidfuzz for each pair of these profiles and whom they meet."""
    from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

    for pairs, known in met(ids):
        for a, b in pairs.tolist():
            if a not in known or b not in known:
                continue
            x, y = known[a], known[b]
            JaroWinkler.similarity(x.given, y.given)
            JaroWinkler.similarity(x.surname, y.surname)
            JaroWinkler.similarity(x.street, y.street)
            JaroWinkler.similarity("".join(x.emails), "".join(y.emails))
            DamerauLevenshtein.distance(x.birth_date, y.birth_date)
            DamerauLevenshtein.distance("".join(x.phones), "".join(y.phones))


def commonest() -> tuple[str, int, Linked]:
    """The commonest surname, how many bear it, and what it costs to look up the candidates of 500."""
    from common import pg

    conn = pg.raw()
    found = conn.execute(
        "select fields::jsonb ->> 2, count(*), (array_agg(profile_id))[:500] from identity_linkagerecord"
        " where fields::jsonb ->> 2 <> '' group by 1 order by 2 desc limit 1"
    ).fetchone()
    if not found:
        raise SystemExit("nobody in the base has a surname")
    surname, bearers, ids = found
    pairs, spent = Spent.by(lambda: sum(len(pairs) for pairs, _ in met(ids)))
    return surname, bearers, Linked(len(ids), pairs, spent)


def blocks() -> tuple[float, float]:
    """Keys a record, and the share of entries that are under over-full keys and passed over."""
    from common import pg
    from identity.linkage import blocking

    row = pg.raw().execute("select avg(cardinality(keys))::float8 from identity_linkagerecord").fetchone()
    full = (
        pg.raw()
        .execute(
            "select coalesce(sum(n) filter (where n > %s), 0)::float8 / greatest(sum(n), 1)"
            " from (select count(*) as n from identity_blockingkey group by key_hash) as k",
            (blocking.MOST_IN_BLOCK,),
        )
        .fetchone()
    )
    return float(row[0]) if row else 0.0, float(full[0]) if full else 0.0


def held() -> tuple[int, datetime]:
    """How many profiles the base holds, and when the last one changed."""
    from common import pg

    row = pg.raw().execute("select coalesce(max(id), 0), max(updated_at) from identity_profile").fetchone()
    return (int(row[0]), row[1] or NOW) if row else (0, NOW)


def measure(profiles: int, changed: int, folder: str | None) -> dict[str, Any]:
    """Everything, in one process with one database, which is made first unless the folder holds one."""
    with kept_services(Path(folder)) if folder else fresh_services():
        indexing = None
        if not held()[0]:
            fill(profiles)
            indexing = profiles / index(profiles)
            linked(NOW + timedelta(minutes=1))
        last, at = held()
        ids = random.Random(at.timestamp()).sample(range(1, profiles + 1), changed + 50)
        change(ids[:50], at + timedelta(minutes=30))
        linked(at + timedelta(minutes=31))  # a worker has loaded pandas long ago
        change(ids[50:], at + timedelta(hours=1))
        run = linked(at + timedelta(hours=1, minutes=1))
        times = list(newcomers(120, last + 1, at + timedelta(hours=2)))[20:]
        keys, passed_over = blocks()
        return {
            "indexed": indexing, "run": run, "keys": keys, "times": times, "passed_over": passed_over,
            "references": references(profiles), "commonest": commonest(),
        }  # fmt: skip


def tell_newcomers(report: Report, base: str, spent: list[Spent]) -> None:
    """How long one newcomer takes inside the task."""
    times = sorted(1_000 * one.seconds for one in spent)
    report.row(f"one newcomer inside the task, p50, {base}", statistics.median(times), "ms")
    report.row(f"one newcomer inside the task, p95, {base}", times[int(0.95 * len(times))], "ms", most=60)
    busy = statistics.mean(1_000 * one.processor for one in spent)
    report.row("of a newcomer processor time of worker and PostgreSQL backend", busy, "ms")


def tell_common(report: Report, commonest: tuple[str, int, Linked], candidates: Spent) -> None:
    """What bearers of a common name cost, against anybody."""
    surname, bearers, common = commonest
    report.row(
        f"candidates of bearers of the commonest surname, {surname!r}", common.compared / common.profiles, "a profile",
        reference=f"bearers: {bearers}", ratio=common.compared / common.profiles / bearers, most=20,
    )  # fmt: skip
    usual, theirs = (1e6 * one.processor / n for one, n in ((candidates, _REFERENCE), (common.spent, common.profiles)))
    report.row(
        "processor time to look their candidates up", theirs, "us a profile",
        reference=f"of anybody: {usual:.0f}", ratio=theirs / usual,
    )  # fmt: skip


def main() -> int:
    """Print one JSON object; 1 when a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=10_000)
    parser.add_argument("--data", help="a folder to keep the base in, which the next run finds there")
    options = parser.parse_args()
    found = isolated(measure, options.profiles, options.changed, options.data)
    report, run = Report("linkage_incremental"), found["run"]
    base, spent = f"against {options.profiles:,} profiles", run.spent
    candidates, plain = found["references"]
    rate, plain_rate = run.profiles / spent.seconds, _REFERENCE / plain.seconds
    report.row(
        f"changed profiles linked, {base}", rate, "1/s and worker", least=1_000,
        reference=f"candidates by key and plain rapidfuzz: {plain_rate:.0f}", ratio=rate / plain_rate,
    )  # fmt: skip
    each = spent.processor / run.profiles * 1e6
    for what, cost in (("candidates and their records alone", candidates), ("these and plain rapidfuzz", plain)):
        other = cost.processor / _REFERENCE * 1e6
        report.row(
            "processor time of worker and PostgreSQL backend", each, "us a changed profile",
            reference=f"{what}: {other:.0f}", ratio=each / other,
        )  # fmt: skip
    report.row("of this the worker", spent.worker / run.profiles * 1e6, "us a changed profile")
    report.row("of this its PostgreSQL backend", spent.server / run.profiles * 1e6, "us a changed profile")
    report.row("pairs compared", run.compared / run.profiles, "a changed profile", most=20)
    tell_newcomers(report, base, found["times"])
    tell_common(report, found["commonest"], candidates)
    if found["indexed"]:
        report.row("first indexing of a base", found["indexed"], "profiles/s")
    report.row("keys a record", found["keys"], "keys", most=40)
    report.row("entries under keys too common to be looked at", found["passed_over"], "share")
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
