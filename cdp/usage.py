"""Who uses a segment: syncs, and channels that follow it by the API."""

from cdp.api import positions
from connectors import selectors as connectors


def used_segments() -> set[int]:
    """The segments that a sync sends or that some channel has acknowledged changes of."""
    return {one.segment_id for one in connectors.syncs()} | positions.followed_segments()
