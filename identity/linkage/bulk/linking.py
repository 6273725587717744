"""A whole base from records to clusters, stage by stage.

Every stage makes tables, and a journal says which are done: a run that was killed goes on where it stopped, and the
result is the same. Training looks at candidates, random pairs and namesakes; labels are not used.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from identity.linkage import clustering, columns, deciding, matching, thresholds
from identity.linkage.bulk import blocking, comparing, frequencies, learning, scoring, screening
from identity.linkage.bulk.engine import Engine
from identity.linkage.clustering import Graph, Pair
from identity.linkage.levels import Floats, comparisons_of
from identity.linkage.model import Model, log_odds, probability
from identity.linkage.tokens import kinds

Progress = Callable[[str, float], None]

STAGES = ("read", "block", "compare", "train", "score", "cluster")
# Pairs below this probability are not kept.
LEAST_KEPT = 1e-3
# Of fewer records than this may be too few to learn from: what two of three have in common looks like what many have.
LEAST_LEARNED = 50
# Clusters up to this size are compared in full before they are decided on.
_MOST_COMPLETED = 40


@dataclass(frozen=True, slots=True)
class Linked:
    """What came of a run: the clusters of those who are not alone, and what the model expects of them."""

    model: Model
    clusters: dict[int, int]
    records: int
    candidates: int
    expected: thresholds.Expectation


class Linking:
    """One run over one base. `across` pairs only records of different sources."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *,
        others: Sequence[str] = (),
        across: bool = False,
        model: Model | None = None,
        banned: Collection[Pair] = (),
        calibrate: Callable[[Model, int], Model] = lambda model, base: model,
        progress: Progress = lambda stage, done: None,
    ) -> None:
        self._engine, self._across, self._progress = engine, across, progress
        self._banned, self._calibrate = banned, calibrate
        self._others = tuple(others)
        self._given = model
        self._comparisons = model.comparisons if model else comparisons_of(others)
        self._kinds = kinds(others)
        self._journal = folder / "journal.json"
        self._done: dict[str, Any] = json.loads(self._journal.read_text()) if self._journal.exists() else {}

    def run(self, chunks: Iterable[pa.RecordBatch]) -> Linked:
        """Link the records of these chunks (`columns.batch`)."""
        self._stage("read", lambda: self._read(chunks))
        records = int(self._engine.fetch("select count(*) as n from records")["n"][0])
        self._stage("block", lambda: self._block(records))
        self._stage("compare", lambda: self._compare(records))
        model = Model.from_json(self._stage("train", lambda: self._train(records)))
        self._stage("score", lambda: self._score(model, records))
        clusters, expected = self._cluster(model, records)
        candidates = int(self._engine.fetch("select count(*) as n from candidates")["n"][0])
        return Linked(model, clusters, records, candidates, expected)

    def _stage(self, name: str, work: Callable[[], Any]) -> Any:
        """Do a stage, unless an earlier run has done it; what it answers is kept in the journal."""
        if name not in self._done:
            self._progress(name, 0.0)
            self._done[name] = work()
            fresh = self._journal.with_suffix(".new")
            fresh.write_text(json.dumps(self._done))
            fresh.replace(self._journal)
        self._progress(name, 1.0)
        return self._done[name]

    def _read(self, chunks: Iterable[pa.RecordBatch]) -> None:
        self._engine.load("records", chunks, columns.schema(self._others))
        self._engine.create("source_of", "select id, source from records")

    def _block(self, records: int) -> None:
        blocking.find_candidates(self._engine, self._kinds, records=records, across=self._across)

    def _compare(self, records: int) -> None:
        engine, pairs = self._engine, "candidates"
        if self._given is not None and engine.dialect.screens:
            pairs, filled = "screened", comparing.filled_lists(engine)
            screening.screen(engine, "candidates", self._given, base=records, filled=filled, name=pairs)
        engine.compare(pairs, self._comparisons, "compared")
        engine.drop("screened")

    def _train(self, records: int) -> dict[str, Any]:
        if self._given is not None:
            learning.apply_aliases(self._engine, self._given)
            frequencies.count_holders(self._engine, self._given.terms, entities=None)
            return self._given.to_json()
        start = Model(comparisons=self._comparisons, probabilities=learning.start_rows(self._comparisons))
        learned = learning.learn(self._engine, start, records=records, across=self._across)
        if records < LEAST_LEARNED and not self._supports(learned, records):
            learning.keep(self._engine, start, base=records)
            frequencies.count_holders(self._engine, start.terms, entities=None)
            return start.to_json()
        return self._calibrate(learned, records).to_json()

    def _supports(self, model: Model, records: int) -> bool:
        """Whether the pairs bear out what was learned from them."""
        scoring.score(self._engine, "kept", model, base=records, name="scored")
        return thresholds.expect(probability(self._engine.fetch("select weight from scored")["weight"])).supported

    def _score(self, model: Model, records: int) -> None:
        scoring.score(self._engine, "kept", model, base=records, name="scored")
        if by_start_values(model, records):
            self._hold_back("scored", model, records)

    def _hold_back(self, scored: str, model: Model, records: int) -> None:
        """Keep what may not be linked under start values below their threshold: what names nobody, or singles nobody
        out (`deciding.enough`)."""
        found = self._engine.fetch(f"select l, r, pattern, weight from {scored} order by l, r")
        pairs = list(zip(found["l"].tolist(), found["r"].tolist(), strict=True))
        if pairs:
            seen = scoring.score_in_memory(self._engine, pairs, model, base=records)
            allowed = deciding.named(seen.levels) & deciding.enough(seen)
            held = np.where(allowed, found["weight"], np.minimum(found["weight"], log_odds(model.link_above) - 1e-9))
            rows = [(*pair, *more) for pair, *more in zip(pairs, found["pattern"].tolist(), held.tolist(), strict=True)]
            types = {"l": "int", "r": "int", "pattern": "int", "weight": "double"}
            self._engine.load_rows(scored, types, rows)

    def _expect(self, chances: Floats, model: Model, records: int) -> thresholds.Expectation:
        if by_start_values(model, records):
            return thresholds.at(chances, model.link_above)
        return thresholds.expect(chances, records=0 if self._across else records)

    def _cluster(self, model: Model, records: int) -> tuple[dict[int, int], thresholds.Expectation]:
        if self._across:
            return self._pair_off(model, records)
        expected = self._expect(probability(self._engine.fetch("select weight from scored")["weight"]), model, records)
        if not expected.supported or not self._named():
            self._engine.create("completed", "select * from scored")
            return {}, expected
        cut = log_odds(expected.threshold)
        self._complete(model, records, cut=cut)
        graph = scoring.load_graph(self._engine, "completed", least=-500.0, model=model)
        return clustering.cluster(graph, cut=cut, banned=self._banned), expected

    def _pair_off(self, model: Model, records: int) -> tuple[dict[int, int], thresholds.Expectation]:
        self._engine.create("completed", "select * from scored")
        graph = scoring.load_graph(self._engine, "scored", least=log_odds(LEAST_KEPT) * 3)
        sizes = self._engine.fetch("select count(*) as n from records group by source")["n"]
        chances = matching.posteriors(graph, smaller_source=int(sizes.min()))
        expected = self._expect(chances, model, records)
        if not expected.supported or not self._named():
            return {}, expected
        return matching.pair_off(graph.left, graph.right, chances, threshold=expected.threshold), expected

    def _named(self) -> bool:
        """Whether the base has names: without any nobody is merged unasked."""
        named = "select count(*) as n from records where given is not null or surname is not null"
        return bool(self._engine.fetch(named)["n"][0])

    def _complete(self, model: Model, records: int, *, cut: float) -> None:
        """Compare what blocking left out inside tentative clusters: it may speak against them."""
        strong = scoring.load_graph(self._engine, "scored", least=cut)
        missing = missing_pairs(strong)
        self._engine.load_rows("missing_all", {"l": "int", "r": "int"}, missing)
        self._engine.create(
            "missing",
            "select m.l, m.r from missing_all m left join scored s on s.l = m.l and s.r = m.r where s.l is null",
        )
        scoring.compare_named(self._engine, "missing", model, "missing_compared")
        scoring.score(self._engine, "missing_compared", model, base=records, name="missing_scored")
        if by_start_values(model, records):
            self._hold_back("missing_scored", model, records)
        self._engine.create("completed", "select * from scored union all select * from missing_scored")


