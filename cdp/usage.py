"""Who uses a segment: syncs, campaigns, experiments, slots, and channels that follow it by the API."""

from campaigns import selectors as campaigns
from cdp.api import positions
from connectors import selectors as connectors
from segments.contracts import SegmentView


def used_segments() -> set[int]:
    """The segments that a sync sends or that some channel has acknowledged changes of."""
    return {one.segment_id for one in connectors.syncs()} | positions.followed_segments()


def held_by(segment: SegmentView) -> str:
    """Why a segment cannot be ended yet, and what to do; empty when nothing stands against it."""
    if connectors.syncs(segment_id=segment.id):
        return "A sync still sends this segment somewhere. Pause and remove it first."
    for campaign in campaigns.campaigns_of_segment(segment.slug):
        return f"The campaign {campaign.name} asks for this segment. Stop it, or change it, first."
    for experiment in campaigns.experiments_of_segment(segment.id):
        return f"The experiment {experiment.name} is for this segment. End it first."
    for slot in campaigns.slots_of_segment(segment.slug):
        return f"The slot {slot.name} has a rule for this segment. Change or delete the slot first."
    return ""
