"""What the demo's analysts asked for: a funnel, a baseline, groups of people, a prediction, kept features, and a first
look at each.

They are asked for once the whole play is applied and computed by the product's own workers, so every page of insights
has something to show a few minutes after the first start.
"""

from datetime import datetime, timedelta

from insights import selectors, services
from insights.contracts import BadKpi, ClusteringSpec, FunnelSpec, Period, PredictionSpec

_FUNNEL, _BASELINE = "From a look to an order", "The quarter before"
_GROUPS, _PREDICTION = "shopping-habits", "buys-within-30-days"
# What rules of segments ask for most.
_KEPT = ("recency_days", "revenue_90d")
_OF_ALL = ("rfm", "cohorts", "engagement", "lifetime", "recommendations")


def ask(*, by: str, now: datetime) -> None:
    """Have everything computed that has not been asked for yet; what somebody changed meanwhile stays as it is."""
    services.refresh_kpis(now=now, whole=True)
    if _FUNNEL not in {one.name for one in selectors.funnels()}:
        steps = [{"event": event} for event in ("Product Viewed", "Cart Updated", "Order Completed")]
        spec = FunnelSpec.from_json({"steps": steps, "within_seconds": 86_400})
        services.keep_funnel(name=_FUNNEL, spec=spec, by=by, now=now, via="demo")
    if _BASELINE not in {one.name for one in selectors.baselines()}:
        _keep_baseline(by=by, now=now)
    if _GROUPS not in {one.slug for one in selectors.clusterings()}:
        services.keep_clustering(
            slug=_GROUPS, name="Shopping habits", spec=ClusteringSpec().to_json(), every_days=7, by=by, now=now,
            via="demo",
        )  # fmt: skip
    if _PREDICTION not in {one.slug for one in selectors.predictions()}:
        services.keep_prediction(
            slug=_PREDICTION, name="Buys within 30 days", spec=PredictionSpec("Order Completed").to_json(), by=by,
            now=now, via="demo",
        )  # fmt: skip
    _keep_features(by=by, now=now)
    asked = {(one.kind, one.clustering or one.prediction) for one in selectors.runs(limit=1_000)}
    wanted = [*((kind, "") for kind in _OF_ALL), ("clusters", _GROUPS), ("training", _PREDICTION)]
    for kind, slug in wanted:
        if (kind, slug) not in asked:
            services.request_run(kind=kind, slug=slug, by=by, now=now, via="demo")


def _keep_features(*, by: str, now: datetime) -> None:
    there = {one.name for one in selectors.kept_features()}
    for name in _KEPT:
        if name not in there:
            services.keep_feature(name=name, by=by, now=now, via="demo")


def _keep_baseline(*, by: str, now: datetime) -> None:
    """The 91 days before the last 28, which the page of KPIs shows when it is opened."""
    last = now.date() - timedelta(days=29)
    try:
        services.keep_baseline(
            name=_BASELINE, period=Period(last - timedelta(days=90), last), by=by, now=now, via="demo"
        )  # fmt: skip
    except BadKpi:
        # Of a play that is too small nothing may have been counted then: a baseline of nothing compares with nothing.
        return
