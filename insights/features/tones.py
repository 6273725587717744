"""Sentiment as traits: what declared texts of everybody sound like, by the same function that gives features."""

from datetime import datetime
from typing import Any

import numpy as np

from insights.contracts import OrderSetting
from insights.features.contracts import SentimentView
from insights.features.declared import OF_TEXTS
from insights.features.reading import declared, features_of
from insights.features.sentiment import MODEL, tone
from insights.models import Run
from insights.writing import After, take_traits, write_traits

_PREFIX = "sentiment_"


def traits_of(name: str) -> tuple[str, str, str]:
    """The traits of one feature: the number, its word, and by what it was computed and when."""
    return f"{_PREFIX}{name}", f"{_PREFIX}{name}_tone", f"{_PREFIX}{name}_model"


def tell_sentiment(row: Run, *, now: datetime, after: After) -> None:
    """Do one run: write the traits of each feature that is declared, and take those of features that are not any more.
    Killed half way, it is done again as of the same instant. Raises BadFeature."""
    names = [one.name for one in declared().values() if one.measure in OF_TEXTS]
    gone = sorted(_written() - set(names))
    # Told before anything is written, so that what a stopped run leaves is known to the next.
    row.figures = {"people": 0, "traits": [*names, *gone], "features": {}}
    Run.objects.filter(pk=row.pk).update(figures=row.figures)
    known: set[int] = set()
    for name in names:
        table = features_of([name], as_of=row.as_of, orders=OrderSetting.from_json(row.orders))
        heard = np.asarray(table.columns[name], dtype=np.float64)
        told = np.flatnonzero(~np.isnan(heard))
        ids, values = table.profile_ids[told], np.round(heard[told], 4).tolist()
        tones = [tone(one) for one in values]
        columns: tuple[list[Any], ...] = (values, tones, [f"{MODEL}, {row.as_of:%Y-%m-%d}"] * len(ids))
        write_traits(
            profile_ids=ids, columns=dict(zip(traits_of(name), columns, strict=True)), run_id=row.pk, now=now,
            after=after, job_id=row.job_id,
        )  # fmt: skip
        known.update(ids.tolist())
        row.figures["features"][name] = {one: tones.count(one) for one in ("positive", "neutral", "negative")}
    if gone:
        keys = [key for name in gone for key in traits_of(name)]
        take_traits(keys=keys, kept=np.empty(0, dtype=np.int64), now=now, after=after)
    row.figures |= {"people": len(known), "traits": names}


def sentiment_wanted() -> bool:
    """Whether a run has anything to do: a feature of texts, or traits of one that is none any more."""
    return any(one.measure in OF_TEXTS for one in declared().values()) or bool(_written())


def sentiment_features() -> list[SentimentView]:
    """The features that are made of texts, by name, with what the newest run counted."""
    row = Run.objects.filter(kind=Run.Kind.SENTIMENT, state=Run.State.DONE).order_by("-pk").first()
    told = row.figures["features"] if row else {}
    return [
        SentimentView(one.name, one.title, told.get(one.name)) for one in declared().values()
        if one.measure in OF_TEXTS
    ]  # fmt: skip


def _written() -> set[str]:
    """Features whose traits somebody may have: of the newest run that ended well, and of those since."""
    found: set[str] = set()
    for state, figures in Run.objects.filter(kind=Run.Kind.SENTIMENT).order_by("-pk").values_list("state", "figures"):
        found |= set(figures.get("traits", ()))
        if state == Run.State.DONE:
            break
    return found
