"""Alarms of models as alerts over data quality: raised when a computation ends with them, closed by one without."""

from datetime import datetime

from insights.models import Run
from quality.services import settle_alarm

RECOMMENDATIONS = "recommendations"


def tell_alarms(row: Run, *, now: datetime) -> None:
    """What a run that is done says of its model. Inside the transaction that ends it."""
    if row.kind == Run.Kind.SCORING and row.prediction is not None:
        told = row.figures["drift"]
        off = told.get("off", "")
        drift = " ".join(one for one in told["alarms"] if one != off)
        _settle(row.prediction.slug, drift=_named(row, drift), off=_named(row, off), now=now)
    elif row.kind == Run.Kind.ONLINE and row.prediction is not None:
        _settle_online(row.prediction.slug, _named(row, " ".join(row.figures["alarms"])), now=now)
    elif row.kind == Run.Kind.RECOMMENDATIONS:
        settle_alarm(
            kind="recommendations", origin=RECOMMENDATIONS, told=" ".join(row.figures["alarms"]),
            path="/insights/recommendations/", now=now,
        )  # fmt: skip


def forget_alarms(slug: str, *, now: datetime) -> None:
    """Close what is open of a prediction that is deleted."""
    _settle(slug, drift="", off="", now=now)
    forget_online(slug, now=now)


def forget_online(slug: str, *, now: datetime) -> None:
    """Close what is open of a model that learns no more."""
    _settle_online(slug, "", now=now)


def _named(row: Run, told: str) -> str:
    """With the name of the prediction in front: whoever reads an alert knows it by that."""
    return f"{row.prediction.name}: {told}" if row.prediction is not None and told else ""


def _settle_online(slug: str, told: str, *, now: datetime) -> None:
    settle_alarm(
        kind="model_online", origin=f"prediction {slug}", told=told, path=f"/insights/predictions/{slug}/", now=now
    )


def _settle(slug: str, *, drift: str, off: str, now: datetime) -> None:
    origin, path = f"prediction {slug}", f"/insights/predictions/{slug}/"
    settle_alarm(kind="model_drift", origin=origin, told=drift, path=path, now=now)
    settle_alarm(kind="model_calibration", origin=origin, told=off, path=path, now=now)
