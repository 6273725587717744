"""Weights: read and kept, each change a version."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from common import audit, pg
from insights.contracts import BadFeature
from insights.engagement.contracts import USUAL, BadEngagement, Part, parts_from, parts_to
from insights.engagement.models import EngagementVersion
from insights.features.reading import chosen

# "inen" in ASCII.
_LOCK = 0x696E656E


def weights() -> tuple[int, tuple[Part, ...], EngagementVersion | None]:
    """The version in force, its parts, and its row; the shipped version 1 has none."""
    row = EngagementVersion.objects.order_by("-version").first()
    return (1, USUAL, None) if row is None else (row.version, parts_from(row.parts), row)


@transaction.atomic
def keep_engagement(
    parts: Sequence[Mapping[str, Any]], *, by: str, now: datetime, via: str = "ui"
) -> int:  # fmt: skip
    """Say what counts and how much; answers the version, a new one when anything changed. The next computation follows
    it. Raises BadEngagement."""
    wanted = parts_from(parts)
    _expect_numbers(wanted)
    pg.raw().execute("select pg_advisory_xact_lock(%s, 0)", [_LOCK])
    version, before, _ = weights()
    if wanted == before:
        return version
    EngagementVersion.objects.create(version=version + 1, parts=parts_to(wanted), made_by=by, made_at=now)
    audit.record(
        actor=by, via=via, action="insights.engagement", object_type="insights", object_id="engagement", at=now,
        summary=f"Said what engagement is: version {version + 1}", before={"parts": parts_to(before)},
        after={"parts": parts_to(wanted)},
    )  # fmt: skip
    return version + 1


def _expect_numbers(parts: Sequence[Part]) -> None:
    try:
        found = chosen([one.feature for one in parts])
    except BadFeature as wrong:
        raise BadEngagement(f"parts: {wrong}") from None
    texts = [one.name for one in found if one.type == "text"]
    if texts:
        raise BadEngagement(f"parts: {texts[0]} is a text; choose features that are numbers.")
