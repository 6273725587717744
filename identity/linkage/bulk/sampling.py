"""Pairs that were not sought: random ones, and ones that share a name."""

import numpy as np
import pyarrow as pa

from identity.linkage.bulk.dialects import shuffled
from identity.linkage.bulk.engine import Engine

# Random pairs; where the base has no more than that, all of them.
RANDOM_PAIRS = 1_000_000
NAMESAKES = 150_000


def sample_random(engine: Engine, *, records: int, across: bool, seed: int = 1969) -> None:
    """Make `random_pairs (l, r)`: what strangers have in common."""
    apart = "and a.source <> b.source" if across else ""
    if records * (records - 1) / 2 <= RANDOM_PAIRS:
        engine.create(
            "random_pairs", f"select a.id as l, b.id as r from records a, records b where a.id < b.id {apart}"
        )
        return
    ids = engine.fetch("select id from records order by id")["id"]
    left, right = np.random.default_rng(seed).choice(ids, (2, RANDOM_PAIRS))
    pairs = np.unique(np.stack([np.minimum(left, right), np.maximum(left, right)])[:, left != right], axis=1)
    table = pa.table({"l": pairs[0], "r": pairs[1]})
    engine.load("drawn", table.to_batches(), table.schema)
    where = "join source_of a on a.id = l join source_of b on b.id = r where a.source <> b.source" if across else ""
    engine.create("random_pairs", f"select l, r from drawn {where}")
    engine.drop("drawn")


def sample_namesakes(engine: Engine, *, records: int, across: bool) -> None:
    """Make `namesakes (l, r)`: pairs that share a given name, a surname or both, neighbours in a random order."""
    apart = "and a.source <> b.source" if across else ""
    every = max(1, 3 * records // NAMESAKES)
    parts = []
    for names in ("given", "surname", "given, surname"):
        columns = [name.strip() for name in names.split(",")]
        present = " and ".join(f"{name} is not null" for name in ["email", *columns])
        same = " and ".join(f"a.{name} = b.{name}" for name in columns)
        placed = f"""(select id, source, {names}, row_number() over (
            partition by {names} order by {shuffled("id")}, id) as place from records where {present})"""
        parts.append(
            f"""select least(a.id, b.id) as l, greatest(a.id, b.id) as r from {placed} a join {placed} b
            on {same} and b.place = a.place + 1 where {engine.dialect.modulo("a.id", every)} = 0 {apart}"""
        )
    engine.create("namesakes", " union ".join(parts))
