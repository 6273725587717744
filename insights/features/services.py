"""Declaring features."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from common import audit
from insights.engagement.settings import weights
from insights.features.contracts import BadFeature, DeclaredView
from insights.features.declared import MEASURES, OF_TEXTS, expect_measure, expect_name
from insights.features.interactions import OPERATIONS, assembled, expect_parts, users_among
from insights.features.reading import declared_view
from insights.models import Clustering, DeclaredFeature, Model, Prediction, PredictionModel, Run
from insights.runs import request_run


@transaction.atomic
def declare_feature(
    *, name: str, measure: str, by: str, now: datetime, event: str = "", property: str = "",
    window_days: int | None = None, left: str = "", right: str = "", title: str = "", description: str = "",
    owner: str = "", via: str = "ui",
) -> DeclaredView:  # fmt: skip
    """A new feature, or another meaning of one; what is made of it changes with it, and what was learned from it is
    learned anew. Sentiment is computed of everybody at once, and then daily. Raises BadFeature."""
    expect_name(name)
    views = _locked()
    before = views.get(name)
    if measure in OPERATIONS:
        expect_parts(name=name, measure=measure, left=left, right=right, known=assembled(views))
        if event or property or window_days:
            raise BadFeature("event: a combined feature has the events and the window of its parts; leave them out.")
    elif measure in MEASURES:
        expect_measure(measure=measure, event=event, property=property, window_days=window_days)
        if left or right:
            raise BadFeature("left: only combined features have parts; leave them out, or choose how to combine them.")
    else:
        raise BadFeature(f"measure: choose one of {', '.join((*MEASURES, *OPERATIONS))}.")
    row, _ = DeclaredFeature.objects.update_or_create(
        name=name,
        defaults={
            "measure": measure, "event": event, "property": property, "window_days": window_days, "left": left,
            "right": right, "title": title, "description": description, "owner": owner or by, "changed_by": by,
            "changed_at": now,
        },
    )  # fmt: skip
    after = declared_view(row)
    _expect_still_of_use(name, views, {**views, name: after})
    audit.record(
        actor=by, via=via, action="insights.feature", object_type="feature", object_id=name, at=now,
        summary=f"Declared the feature {name}", before=_told(before) if before else None, after=_told(after),
    )  # fmt: skip
    if measure in OF_TEXTS or (before is not None and before.measure in OF_TEXTS):
        request_run(kind=Run.Kind.SENTIMENT, by=by, now=now, via=via)
    if before is not None and _meaning(before) != _meaning(after):
        _learn_anew({name, *(one.name for one in users_among(name, views))}, by=by, now=now, via=via)
    return after


@transaction.atomic
def remove_feature(*, name: str, by: str, now: datetime, via: str = "ui") -> None:
    """Take a declared feature away. Raises BadFeature while a grouping, a prediction, engagement or another feature
    reads it, or when it is not there."""
    views = _locked()
    users = [f"the feature {_called(one)}" for one in users_among(name, views)] + _readers(name)
    if users:
        raise BadFeature(f"{name} is used by {', '.join(users)}; choose other features there first.")
    if name not in views:
        raise BadFeature(f"{name}: there is no such feature that somebody declared.")
    audit.record(
        actor=by, via=via, action="insights.feature_removed", object_type="feature", object_id=name, at=now,
        summary=f"Removed the feature {name}", before=_told(views[name]), after=None,
    )  # fmt: skip
    DeclaredFeature.objects.filter(name=name).delete()
    if views[name].measure in OF_TEXTS:
        request_run(kind=Run.Kind.SENTIMENT, by=by, now=now, via=via)


def _locked() -> dict[str, DeclaredView]:
    """What is declared. It stays like that until the end of the transaction, so nobody takes a part away meanwhile."""
    rows = DeclaredFeature.objects.select_for_update().order_by("name")
    return {row.name: declared_view(row) for row in rows}


def _expect_still_of_use(name: str, before: Mapping[str, DeclaredView], after: Mapping[str, DeclaredView]) -> None:
    """Raises BadFeature when those who read a feature could not any more."""
    users, was, now = users_among(name, after), assembled(before).get(name), assembled(after)[name]
    if users and (now.type != "number" or now.texts or now.parts):
        raise BadFeature(
            f"measure: {name} is a part of {', '.join(_called(one) for one in users)}, which takes a number that is"
            " measured; remove that feature first, or declare this one under another name."
        )
    if was is not None and was.type != now.type and (readers := _readers(name)):
        raise BadFeature(
            f"measure: {name} is used by {', '.join(readers)} as a {was.type}; declare the {now.type} under another"
            " name."
        )


def _readers(name: str) -> list[str]:
    """Who reads a feature beside other features."""
    _, parts, _ = weights()
    return [
        *(one.name for one in Clustering.objects.all() if name in one.spec.get("features", [])),
        *(one.name for one in Prediction.objects.all() if name in (*one.spec["features"], *one.spec["groups"])),
        *(["Engagement"] if any(name == one.feature for one in parts) else []),
    ]


def _meaning(view: DeclaredView) -> tuple[object, ...]:
    return view.measure, view.event, view.property, view.window_days, view.left, view.right


def _learn_anew(names: set[str], *, by: str, now: datetime, via: str) -> None:
    """Ask for what was computed with these features: a model goes on reading them by name, and they say another thing.
    Of a prediction a new version is trained and judged; lifetime value and models of all features read every one."""
    wanted: list[tuple[str, str]] = []
    for grouping in Clustering.objects.filter(pk__in=Model.objects.filter(live=True).values("clustering")):
        if names & set(grouping.spec.get("features", [])):
            wanted.append((Run.Kind.CLUSTERS, grouping.slug))
    trained = PredictionModel.objects.filter(status=PredictionModel.Status.CHAMPION).select_related("prediction")
    for version in trained:
        read = set(version.prediction.spec["features"])
        if not read or names & read:
            wanted.append((Run.Kind.TRAINING, version.prediction.slug))
    _, parts, _ = weights()
    read_by = {Run.Kind.LIFETIME: True, Run.Kind.ENGAGEMENT: any(one.feature in names for one in parts)}
    for kind, reads in read_by.items():
        if reads and Run.objects.filter(kind=kind, state=Run.State.DONE).exists():
            wanted.append((kind, ""))
    for asked, slug in wanted:
        request_run(kind=asked, slug=slug, by=by, now=now, via=via)


def _called(view: DeclaredView) -> str:
    return f"“{view.title}” ({view.name})" if view.title else view.name


def _told(view: DeclaredView) -> dict[str, object]:
    told = asdict(view)
    told.pop("changed_at")
    return told
