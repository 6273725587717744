"""Grouping the whole base: features, a model, ids that last, words, and the trait of each person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from django.db import transaction

from common import jobs, pg
from insights.clusters import bias, matching, scaling, words
from insights.clusters.contracts import ClusteringSpec, trait_of
from insights.clusters.grouping import FittedModel, Ints
from insights.contracts import FeatureTable, NotPossible, OrderSetting
from insights.features.contracts import Feature
from insights.features.reading import chosen, expect_one_currency, features_of
from insights.models import Clustering, Model, Run
from insights.writing import After, write_traits

_OF_ORDERS = {"orders", "items", "categories"}
_FEWEST = 50
_TRAITS = """
select p.profile_id, (select array_agg(p.traits ->> n order by i)
                      from unnest(%(names)s::text[]) with ordinality as w (n, i))
from identity_trait p where p.profile_id = any(%(ids)s)
"""
_BEFORE = """
select p.profile_id, p.traits ->> %(key)s from identity_trait p where p.profile_id = any(%(ids)s) and p.traits ? %(key)s
"""


def group(row: Run, *, now: datetime, after: After) -> None:
    """Do one run: fit a model unless this run has one already, give everybody their group, and make the model live."""
    clustering = row.clustering
    if clustering is None:
        raise NotPossible("The grouping was deleted.")
    spec = ClusteringSpec.from_json(clustering.spec)
    features = _usable(spec)
    orders = OrderSetting.from_json(row.orders)
    money = any(one.counts_money for one in features)
    currency = expect_one_currency(orders=orders, as_of=row.as_of) if money else ""
    buyers = any(one.relations & _OF_ORDERS for one in features)
    table = features_of(spec.features, as_of=row.as_of, buyers=buyers, orders=orders)
    if len(table) < _FEWEST:
        raise NotPossible(f"There are {len(table)} people to group; it takes at least {_FEWEST}.")
    stored = Model.objects.filter(run=row).first() or _fit(row, clustering, spec, features, table, currency, now=now)
    model = fitted(stored)
    ids = model.assign(table.numbers(spec.features))
    write_traits(
        profile_ids=table.profile_ids, columns={trait_of(clustering.slug): ids}, run_id=row.pk, now=now, after=after,
        job_id=row.job_id,
    )  # fmt: skip
    with transaction.atomic():
        Model.objects.filter(clustering=clustering, live=True).exclude(pk=stored.pk).update(live=False)
        Model.objects.filter(pk=stored.pk).update(live=True)
    row.figures = {"people": len(table), "version": stored.version}


def fitted(row: Model) -> FittedModel:
    """The model of a row. Raises Tampered."""
    return FittedModel.from_bytes(bytes(row.body), row.sha256)


def _usable(spec: ClusteringSpec) -> list[Feature]:
    features = chosen(spec.features)
    texts = [one.name for one in features if one.type != "number"]
    if texts:
        raise NotPossible(f"{texts[0]} is text; people are grouped by numbers. Choose other features.")
    return features


def _fit(
    row: Run, clustering: Clustering, spec: ClusteringSpec, features: list[Feature], table: FeatureTable,
    currency: str, *, now: datetime,
) -> Model:  # fmt: skip
    """Fit and store the model with its ids, before anything is written of anybody: done again, it is the same."""
    from insights.clusters import fitting  # loads scikit-learn

    def go_on() -> None:
        jobs.go_on(row.job_id or 0)

    jobs.progress(row.job_id or 0, 0, stage="fitting")
    rows = table.numbers(spec.features)
    made, filled = scaling.learn(
        rows, features=spec.features, skewed=[one.skewed for one in features], method=spec.scaling,
        components=spec.components, impute=spec.impute, outliers=spec.outliers,
    )  # fmt: skip
    points = made(rows)
    grouping, trials = fitting.fit(points, spec, step=go_on)
    groups = grouping(points)
    count = int(grouping.groups.max()) + 1
    before = _before(table, trait_of(clustering.slug))
    with transaction.atomic():
        locked = Clustering.objects.select_for_update().get(pk=clustering.pk)
        ids, free = matching.match(groups, before, count=count, next_id=locked.next_id)
        body, sha256 = FittedModel(made, grouping, tuple(ids)).to_bytes()
        newest = Model.objects.filter(clustering=clustering).order_by("-version").first()
        Clustering.objects.filter(pk=clustering.pk).update(next_id=free)
        return Model.objects.create(
            clustering=clustering, run=row, version=newest.version + 1 if newest else 1, body=body, sha256=sha256,
            made_at=now,
            figures={
                "people": len(table), "trials": fitting.told(trials), "filled": filled, "currency": currency,
                "spec": spec.to_json(), "clusters": _told(rows, groups, ids, features, currency),
                "noise": float((groups < 0).mean()),
                "bias": bias.report(rows, groups, ids, spec.features, _traits(table, spec.sensitive)),
            },
        )  # fmt: skip


def _traits(table: FeatureTable, names: Sequence[str]) -> dict[str, list[str | None]]:
    """What these traits of each person are, as they are now."""
    if not names:
        return {}
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(_TRAITS, {"names": list(names), "ids": pg.int8s(table.profile_ids)}).fetchall()
    found: dict[int, list[str | None]] = dict(rows)
    nobody: list[str | None] = [None] * len(names)
    told = [found.get(profile, nobody) for profile in table.profile_ids.tolist()]
    return {name: [one[place] for one in told] for place, name in enumerate(names)}


def _before(table: FeatureTable, key: str) -> list[str | None]:
    """The group that each person was in."""
    with psycopg.Cursor(pg.raw()) as cursor:
        found: dict[int, str] = dict(
            cursor.execute(_BEFORE, {"key": key, "ids": pg.int8s(table.profile_ids)}).fetchall()
        )
    return [found.get(profile) for profile in table.profile_ids.tolist()]


def _told(rows: Any, groups: Ints, ids: list[str], features: list[Feature], currency: str) -> list[dict[str, Any]]:
    """Each group in figures and words, the largest first."""
    found = []
    for place, cluster_id in enumerate(ids):
        inside = groups == place
        middle = words.medians(rows[inside], features)
        stands = words.positions(rows, inside, features)
        found.append(
            {
                "id": cluster_id, "people": int(inside.sum()), "share": float(inside.mean()), "medians": middle,
                "positions": stands, "words": words.describe(middle, stands, features, currency=currency),
            }
        )  # fmt: skip
    return sorted(found, key=lambda one: -int(np.int64(one["people"])))
