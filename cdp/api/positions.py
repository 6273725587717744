"""How far each channel has read a segment's changes. The UI shows it as lag."""

from dataclasses import dataclass
from datetime import datetime

from cdp.api.models import ChannelPosition


@dataclass(frozen=True, slots=True)
class Position:
    """The last change that one token's channel has acknowledged for one segment."""

    token_id: int
    token_name: str
    segment_id: int
    seq: int
    acknowledged_at: datetime


def acknowledge(*, token_id: int, segment_id: int, seq: int, now: datetime) -> None:
    """Remember the position. It may go back: a channel that starts over says so."""
    ChannelPosition.objects.update_or_create(
        token_id=token_id, segment_id=segment_id, defaults={"seq": seq, "acknowledged_at": now}
    )


def position(*, token_id: int, segment_id: int) -> Position | None:
    """Where this channel is, or None before its first acknowledgement."""
    return next((one for one in positions(segment_id=segment_id) if one.token_id == token_id), None)


def followed_segments() -> set[int]:
    """The segments that any channel follows by the API."""
    return set(ChannelPosition.objects.values_list("segment_id", flat=True).distinct())


def positions(*, segment_id: int) -> list[Position]:
    """All channels that follow this segment by the API."""
    rows = ChannelPosition.objects.filter(segment_id=segment_id).select_related("token").order_by("token_id")
    return [Position(row.token_id, row.token.name, row.segment_id, row.seq, row.acknowledged_at) for row in rows]
