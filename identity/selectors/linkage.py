"""Models and runs of record linkage, as the pages and the API show them."""

from collections.abc import Sequence
from math import log2

from identity.contracts import ComparisonView, LevelView, LinkageModelView, LinkageRunView
from identity.models import BulkRun, LinkageModel

# PostgreSQL keeps no order of the keys of an object.
_STAGES = ("read", "block", "compare", "train", "score", "write")


def linkage_models() -> list[LinkageModelView]:
    """All versions, newest first; version 0, the start values, comes last."""
    held = [_model(row) for row in LinkageModel.objects.order_by("-version")]
    return [*held, _start(active=not any(one.active for one in held))]


def linkage_model(version: int | None = None) -> LinkageModelView | None:
    """One version, or the active one."""
    if version is None:
        active = LinkageModel.objects.filter(active=True).first()
        return _model(active) if active else _start(active=True)
    if version == 0:
        return _start(active=not LinkageModel.objects.filter(active=True).exists())
    row = LinkageModel.objects.filter(pk=version).first()
    return _model(row) if row else None


def linkage_comparisons(version: int | None = None) -> list[ComparisonView]:
    """What a version (or the active one) believes of each comparison.

    Nothing when there is no such version, or when it is of a kind that is not read any more.
    """
    from identity.linkage import levels, model  # numpy stays out of processes that never ask

    held = linkage_model(version)
    if held is None:
        return []
    try:
        believed = model.Model.from_json(held.spec)
    except ValueError:
        return []
    classes = [levels.CLASSES.index(one) for one in (levels.MATCH, levels.STRANGERS, levels.HOUSEHOLD)]
    found = []
    for name in believed.comparisons:
        field = levels.field_of(name)
        rows = model.class_rows(believed.probabilities[name], name)[classes].tolist()
        shares = zip(levels.LEVELS[field], *rows, strict=True)
        told = tuple(LevelView(words, m, u, h, log2(m / u)) for words, m, u, h in shares)
        found.append(ComparisonView(name, field, told))
    return found


def linkage_runs(limit: int = 50, before: int | None = None) -> Sequence[LinkageRunView]:
    """Runs, newest first; `before` is the id of the last one that was shown."""
    rows = BulkRun.objects.order_by("-pk")
    return [_run(row) for row in (rows.filter(pk__lt=before) if before else rows)[:limit]]


def linkage_run(run_id: int) -> LinkageRunView | None:
    """One run."""
    row = BulkRun.objects.filter(pk=run_id).first()
    return _run(row) if row else None


def _model(row: LinkageModel) -> LinkageModelView:
    return LinkageModelView(
        row.version, row.spec, row.active, row.created_at, row.created_by, row.figures, row.switched_on_at,
        row.switched_on_by,
    )  # fmt: skip


def _start(*, active: bool) -> LinkageModelView:
    from identity.linkage.model import Model

    return LinkageModelView(0, Model().to_json(), active)


def _run(row: BulkRun) -> LinkageRunView:
    return LinkageRunView(
        row.pk, row.kind, row.state, row.model_version, row.previous_version, row.undoes, row.stage,
        {stage: row.stages[stage] for stage in _STAGES if stage in row.stages}, row.figures,
        row.error, row.requested_by, row.requested_at, row.started_at, row.finished_at,
    )  # fmt: skip
