"""A run over the whole base: train a model, link with one, or take a run back. One at a time, resumable, told of.

The run reads pieces (profiles without what linkage joined), so it judges everything anew; what it then writes is only
the difference to the live links. Training writes nothing but the model and what it would change.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction

from common import pg
from identity.linkage import figures, labelling, statements
from identity.linkage.base_writing import Batch, Writer
from identity.linkage.bulk import linking, scoring
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.bulk.linking import Linked, Linking
from identity.linkage.explaining import evidence_json
from identity.linkage.model import Model, log_odds, probability
from identity.linkage.whole_base import Difference, compare_with_live, live_links, read_pieces, settled_pairs
from identity.models import BulkRun, LinkageModel
from identity.services.settle import After

_EXAMPLES = 12
_MOST_REVIEWS = 2_000
# Below this a base says too little to learn from; the start values stay.
LEAST_RECORDS = 1_000


class TooFewRecords(Exception):
    """There is too little to learn from."""


class BaseRun:
    """One run under way."""

    def __init__(self, row: BulkRun, folder: Path, *, now: datetime, memory: str, after: After | None) -> None:
        self._row, self._now, self._after = row, now, after
        self._folder = folder / f"run-{row.pk}"
        self._engine = DuckEngine(self._folder, memory=memory)
        self._began = time.monotonic()

    def work(self) -> None:
        """Do the whole run, from where it stopped if it was killed."""
        try:
            if self._row.kind == BulkRun.Kind.ROLL_BACK:
                self._roll_back()
            else:
                self._link()
        finally:
            self._engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _link(self) -> None:
        training = self._row.kind == BulkRun.Kind.TRAIN
        live = live_links(pg.raw())
        banned = settled_pairs(pg.raw(), live)
        model = None if training else load_version(self._row.model_version)
        run = Linking(
            self._engine, self._folder, model=model, banned=banned, calibrate=_calibrate, progress=self._progress
        )
        linked = run.run(read_pieces(pg.raw()))
        if training and linked.records < LEAST_RECORDS:
            raise TooFewRecords(f"{linked.records:,} records are too few to learn from; {LEAST_RECORDS:,} are needed")
        difference = self._difference(linked, live, banned)
        told = self._figures(linked, difference)
        if training:
            self._keep_model(linked.model, told)
        else:
            self._apply(linked, difference, banned)
        self._save(figures=told)

    def _difference(self, linked: Linked, live: Any, banned: set[tuple[int, int]]) -> Difference:
        # What was compared afterwards may be what holds a cluster together.
        graph = scoring.load_graph(self._engine, "completed", least=log_odds(linked.expected.threshold) - 1e-9)
        best = np.lexsort((graph.right, graph.left, -graph.weight))
        strong = [
            pair
            for pair in zip(graph.left[best].tolist(), graph.right[best].tolist(), strict=True)
            if pair not in banned
        ]
        carried = set(strong)
        weak = [one.pieces for one in live if one.pieces not in carried]
        return compare_with_live(linked.clusters, strong, live, weak)

    def _figures(self, linked: Linked, difference: Difference) -> dict[str, Any]:
        graph = scoring.load_graph(self._engine, "scored", least=log_odds(linking.LEAST_KEPT))
        selves = linking.self_weights(self._engine, linked.model, records=linked.records)
        told = figures.of_scores(graph, linked.expected, selves)
        decisions = _decisions(linked.model, linked.records)
        if decisions:
            told["graded"] = figures.graded(decisions, linked.model.link_above)
        chances = dict(
            zip(
                zip(graph.left.tolist(), graph.right.tolist(), strict=True),
                probability(graph.weight).tolist(),
                strict=True,
            )
        )
        return {
            **told,
            "records": linked.records,
            "candidates": linked.candidates,
            "people": linked.records - len(linked.clusters) + len(set(linked.clusters.values())),
            "added": len(difference.added),
            "removed": len(difference.removed),
            "changed": difference.changed,
            "examples": {
                "added": [[a, b, chances.get((a, b), 0.0)] for a, b in difference.added[:_EXAMPLES]],
                "removed": [[a, b, chances.get((a, b), 0.0)] for a, b in difference.removed[:_EXAMPLES]],
            },
        }

    def _keep_model(self, model: Model, told: dict[str, Any]) -> None:
        with transaction.atomic():
            row = LinkageModel.objects.create(
                spec=model.to_json(), created_at=self._now, created_by=self._row.requested_by, figures=told
            )
            BulkRun.objects.filter(pk=self._row.pk).update(model_version=row.version)

    def _apply(self, linked: Linked, difference: Difference, banned: set[tuple[int, int]]) -> None:
        writer = Writer(self._row.pk, now=self._now, after=self._after)
        model = replace(linked.model, version=self._row.model_version or 0)
        for start in range(0, len(difference.removed), Writer.BATCH):
            writer.write(Batch(withdrawn=difference.removed[start : start + Writer.BATCH]))
            self._progress("write", 0.5)
        for start in range(0, len(difference.added), Writer.BATCH):
            pairs = difference.added[start : start + Writer.BATCH]
            writer.write(Batch(matches=self._evidence(pairs, model, linked.records)))
            self._progress("write", 0.5)
        asked = self._questions(linked, banned)
        writer.ask(self._evidence(asked, model, linked.records))

    def _evidence(self, pairs: Sequence[tuple[int, int]], model: Model, base: int) -> list[tuple[int, int, float, str]]:
        if not pairs:
            return []
        scored = scoring.score_in_memory(self._engine, pairs, model, base=base)
        chances = scored.probabilities
        return [(a, b, float(chances[n]), evidence_json(scored, n, model)) for n, (a, b) in enumerate(pairs)]

    def _questions(self, linked: Linked, banned: set[tuple[int, int]]) -> list[tuple[int, int]]:
        """The likeliest pairs that no cluster holds."""
        graph = scoring.load_graph(self._engine, "scored", least=log_odds(linked.model.review_above))
        best = np.lexsort((graph.right, graph.left, -graph.weight))
        pairs = zip(graph.left[best].tolist(), graph.right[best].tolist(), strict=True)
        apart = ((a, b) for a, b in pairs if linked.clusters.get(a, a) != linked.clusters.get(b, b))
        return [pair for pair in apart if pair not in banned][:_MOST_REVIEWS]

    def _roll_back(self) -> None:
        writer = Writer(self._row.pk, now=self._now, after=self._after)
        undone = writer.undo(self._row.undoes or 0)
        with transaction.atomic():
            run = BulkRun.objects.select_for_update().get(pk=self._row.undoes or 0)
            run.state = BulkRun.State.ROLLED_BACK
            run.save(update_fields=["state"])
            LinkageModel.objects.filter(active=True).update(active=False)
            LinkageModel.objects.filter(pk=run.previous_version or 0).update(active=True)
            BulkRun.objects.filter(pk=self._row.pk).update(model_version=run.previous_version)
        self._save(figures=undone)

    def _progress(self, stage: str, done: float) -> None:
        self._row.stage = stage
        if done >= 1.0 and stage not in self._row.stages:
            self._row.stages[stage] = round(time.monotonic() - self._began, 2)
            self._began = time.monotonic()
        self._row.save(update_fields=["stage", "stages"])

    def _save(self, *, figures: dict[str, Any]) -> None:
        self._row.refresh_from_db(fields=["model_version", "previous_version"])
        self._row.figures = figures
        self._row.save(update_fields=["figures"])


def load_version(version: int | None) -> Model:
    """A stored model, or the start values."""
    row = LinkageModel.objects.filter(pk=version or 0).first()
    return Model.from_json(row.spec, version=row.version) if row else Model()


def _decided() -> tuple[list[dict[str, Any]], list[bool]]:
    with connection.cursor() as cursor:
        cursor.execute(statements.DECIDED)
        rows = cursor.fetchall()
    return [json.loads(text) for text, _ in rows], [match for _, match in rows]


def _decisions(model: Model, base: int) -> list[tuple[float, bool]]:
    """What stewards have decided, with the probability that this model gives."""
    kept, matches = _decided()
    if not kept:
        return []
    chances = model.score(labelling.levels_of(kept, model), {}, base=base).probabilities
    return list(zip(chances.tolist(), matches, strict=True))


def _calibrate(model: Model, base: int) -> Model:
    """The model with its prior set right by the decisions of stewards, where there are enough."""
    kept, matches = _decided()
    if not kept:
        return model
    weights = model.score(labelling.levels_of(kept, model), {}, base=base).weights
    return labelling.calibrated(model, weights, matches)
