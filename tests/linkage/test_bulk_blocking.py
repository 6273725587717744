"""Candidates of whole bases: large ones are asked for less, and still bring together whoever can be told apart."""

import random
from pathlib import Path

from identity.linkage import columns
from identity.linkage.bulk import blocking
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.fields import Record, make_record
from identity.linkage.tokens import kinds
from tests.linkage.test_training import person

Pairs = set[tuple[int, int]]


def base(count: int) -> list[Record]:
    """So many people, the odd ones written down once more after a slip in a name and a move."""
    rng = random.Random(11)
    records = []
    for _ in range(count):
        told = person(rng)
        records.append(make_record(told))
        slip = told["given"][0][:-1] + "e"
        again = person(rng, given=slip, surname=told["surname"][0], birth_date=told["birth_date"][0])
        records.append(make_record(again))
    return records


def candidates(folder: Path, records: list[Record], *, of: int) -> Pairs:
    """The candidates as in a base of `of` records."""
    engine = DuckEngine(folder)
    engine.load("records", [columns.batch(range(len(records)), 0, records)], columns.schema(()))
    engine.create("source_of", "select id, source from records")
    blocking.find_candidates(engine, kinds(()), records=of, across=False)
    found = engine.fetch("select l, r from candidates")
    engine.close()
    return set(zip(found["l"].tolist(), found["r"].tolist(), strict=True))


def test_a_large_base_is_asked_for_fewer_pairs_and_finds_the_same_people(tmp_path: Path) -> None:
    records = base(600)
    twice = {(n, n + 1) for n in range(0, len(records), 2)}
    whole = candidates(tmp_path / "small", records, of=blocking.LEAN_BASE)
    lean = candidates(tmp_path / "large", records, of=blocking.LEAN_BASE + 1)
    assert twice <= whole
    assert len(twice & lean) >= 0.99 * len(twice)
    assert len(lean) < 0.6 * len(whole)


def test_coarse_tokens_join_in_a_large_base_where_the_finer_ones_are_missing() -> None:
    pairs = blocking.joined(kinds(()))
    full = blocking.lean(pairs, {"year": 1_000, "month": 900, "month, day": 900, "postcode": 800, "postcode area": 800})
    years = blocking.lean(pairs, {"year": 1_000, "month": 100, "month, day": 100, "postcode": 0, "postcode area": 0})
    assert ("surname sound", "month") in full
    assert ("surname sound", "year") not in full
    assert ("surname sound", "year") in years
