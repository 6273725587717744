"""Which features are kept, and how fresh they are."""

import psycopg

from common import pg
from insights.features.contracts import Feature
from insights.features.reading import features
from insights.keeping.contracts import KeptView, Upkeep, trait_of
from insights.keeping.models import Keeping, KeptFeature

# What is ripe at a later time waits for that time, and not for a worker.
_WAITING = """
select coalesce(sum(size), 0)::bigint, min(ripe_at) from insights_touched where ripe_at <= noted_at
"""


def kept_features() -> list[KeptView]:
    """Every feature that is kept, or was until a moment ago, by name."""
    every = features()
    return [kept_view(row, every.get(row.name)) for row in KeptFeature.objects.order_by("name")]


def kept_view(row: KeptFeature, feature: Feature | None) -> KeptView:
    """The contract of one row."""
    filling = not row.leaving and (row.position is not None or row.whole_at is None)
    return KeptView(
        row.name, feature.title if feature else row.name, trait_of(row.name), row.kept_by, row.kept_at, row.whole_at,
        row.people, filling, row.position or 0, row.leaving,
    )  # fmt: skip


def upkeep() -> Upkeep:
    """How far kept features are behind."""
    with psycopg.Cursor(pg.raw()) as cursor:
        waiting, oldest = cursor.execute(_WAITING).fetchall()[0]
    row = Keeping.objects.filter(pk=1).first()
    return Upkeep(waiting, oldest, row.computed_at if row else None)
