"""One run: everybody's score as of an instant, and one person's by parts."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from insights.contracts import NotPossible, OrderSetting
from insights.engagement import scoring
from insights.engagement.contracts import (
    Band,
    EngagementOf,
    EngagementView,
    Part,
    PartScore,
    ScoredEngagement,
)
from insights.engagement.settings import weights
from insights.features.reading import expect_one_currency, features, features_of
from insights.models import Run
from insights.settings import setting
from insights.writing import After, write_traits

SCORE, MODEL = "engagement_score", "engagement_model"
_BANDS = 10


def engage(row: Run, *, now: datetime, after: After) -> None:
    """Do one run. Killed half way, it is done again as of the same instant. Raises NotPossible."""
    version, parts, _ = weights()
    orders = OrderSetting.from_json(row.orders)
    names = _names(parts, orders=orders, as_of=row.as_of)
    table = features_of(names, as_of=row.as_of, orders=orders)
    if not len(table):
        raise NotPossible("There is nobody yet: no profile was made.")
    points = scoring.points(parts, table.numbers(names))
    scores = np.round(points.sum(axis=1), 1)
    told = f"version {version}, {row.as_of:%Y-%m-%d}"
    write_traits(
        profile_ids=table.profile_ids, columns={SCORE: scores.tolist(), MODEL: [told] * len(table)}, run_id=row.pk,
        now=now, after=after, job_id=row.job_id,
    )  # fmt: skip
    bands = np.bincount(np.minimum(scores // _BANDS, _BANDS - 1).astype(np.int64), minlength=_BANDS)
    shares = points.mean(axis=0) / scoring.most(parts)
    row.figures = {
        "people": len(table), "version": version, "mean": float(scores.mean()), "bands": bands.tolist(),
        "shares": dict(zip(names, shares.tolist(), strict=True)),
    }  # fmt: skip


def engagement() -> EngagementView:
    """The weights in force, and the newest computation that ended well."""
    version, parts, chosen_by = weights()
    row = Run.objects.filter(kind=Run.Kind.ENGAGEMENT, state=Run.State.DONE).order_by("-pk").first()
    newest = None
    if row is not None:
        told = row.figures
        bands = [Band(100 // _BANDS * place, people) for place, people in enumerate(told["bands"])]
        newest = ScoredEngagement(
            row.pk, row.as_of, told["version"], told["people"], told["mean"], bands, told["shares"]
        )
    return EngagementView(
        version, parts, chosen_by.made_by if chosen_by else "", chosen_by.made_at if chosen_by else None, newest
    )


def engagement_of(profile_id: int, *, now: datetime) -> EngagementOf | None:
    """One person's score by parts as of now, by the functions that score everybody; None when they are not there.
    Raises NotPossible, BadFeature."""
    version, parts, _ = weights()
    orders = setting().orders
    names = _names(parts, orders=orders, as_of=now)
    table = features_of(names, as_of=now, profiles=[profile_id], orders=orders)
    if not len(table):
        return None
    values, every = table.numbers(names)[0], features()
    given, most = scoring.points(parts, values[None])[0], scoring.most(parts)
    shown = [
        PartScore(
            one.feature, every[one.feature].title, None if np.isnan(values[at]) else float(values[at]),
            float(given[at] / most[at]), float(given[at]), float(most[at]),
        )
        for at, one in enumerate(parts)
    ]  # fmt: skip
    return EngagementOf(int(table.profile_ids[0]), round(float(given.sum()), 1), version, now, shown)


def _names(parts: Sequence[Part], *, orders: OrderSetting, as_of: datetime) -> list[str]:
    names, every = [one.feature for one in parts], features()
    missing = [one for one in names if one not in every]
    if missing:
        raise NotPossible(f"{missing[0]}: there is no such feature any more. Choose others under Insights, Engagement.")
    if any(every[one].counts_money for one in names):
        expect_one_currency(orders=orders, as_of=as_of)
    return names
