"""`manage.py link`: files in, clusters and pairs out, with what the model expects and, given labels, what is true."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from identity.linkage import files
from identity.linkage.bulk import scoring
from identity.linkage.bulk.engine import Engine
from identity.linkage.bulk.linking import LEAST_KEPT, Linked, Linking
from identity.linkage.files import Source
from identity.linkage.levels import MOST_OTHERS, OTHER
from identity.linkage.model import Model, log_odds

Progress = Callable[[str, float], None]
Labels = npt.NDArray[np.int64]
# A file in which more of the records than this are there twice is not free of duplicates.
_DUPLICATE_FREE = 0.01


@dataclass(frozen=True, slots=True)
class Grade:
    """Precision, recall and F1 against labels, over all pairs of records."""

    precision: float
    recall: float
    f1: float


def compared_as_they_are(sources: Sequence[Source], model: Model | None) -> list[str]:
    """The further columns that count: those the model was trained with, else the ones that tell most."""
    if model is not None:
        return sorted(one.removeprefix(OTHER) for one in model.comparisons if one.startswith(OTHER))
    return files.choose_further(sources, MOST_OTHERS)


class FileLinking:
    """One run over one file, or over two that are linked to one another."""

    def __init__(
        self,
        sources: Sequence[Source],
        folder: Path,
        engine: Engine,
        *,
        one_to_one: bool = False,
        model: Model | None = None,
        progress: Progress = lambda stage, done: None,
    ) -> None:
        self._sources, self._engine = sources, engine
        self._others = compared_as_they_are(sources, model)
        self._linking = Linking(
            engine, folder, others=self._others, across=one_to_one, model=model, progress=progress
        )  # fmt: skip

    def run(self) -> Linked:
        """Link, and keep `clusters` and `pairs` for `write`."""
        linked = self._linking.run(self._chunks())
        self._engine.load_rows("clustered", {"id": "int", "cluster": "int"}, list(linked.clusters.items()))
        names = [(number, source.path.name) for number, source in enumerate(self._sources)]
        self._engine.load_rows("source_names", {"source": "int", "name": "text"}, names)
        self._engine.create(
            "clusters",
            """select r.id, r.key as record_id, n.name as source, coalesce(c.cluster, r.id) as cluster from records r
            join source_names n on n.source = r.source left join clustered c on c.id = r.id""",
        )
        return linked

    def _chunks(self) -> Iterator[pa.RecordBatch]:
        first = 0
        for number, source in enumerate(self._sources):
            yield from files.read(source, first_id=first, number=number, others=self._others)
            first += source.rows

    def write_clusters(self, path: Path) -> None:
        """One row a record: its key, its file, the cluster and how many records that has.

        A cluster is named after its first record, so it keeps its name however often the run is repeated.
        """
        self._engine.export(
            """select c.record_id, c.source, f.record_id as cluster_id,
                   count(*) over (partition by c.cluster) as records
            from clusters c join clusters f on f.id = c.cluster order by c.id""",
            path,
        )

    def write_pairs(self, path: Path, model: Model) -> None:
        """One row a pair that may be one person: probability, weight, and the level and bits of each comparison."""
        least = log_odds(LEAST_KEPT)
        self._engine.create("likely", f"select * from completed where weight > {least}")
        scoring.weigh(self._engine, "likely", model, name="weighed")
        self._engine.export(
            f"""select a.record_id as left_id, a.source as left_source, b.record_id as right_id,
                   b.source as right_source, a.cluster = b.cluster as linked, w.* {self._engine.dialect.without} (l, r)
            from weighed w join clusters a on a.id = w.l join clusters b on b.id = w.r
            order by w.probability desc, w.l, w.r""",
            path,
        )

    def labels(self, path: Path, key: str, label: str) -> Labels:
        """The true entity of each record by its id, -1 where the file of labels does not know it."""
        truth = files.key_values(path, key, label)
        numbers = {value: n for n, value in enumerate(dict.fromkeys(truth.values()))}
        keys = self._engine.fetch("select key from records order by id")["key"].tolist()
        return np.array([numbers[truth[one]] if one in truth else -1 for one in keys], dtype=np.int64)

    def grade_pairs(self, truth: Labels, threshold: float) -> Grade:
        """The grade of the scored pairs above a threshold, before clustering."""
        found = self._engine.fetch(f"select l, r from scored where weight >= {log_odds(threshold)}")
        known = (truth[found["l"]] >= 0) & (truth[found["r"]] >= 0)
        right = (truth[found["l"]] == truth[found["r"]]) & known
        return of_counts(float(right.sum()), float(known.sum()), _pairs(truth[truth >= 0]))

    def blocking_recall(self, truth: Labels) -> float:
        """The share of the true pairs that blocking brought together at all."""
        found = self._engine.fetch("select l, r from candidates")
        right = (truth[found["l"]] == truth[found["r"]]) & (truth[found["l"]] >= 0)
        return float(right.sum()) / max(_pairs(truth[truth >= 0]), 1.0)

    def oracle(self, truth: Labels) -> float:
        """The F1 of pairs at the best of all thresholds, which only labels can tell."""
        found = self._engine.fetch("select l, r from scored order by weight desc, l, r")
        known = (truth[found["l"]] >= 0) & (truth[found["r"]] >= 0)
        right = np.cumsum((truth[found["l"]] == truth[found["r"]])[known])
        taken = np.arange(1, len(right) + 1)
        return float((2 * right / (taken + _pairs(truth[truth >= 0]))).max(initial=0.0))

    def clusters(self) -> Labels:
        """The cluster of each record by its id."""
        return np.asarray(self._engine.fetch("select cluster from clusters order by id")["cluster"], dtype=np.int64)


def duplicate_free(linked: Linked) -> bool:
    """Whether a file that was linked with itself holds nearly nobody twice."""
    return linked.expected.matches < _DUPLICATE_FREE * linked.records or not linked.clusters


def grade(found: Labels, truth: Labels) -> Grade:
    """Pairs inside clusters against pairs inside true entities, over the records with a label."""
    known = truth >= 0
    pairs = [_pairs(labels) for labels in (found[known], truth[known])]
    both = _pairs(found[known] * (int(truth.max(initial=0)) + 1) + truth[known])
    return of_counts(both, *pairs)


def of_counts(right: float, found: float, true: float) -> Grade:
    """The grade of so many right pairs of those found, against the true ones."""
    precision = right / found if found else 1.0
    recall = right / true if true else 1.0
    return Grade(precision, recall, 2 * right / (found + true) if found + true else 1.0)


def _pairs(labels: Labels) -> float:
    return float(sum(count * (count - 1) / 2 for count in Counter(labels.tolist()).values()))
