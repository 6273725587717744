"""The executors agree: recordlinkage with rapidfuzz and generated SQL give one level and one weight for every pair."""

import random
from pathlib import Path

import numpy as np
import pytest

from identity.linkage import columns, comparing, engine
from identity.linkage.bulk import comparing as bulk_comparing
from identity.linkage.bulk import frequencies, scoring
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.fields import Record, make_record
from identity.linkage.levels import comparisons_of
from identity.linkage.model import Model
from identity.linkage.start import start_rows
from identity.linkage.terms import Counts, value_of

GIVEN = [
    "Mary",
    "Marie",
    "Molly",
    "M",
    "Zoë",
    "Zoé",
    "Robert",
    "Bob",
    "Rob",
    "José",
    "Jo",
    "Katherine",
    "Юлия",
    "李",
    "",
]
SURNAMES = [
    "Oduya",
    "Odyua",
    "Müller",
    "Mueller",
    "Smith",
    "Smyth",
    "Strettell-Harrison",
    "Harrison",
    "Łoś",
    "Mary",
    "",
]
STREETS = ["18 Chestnut Street", "Chestnut St 18", "18 Chesnut Street", "7 Harbor Road", "Hauptstraße 5", ""]
JOBS = ["painter", "paniter", "poet", ""]


def people(count: int, *, seed: int) -> list[Record]:
    """Records that are alike in every way there is, in several scripts, with values missing and values twice."""
    rng = random.Random(seed)
    records = []
    for _ in range(count):
        given, surname = rng.choice(GIVEN), rng.choice(SURNAMES)
        boxes = [
            f"{given}.{surname}{rng.choice([1, 2, 80, 81])}@mail.{rng.choice(['com', 'org'])}"
            for _ in range(rng.randint(0, 3))
        ]
        born = f"{rng.randint(1980, 1982)}-{rng.randint(1, 12):02d}-{rng.randint(0, 31):02d}"
        by_role = {
            "given": [given],
            "surname": [surname],
            "email": boxes,
            "street": [rng.choice(STREETS)],
            "phone": [f"+121255501{rng.randint(10, 99)}" for _ in range(rng.randint(0, 2))],
            "number": [str(rng.randint(1_000_000, 1_000_200))] * rng.randint(0, 1),
            "birth_date": [rng.choice([born, born, "1984", ""])],
            "city": [rng.choice(["Dayton", "Daytona", "Köln", ""])],
            "postcode": [rng.choice(["45402", "45420", ""])],
            "sex": [rng.choice(["f", "m", ""])],
            "middle": [rng.choice(["", "Ann", "Rob"])],
        }
        records.append(make_record(by_role, {"job": rng.choice(JOBS)}))
    return records


def counts_of(records: list[Record], model: Model) -> Counts:
    """Counted one by one, as the index in PostgreSQL does."""
    holders: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    columns_ = {term.column for term in model.terms}
    for record in records:
        for column in columns_:
            value = value_of(record, column)
            if value:
                holders[column, value] = holders.get((column, value), 0) + 1
                totals[column] = totals.get(column, 0) + 1
    return Counts(holders, totals)


@pytest.mark.parametrize("aliases", [(), (("bob", "mary"), ("jose", "zoe"))])
def test_levels_and_weights_of_100_000_pairs_are_the_same(tmp_path: Path, aliases: tuple[tuple[str, str], ...]) -> None:
    records = people(2_000, seed=5)
    names = comparisons_of(["job"])
    model = Model(comparisons=names, probabilities=start_rows(names), aliases=aliases)
    rng = np.random.default_rng(3)
    drawn = np.sort(rng.integers(0, len(records), (120_000, 2)), axis=1)
    pairs = np.unique(drawn[drawn[:, 0] < drawn[:, 1]], axis=0)[:100_000]
    assert len(pairs) == 100_000

    duck = DuckEngine(tmp_path, threads=1)
    duck.load("records", [columns.batch(range(len(records)), 0, records, ["job"])], columns.schema(["job"]))
    duck.load_rows("pairs", {"l": "int", "r": "int"}, pairs.tolist())
    duck.load_rows("aliases", {"x": "text", "y": "text"}, [*aliases, *((y, x) for x, y in aliases)])
    duck.compare("pairs", names, "raw")
    bulk_comparing.with_aliases(duck, "raw", names, "compared")
    frequencies.count_holders(duck, model.terms, entities=None)
    scoring.score(duck, "compared", model, base=len(records), name="scored")
    found = duck.fetch("select pattern, weight from scored order by l, r")
    duck.close()

    people_by_id = dict(enumerate(records))
    as_pairs = [(int(a), int(b)) for a, b in pairs]
    levels = comparing.compare(people_by_id, as_pairs, names, aliases=aliases)
    differing = np.argwhere(bulk_comparing.unpack(found["pattern"], names) != levels)
    assert [(names[column], as_pairs[row]) for row, column in differing[:5]] == []
    scored = engine.score(people_by_id, as_pairs, counts_of(records, model), base=len(records), model=model)
    assert np.abs(scored.weights - found["weight"]).max() < 1e-6