def by_start_values(model: Model, records: int) -> bool:
    """Whether nothing could be learned from a few records, and there was no model that was learned elsewhere."""
    return records < LEAST_LEARNED and not model.trained


def missing_pairs(strong: Graph) -> list[tuple[int, int]]:
    """All pairs inside the components of three and more, up to a size."""
    if not len(strong.left):
        return []
    ids, component = clustering.components(strong.left, strong.right)
    order = np.argsort(component, kind="stable")
    ids, sizes = ids[order], np.bincount(component)
    pairs: list[tuple[int, int]] = []
    place = 0
    for size in sizes.tolist():
        if 2 < size <= _MOST_COMPLETED:
            members = ids[place : place + size].tolist()
            pairs += [(a, b) for n, a in enumerate(members) for b in members[n + 1 :]]
        place += size
    return pairs


def self_weights(engine: Engine, model: Model, *, records: int, most: int = 20_000) -> Floats:
    """The weight each of some records would have against a copy of itself: what says too little is never linked."""
    every = max(1, records // most)
    chosen = f"select id as l, id as r from records where {engine.dialect.modulo('id', every)} = 0"
    engine.create("selves", chosen)
    engine.compare("selves", model.comparisons, "selves_compared")
    scoring.score(engine, "selves_compared", model, base=records, name="selves_scored")
    return np.asarray(engine.fetch("select weight from selves_scored")["weight"], dtype=np.float64)
