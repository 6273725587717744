"""Saying how people are grouped, and what the groups are called."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from common import audit
from insights.clusters.contracts import BadClustering, ClusteringSpec, trait_of
from insights.features.contracts import BadFeature
from insights.features.reading import chosen
from insights.models import Clustering, Model
from insights.writing import After, take_traits

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
_LONGEST_NAME = 80


@transaction.atomic
def keep_clustering(
    *, slug: str, name: str, spec: Mapping[str, Any], by: str, now: datetime, every_days: int | None = None,
    via: str = "ui",
) -> None:  # fmt: skip
    """A new grouping, or another way to do one that there is; the next run follows it. Raises BadClustering."""
    if not _SLUG.fullmatch(slug):
        raise BadClustering("slug: small letters, digits and - only, beginning with a letter; at most 40.")
    if every_days is not None and not 1 <= every_days <= 365:
        raise BadClustering("every_days: between 1 and 365, or nothing to group only when asked.")
    wanted = ClusteringSpec.from_json(spec)
    try:
        texts = [one.name for one in chosen(wanted.features) if one.type != "number"]
    except BadFeature as wrong:
        raise BadClustering(f"features: {wrong}") from None
    if texts:
        raise BadClustering(f"features: {texts[0]} is text; people are grouped by numbers.")
    row = Clustering.objects.select_for_update().filter(slug=slug).first()
    before = None if row is None else {"spec": row.spec, "name": row.name, "every_days": row.every_days}
    after = {"spec": wanted.to_json(), "name": name or slug, "every_days": every_days}
    if before == after:
        return
    if row is None:
        Clustering.objects.create(slug=slug, made_by=by, made_at=now, **after)
    else:
        Clustering.objects.filter(pk=row.pk).update(**after)
    audit.record(
        actor=by, via=via, action="insights.clustering", object_type="clustering", object_id=slug, at=now,
        summary=f"Said how {name or slug} groups people", before=before, after=after,
    )  # fmt: skip


@transaction.atomic
def name_cluster(*, slug: str, cluster_id: str, name: str, by: str, now: datetime, via: str = "ui") -> None:
    """Call a group by a name; an empty one takes the name away. Raises BadClustering."""
    row = Clustering.objects.select_for_update().filter(slug=slug).first()
    live = None if row is None else Model.objects.filter(clustering=row, live=True).first()
    known = {one["id"] for one in live.figures["clusters"]} if live else set()
    if row is None or cluster_id not in known:
        raise BadClustering(f"cluster: there is no group {cluster_id} in {slug} now.")
    name = name.strip()
    if len(name) > _LONGEST_NAME:
        raise BadClustering(f"name: at most {_LONGEST_NAME} letters.")
    names = {**row.names, cluster_id: name} if name else {k: v for k, v in row.names.items() if k != cluster_id}
    if names == row.names:
        return
    Clustering.objects.filter(pk=row.pk).update(names=names)
    audit.record(
        actor=by, via=via, action="insights.cluster_named", object_type="clustering", object_id=slug, at=now,
        summary=f"Called the group {cluster_id} of {row.name} “{name}”" if name else f"Took the name of {cluster_id}",
        before={"names": row.names}, after={"names": names},
    )  # fmt: skip


def delete_clustering(*, slug: str, by: str, now: datetime, after: After, via: str = "ui") -> None:
    """Delete a grouping with its models, and take its trait from everybody. Raises BadClustering."""
    row = Clustering.objects.filter(slug=slug).first()
    if row is None:
        raise BadClustering(f"slug: there is no grouping called {slug}.")
    with transaction.atomic():
        audit.record(
            actor=by, via=via, action="insights.clustering_deleted", object_type="clustering", object_id=slug, at=now,
            summary=f"Deleted the grouping {row.name}", before={"spec": row.spec, "name": row.name}, after=None,
        )  # fmt: skip
        row.delete()
    take_traits(keys=[trait_of(slug)], kept=np.empty(0, dtype=np.int64), now=now, after=after)
