"""Versions of what recommendations are made from, with their figures."""

from insights.recommendations.contracts import RecommenderView
from insights.recommendations.models import Recommender


def recommenders(*, limit: int = 20) -> list[RecommenderView]:
    """The newest first. Figures of a version are its size, what was tried, its measures and alarms."""
    return [
        RecommenderView(
            row.version, row.run_id, row.live, row.as_of, row.made_at, row.sha256, row.figures
        )
        for row in Recommender.objects.order_by("-version").defer("body")[:limit]
    ]  # fmt: skip
