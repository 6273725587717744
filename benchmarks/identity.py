"""Identity at a million identifiers: new links, merges and unmerges one by one, the rebuild and a shadow run.

The population is made of households' worth of evidence that goes through the hot-path door, as events would bring it:
people with one to nine identifiers, a few shared devices, a leaked constant. `--identifiers` scales it down.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from kit.report import Report
from kit.services import fresh_services

# The project's own modules are imported inside functions: Django knows its settings only once the servers run.

BATCH = 20_000
START_US = 1_760_000_000_000_000
TARGET_MS = 50.0
SINGLES = 400


class Town:
    """People who arrive with their evidence: half have signed in, a few share a tablet or leak a constant."""

    def __init__(self, identifiers: int, rng: random.Random) -> None:
        self.rng = rng
        self.tablets = identifiers // 4000 + 1
        self.people = 0
        self.clear()

    def clear(self) -> None:
        """Start a new batch."""
        from identity.contracts import Evidence

        self.evidence = Evidence([], [], [], [])
        self.places: dict[Any, int] = {}

    def place(self, kind: str, value: str) -> int:
        """Where this identifier stands in the batch."""
        from identity.contracts import IdentifierKey

        key = IdentifierKey(kind, value)
        place = self.places.setdefault(key, len(self.places))
        if place == len(self.evidence.keys):
            self.evidence.keys.append(key)
            self.evidence.seen_us.append(START_US + self.people)
        return place

    def add_person(self) -> None:
        """One to nine identifiers; a person who signed in links them, with three traits."""
        from identity.contracts import ClaimIn

        self.people += 1
        person, at_us, chance = self.people, START_US + self.people, self.rng.random
        count = self.rng.choice([1, 1, 1, 2, 3, 5])
        linked = [self.place("anonymous_id", f"browser-{person}-{n}-0123456789abcdef") for n in range(count)]
        if chance() < 0.5:
            return
        user = self.place("user_id", f"user-{person}")
        linked.append(self.place("email", f"person{person}@mail{person % 97}.com"))
        for share, kind, value in (
            (0.4, "phone", f"+3247{person:08d}"),
            (0.01, "device_id", f"tablet-{self.rng.randrange(self.tablets)}"),
            (0.001, "email", "everybody@shop.com"),
        ):
            if chance() < share:
                linked.append(self.place(kind, value))
        self.evidence.links.extend((user, other, at_us, "observed") for other in linked)
        for trait, value in (("name", b'"Person"'), ("plan", b'"pro"'), ("number", b"%d" % person)):
            self.evidence.claims.append(ClaimIn(user, 1, trait, value, at_us, person))


def population(identifiers: int, rng: random.Random) -> Iterator[Any]:
    """The evidence of a town, in batches."""
    town, made = Town(identifiers, rng), 0
    while made < identifiers:
        town.clear()
        while len(town.evidence.keys) < BATCH and made + len(town.evidence.keys) < identifiers:
            town.add_person()
        made += len(town.evidence.keys)
        yield town.evidence


def load(identifiers: int, rng: random.Random) -> float:
    """Apply the population; returns identifiers a second."""
    from common import clock, pg, turns
    from identity.services import Memory, apply_evidence

    began, done, memory = time.perf_counter(), 0, Memory()
    with pg.connect() as conn:
        for evidence in population(identifiers, rng):
            if not turns.take(conn, "benchmark"):
                memory.forget()
            apply_evidence(conn, evidence=evidence, memory=memory, now=clock.now())
            conn.commit()
            memory.trim()
            done += len(evidence.keys)
    return done / (time.perf_counter() - began)


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def p95(samples: list[float]) -> float:
    return statistics.quantiles(samples, n=20)[-1]


def link_times(rng: random.Random) -> list[float]:
    """One event at a time that links two identifiers of two people, each in a transaction of its own, memory cold."""
    from common import clock, pg, turns
    from identity.contracts import Evidence, IdentifierKey
    from identity.services import Memory, apply_evidence

    with pg.connect() as conn:
        rows = conn.execute(
            "select kind, value from identity_identifier where kind in ('anonymous_id', 'email')"
            " and id % 7 = 0 limit 50000"
        ).fetchall()
        conn.commit()
        keys = [IdentifierKey(*row) for row in rng.sample(rows, SINGLES * 2)]

        def link(a: Any, b: Any) -> None:
            turns.take(conn, "benchmark-links")
            evidence = Evidence([a, b], [START_US, START_US], [(0, 1, START_US, "observed")], [])
            apply_evidence(conn, evidence=evidence, memory=Memory(), now=clock.now())
            conn.commit()

        return [timed(lambda a=a, b=b: link(a, b)) for a, b in zip(keys[::2], keys[1::2], strict=True)]


def steward_times(rng: random.Random) -> tuple[list[float], list[float]]:
    """Merges of random pairs, then the undoing of each, with audit and commit."""
    from common import pg
    from identity import services

    with pg.connect() as conn:
        rows = conn.execute("select id from identity_profile where id % 7 = 0 limit 50000").fetchall()
    profiles = [row[0] for row in rng.sample(rows, SINGLES * 2)]
    decided: list[int] = []

    def merge(a: int, b: int) -> None:
        outcome = services.merge(a, b, by="benchmark", reason="random", now=datetime.now(UTC))
        if outcome.decision_id is not None:
            decided.append(outcome.decision_id)

    merges = [timed(lambda a=a, b=b: merge(a, b)) for a, b in zip(profiles[::2], profiles[1::2], strict=True)]
    undone = [timed(lambda d=d: services.undo_decision(d, by="benchmark", now=datetime.now(UTC))) for d in decided]
    return merges, undone


def reference_seconds() -> float:
    """The least any rebuild must do: read identifiers and links out, and find connected components in compiled code."""
    import numpy as np
    import psycopg
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from common import pg
    from identity.services.scan import read_columns

    began = time.perf_counter()
    with pg.connect() as conn:
        cursor = psycopg.Cursor(conn)
        ids = np.sort(read_columns(cursor, "select id, profile_id from identity_identifier", 2)[:, 0])
        pairs = read_columns(cursor, "select a, b from identity_link where retracted_at is null", 2)
    ends = np.searchsorted(ids, pairs)
    graph = coo_array((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(len(ids), len(ids)))
    connected_components(graph, directed=False)
    return time.perf_counter() - began


def measure(report: Report, identifiers: int) -> None:
    from common import clock
    from identity import services

    rng = random.Random(20_26)
    report.row("identifiers loaded by the hot path", load(identifiers, rng), "identifiers/s")
    links = link_times(rng)
    merges, unmerges = steward_times(rng)
    for name, samples in (("new link", links), ("merge", merges), ("unmerge", unmerges)):
        value = p95(samples)
        report.row(f"{name}, p95 of {len(samples)}", value, "ms", most=TARGET_MS)
        report.row(f"{name}, median", statistics.median(samples), "ms")
    began = time.perf_counter()
    rebuilt = services.rebuild_profiles(now=clock.now())
    rebuild, least = time.perf_counter() - began, reference_seconds()
    began = time.perf_counter()
    services.simulate_policy({"kinds": {"email": {"max_per_profile": 1}}}, now=clock.now())
    shadow = time.perf_counter() - began
    beside = f"read all links out and find components with scipy: {least:.2f} s"
    report.row("full rebuild, traits included", rebuild, "s", reference=beside, ratio=rebuild / least)
    report.row("shadow run of another policy", shadow, "s", reference=beside, ratio=shadow / least)
    wrong = rebuilt.identifiers_differing
    report.row("identifiers the rebuild found wrong", wrong, "identifiers", most=0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--identifiers", type=int, default=1_000_000)
    arguments = parser.parse_args()
    report = Report("identity")
    with fresh_services():
        measure(report, arguments.identifiers)
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
