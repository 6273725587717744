"""Reading experiments."""

from collections.abc import Sequence

import msgspec

from campaigns.contracts import ExperimentView, Metric, ResultView, Variant
from campaigns.experiments.models import Experiment, ExperimentResult


def view(row: Experiment) -> ExperimentView:
    """The contract of one row."""
    return ExperimentView(
        row.pk, row.slug, row.name, row.hypothesis, row.owner, row.state, row.traffic, row.segment_id,  # type: ignore[arg-type]
        tuple(msgspec.convert(row.variants, list[Variant])), tuple(msgspec.convert(row.metrics, list[Metric])),
        row.sequential, row.alpha, row.expected, row.winner, row.created_at, row.started_at, row.ended_at,
        row.kind, row.correction,  # type: ignore[arg-type]
    )  # fmt: skip


def experiments(*, before: int | None = None, limit: int = 200) -> list[ExperimentView]:
    """The newest first, by keyset."""
    rows = Experiment.objects.order_by("-pk")
    return [view(row) for row in (rows.filter(pk__lt=before) if before else rows)[:limit]]


def experiment(reference: int | str) -> ExperimentView | None:
    """By id or slug."""
    by = {"pk": int(reference)} if str(reference).isdecimal() else {"slug": reference}
    row = Experiment.objects.filter(**by).first()
    return None if row is None else view(row)


def experiments_named(slugs: Sequence[str]) -> list[ExperimentView]:
    """Those of these slugs that there are."""
    return [view(row) for row in Experiment.objects.filter(slug__in=slugs)] if slugs else []


def sources_of(slugs: Sequence[str]) -> dict[str, int]:
    """The source that the exposures of each of these experiments come from."""
    return dict(Experiment.objects.filter(slug__in=slugs).values_list("slug", "source_id"))


def results(experiment_id: int, *, limit: int = 100) -> list[ResultView]:
    """Analyses, the newest first."""
    rows = ExperimentResult.objects.filter(experiment_id=experiment_id).order_by("-at", "-pk")[:limit]
    return [msgspec.convert(row.figures, ResultView) for row in rows]


def experiments_of_segment(segment_id: int) -> list[ExperimentView]:
    """Those that are only for this segment and not over."""
    rows = Experiment.objects.filter(segment_id=segment_id).exclude(state=Experiment.State.STOPPED)
    return [view(row) for row in rows.order_by("name")]
