"""What numbers alone tell of a pair spares comparing it, and loses none that a stored model would keep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from identity.linkage import columns
from identity.linkage.bulk import comparing, learning, screening
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.fields import Record
from identity.linkage.levels import comparisons_of
from identity.linkage.model import Model
from identity.linkage.start import start_rows
from tests.linkage.test_parity import people

NAMES = comparisons_of(["job"])
ALIASES = (("bob", "mary"), ("jose", "zoe"))


def models() -> list[Model]:
    """The start values, with aliases and without, and rates that no base has."""
    begun = Model(comparisons=NAMES, probabilities=start_rows(NAMES))
    rng = np.random.default_rng(4)
    drawn = []
    for _ in range(6):
        rows = {
            one: {name: rng.dirichlet(np.full(len(row), 0.4)) * 0.999 + 0.001 / len(row) for name, row in held.items()}
            for one, held in begun.probabilities.items()
        }
        shares = {"M": float(rng.uniform(0.01, 2)), "H": float(rng.uniform(0.01, 2))}
        told = {one: {name: list(row) for name, row in held.items()} for one, held in rows.items()}
        drawn.append(replace(begun, probabilities=told, pairs_a_record=shares, aliases=ALIASES))
    return [begun, replace(begun, aliases=ALIASES), *drawn]


def with_one_contact(records: list[Record]) -> list[Record]:
    """As a file has them: of each contact one."""
    return [
        replace(record, emails=record.emails[:1], phones=record.phones[:1], numbers=record.numbers[:1])
        for record in records
    ]


@pytest.mark.parametrize("one_contact", [False, True], ids=["several contacts", "one contact"])
def test_no_pair_is_lost_that_a_stored_model_keeps(tmp_path: Path, one_contact: bool) -> None:
    records = people(1_500, seed=6)
    records = with_one_contact(records) if one_contact else records
    drawn = np.sort(np.random.default_rng(3).integers(0, len(records), (30_000, 2)), axis=1)
    pairs = np.unique(drawn[drawn[:, 0] < drawn[:, 1]], axis=0)
    duck = DuckEngine(tmp_path, threads=1)
    duck.load("records", [columns.batch(range(len(records)), 0, records, ["job"])], columns.schema(["job"]))
    duck.load_rows("pairs", {"l": "int", "r": "int"}, pairs.tolist())
    duck.compare("pairs", NAMES, "compared")
    filled = comparing.filled_lists(duck)
    assert bool(filled & {"emails", "phones"}) is not one_contact
    spared = kept = 0
    for model in models():
        comparing.load_aliases(duck, model.aliases)
        comparing.with_aliases(duck, "compared", NAMES, "renamed")
        for base in (1_500, 1_000_000, 10**9):
            learning.keep(duck, model, base=base, table="renamed")
            screening.screen(duck, "pairs", model, base=base, filled=filled, name="screened")
            lost = duck.fetch(
                """select count(*) filter (s.l is null) as lost, count(*) as kept from kept k
                left join screened s on s.l = k.l and s.r = k.r"""
            )
            assert lost["lost"][0] == 0
            kept += int(lost["kept"][0])
            spared += len(pairs) - int(duck.fetch("select count(*) as n from screened")["n"][0])
    duck.close()
    assert min(spared, kept) > len(pairs)
