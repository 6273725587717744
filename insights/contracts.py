"""The shapes that insights give and take. No Django."""

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.bi.views import BiProblem
from insights.clusters.contracts import BadClustering, ClusteringSpec, ClusteringView, ClusterView, ModelView
from insights.cohorts.contracts import BadCohorts, CohortCell, CohortSpec, CohortsView
from insights.engagement.contracts import (
    MOST_PARTS,
    BadEngagement,
    Band,
    EngagementOf,
    EngagementView,
    Part,
    PartScore,
    ScoredEngagement,
)
from insights.features.contracts import BadFeature, DeclaredView, Feature
from insights.funnels.contracts import BadFunnel, FunnelResult, FunnelSpec, FunnelView, PathResult, PathSpec
from insights.kpis.contracts import (
    ANNOTATION_KINDS,
    BREAKDOWNS,
    AnnotationView,
    BadKpi,
    BaselineView,
    Kpi,
    KpiGroup,
    KpiReport,
    KpiValue,
    Period,
)
from insights.lifetime.contracts import (
    HORIZONS,
    LIFETIME_CHOICES,
    LIFETIME_METHODS,
    BadLifetime,
    Checked,
    Comparison,
    Decile,
    LifetimeOf,
    LifetimeView,
    Measured,
)
from insights.predictions.contracts import (
    BadPrediction,
    Meter,
    OnlineView,
    PredictionSpec,
    PredictionView,
    Reason,
    ScoreView,
    ScoringView,
    VersionView,
)
from insights.recommendations.contracts import (
    MOST_RECOMMENDED,
    BadRecommendation,
    ItemView,
    Recommendations,
    RecommendationSetting,
    Recommended,
    RecommenderView,
    Rules,
    Signal,
)
from insights.rfm.contracts import Cell, RfmView, SegmentRow
from insights.tables.contracts import LABEL_DAYS, BadTable, FeatureFileView

__all__ = [
    "ANNOTATION_KINDS", "BREAKDOWNS", "HORIZONS", "LABEL_DAYS", "LIFETIME_CHOICES", "LIFETIME_METHODS", "MOST_PARTS",
    "MOST_RECOMMENDED", "AnnotationView", "BadClustering", "BadCohorts", "BadEngagement", "BadFeature", "BadFunnel",
    "BadKpi", "BadLifetime", "BadPrediction", "BadRecommendation", "BadSetting", "BadTable", "Band", "BaselineView",
    "BiProblem", "Cell", "Checked", "ClusterView", "ClusteringSpec", "ClusteringView", "CohortCell", "CohortSpec",
    "CohortsView", "Comparison", "Decile", "DeclaredView", "EngagementOf", "EngagementView", "Feature",
    "FeatureFileView", "FeatureTable", "FunnelResult", "FunnelSpec", "FunnelView", "ItemView", "Kpi", "KpiGroup",
    "KpiReport", "KpiValue", "LifetimeOf", "LifetimeView", "Measured", "Meter", "ModelView", "NotPossible",
    "OnlineView", "OrderSetting", "Part", "PartScore", "PathResult", "PathSpec", "Period", "PredictionSpec",
    "PredictionView", "Reason", "RecommendationSetting", "Recommendations", "Recommended", "RecommenderView",
    "RfmView", "Rules", "RunView", "ScoreView", "ScoredEngagement", "ScoringView", "SegmentRow", "SettingView",
    "Signal", "VersionView",
]  # fmt: skip


class BadSetting(ValueError):
    """What was said about orders cannot be; the message names the field and says what to do."""


class NotPossible(ValueError):
    """The computation cannot be done on this data; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class OrderSetting:
    """What an order is here, and by whose clocks days are counted. The defaults are those of Segment's e-commerce spec
    (https://segment.com/docs/connections/spec/ecommerce/v2/).

    `amount`: the first of these properties that is a number. With `quantity` it is the price of one piece. `lines`: an
    order comes as an event a line, which are summed; else the latest event of an order id is the order.
    `history_sources`: their events were loaded after the fact, so they count from the time they happened; others
    count from the time they came.
    """

    zone: str = "UTC"
    order_event: str = "Order Completed"
    cancel_event: str = "Order Cancelled"
    refund_event: str = "Order Refunded"
    order_id: str = "order_id"
    amount: tuple[str, ...] = ("revenue", "total")
    quantity: str = ""
    lines: bool = False
    currency: str = "currency"
    products: str = "products"
    product_id: str = "product_id"
    category: str = "category"
    history_sources: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "OrderSetting":
        """The setting from its JSON form; what is left out has its default. Raises BadSetting."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(told) - known)
        if unknown:
            raise BadSetting(f"{unknown[0]}: there is no such field. Known: {', '.join(sorted(known))}.")
        given = dict(told)
        for name in ("amount", "history_sources"):
            if name in given:
                given[name] = tuple(given[name])
        found = cls(**given)
        found._check()
        return found

    def _check(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise BadSetting("zone: choose a time zone such as Europe/Berlin.") from None
        if not self.order_event:
            raise BadSetting("order_event: name the event that is an order.")
        if not self.amount or not all(self.amount):
            raise BadSetting("amount: name the property that holds what an order is worth.")
        if len({self.order_event, self.cancel_event, self.refund_event} - {""}) < sum(
            bool(one) for one in (self.order_event, self.cancel_event, self.refund_event)
        ):
            raise BadSetting("cancel_event: orders, cancellations and refunds are different events.")

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {name: list(one) if isinstance(one, tuple) else one for name, one in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class SettingView:
    """The setting in force, and who chose it; nobody has while the defaults hold."""

    orders: OrderSetting
    changed_by: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Features of many profiles at one instant: ids in ascending order, and a column of values for each name. A number
    that there is none of is NaN; texts are None then."""

    as_of: datetime
    profile_ids: npt.NDArray[np.int64]
    columns: Mapping[str, Sequence[Any] | npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.profile_ids)

    def numbers(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """A matrix of these columns, a row for each profile."""
        return np.column_stack([np.asarray(self.columns[name], dtype=np.float64) for name in names])


@dataclass(frozen=True, slots=True)
class RunView:
    """One computation over the whole base. `as_of` is the instant at which everything was looked at."""

    id: int
    kind: str
    clustering: str
    state: str
    as_of: datetime
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    job_id: int | None
    error: str
    people: int
    prediction: str = ""

    @property
    def open(self) -> bool:
        return self.state == "waiting"
