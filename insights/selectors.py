"""The door to read insights."""

from django.db.models import Q

from insights.clusters.contracts import (
    FILLINGS,
    METHODS,
    SCALINGS,
    ClusteringSpec,
    ClusteringView,
    ClusterView,
    ModelView,
)
from insights.cohorts.behaviour import first_behaviour
from insights.cohorts.computing import cohorts_of
from insights.cohorts.contracts import BACK, PERIODS, CohortsView
from insights.contracts import RfmView, RunView
from insights.engagement.computing import engagement, engagement_of
from insights.features.cleaning import OUTLIERS
from insights.features.declared import MEASURES
from insights.features.interactions import OPERATIONS
from insights.features.reading import declared, features, features_of
from insights.features.tones import sentiment_features
from insights.funnels.contracts import DIRECTIONS, FUNNEL_BREAKDOWNS, OPERATORS, ORDERS
from insights.funnels.counting import funnel, funnels, paths
from insights.keeping.contracts import MOST_KEPT
from insights.keeping.reading import kept_features, upkeep
from insights.kpis.annotating import annotations, noon_of
from insights.kpis.baselines import baseline, baselines
from insights.kpis.catalogue import KPIS
from insights.kpis.periods import COMPARISONS, LENGTHS
from insights.kpis.reporting import asked_period, kpi_days, kpi_report
from insights.lifetime.serving import lifetime, lifetime_of
from insights.lifetime.settings import lifetime_horizon, lifetime_method
from insights.models import Clustering, Model, Run
from insights.predictions.contracts import GOALS, POLICIES
from insights.predictions.reading import meter_of, prediction, predictions, score_profiles
from insights.recommendations.catalogue import categories, count_items, item, items
from insights.recommendations.serving import recommend
from insights.recommendations.settings import recommendation_setting
from insights.recommendations.versions import recommenders
from insights.rfm import computing as rfm_figures
from insights.runs import run_view, runs_wait
from insights.settings import setting
from insights.tables.writing import table, table_file, tables

__all__ = [
    "BACK", "COMPARISONS", "DIRECTIONS", "FILLINGS", "FUNNEL_BREAKDOWNS", "GOALS", "KPIS", "LENGTHS", "MEASURES",
    "METHODS", "MOST_KEPT", "OPERATIONS", "OPERATORS", "ORDERS", "OUTLIERS", "PERIODS", "POLICIES", "SCALINGS",
    "annotations", "asked_period", "baseline", "baselines", "categories", "clustering", "clusterings", "cohorts",
    "count_items", "declared", "engagement", "engagement_of", "features", "features_of", "first_behaviour", "funnel",
    "funnels", "item", "items", "kept_features", "kpi_days", "kpi_report", "lifetime", "lifetime_horizon",
    "lifetime_method", "lifetime_of", "meter_of", "newest_run", "noon_of", "paths", "prediction", "predictions",
    "recommend", "recommendation_setting", "recommenders", "rfm", "run", "runs", "runs_wait", "score_profiles",
    "sentiment_features", "setting", "table", "table_file", "tables", "upkeep",
]  # fmt: skip


def rfm() -> RfmView | None:
    """The newest RFM that ended well; None before the first."""
    row = Run.objects.filter(kind=Run.Kind.RFM, state=Run.State.DONE).order_by("-pk").first()
    if row is None:
        return None
    told = row.figures
    return RfmView(
        row.pk, row.as_of, str(row.orders.get("zone", "UTC")), told["people"], rfm_figures.cells_of(told),
        rfm_figures.rows_of(told), told.get("currency", ""),
    )  # fmt: skip


def cohorts(period: str) -> CohortsView | None:
    """The newest triangle of weeks or months; None before the first."""
    row = Run.objects.filter(kind=Run.Kind.COHORTS, state=Run.State.DONE).order_by("-pk").first()
    if row is None:
        return None
    return CohortsView(
        row.pk, row.as_of, str(row.orders.get("zone", "UTC")), period, row.figures.get("currency", ""),
        cohorts_of(row.figures, period),
    )  # fmt: skip


def runs(*, limit: int = 50) -> list[RunView]:
    """Computations, the newest first."""
    rows = Run.objects.select_related("clustering", "prediction").order_by("-pk")
    return [run_view(row) for row in rows[:limit]]


def run(run_id: int) -> RunView | None:
    """One computation."""
    row = Run.objects.select_related("clustering", "prediction").filter(pk=run_id).first()
    return run_view(row) if row else None


def newest_run(kind: str, slug: str = "") -> RunView | None:
    """The computation of a kind that was asked for last."""
    rows = Run.objects.select_related("clustering", "prediction").filter(kind=kind)
    of = Q(clustering__slug=slug) | Q(prediction__slug=slug)
    row = (rows.filter(of) if slug else rows).order_by("-pk").first()
    return run_view(row) if row else None


def clusterings() -> list[ClusteringView]:
    """Every grouping with its live model, by name."""
    live = {row.clustering_id: row for row in Model.objects.select_related("run").filter(live=True).defer("body")}
    return [_clustering(row, live.get(row.pk)) for row in Clustering.objects.order_by("name", "pk")]


def clustering(slug: str) -> ClusteringView | None:
    """One grouping with its live model."""
    row = Clustering.objects.filter(slug=slug).first()
    if row is None:
        return None
    return _clustering(row, Model.objects.select_related("run").filter(clustering=row, live=True).defer("body").first())


def _clustering(row: Clustering, model: Model | None) -> ClusteringView:
    return ClusteringView(
        row.slug, row.name, ClusteringSpec.from_json(row.spec), row.every_days, row.made_by, row.made_at,
        None if model is None else _model(row, model),
    )  # fmt: skip


def _model(row: Clustering, model: Model) -> ModelView:
    groups = [
        ClusterView(
            one["id"], row.names.get(one["id"], ""), one["words"], one["people"], one["share"], one["medians"],
            one["positions"],
        )
        for one in model.figures["clusters"]
    ]  # fmt: skip
    return ModelView(
        model.version, model.run_id, model.run.as_of, model.made_at, model.sha256, model.figures["people"],
        groups, model.figures,
    )  # fmt: skip
