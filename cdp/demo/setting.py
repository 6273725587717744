"""What the play needs around it: its four sources, the segments of a first week, a file drop that gets one of them."""

from collections.abc import Mapping
from datetime import datetime

from cdp.demo.segments import SEGMENTS
from connectors import selectors as connectors
from connectors.services import create_destination, create_source, create_sync
from segments import selectors as segments
from segments.services import create_segment

SOURCES: Mapping[str, tuple[str, str]] = {
    "web": ("Web shop", "web"),
    "mobile": ("Shopping app", "mobile"),
    "email": ("E-mail campaigns", "email"),
    "offline": ("Stores and loyalty cards", "offline"),
}
"""Name and kind of the source that each channel sends to."""

_DELIVERED = "cart-abandoners"
_SYNC = "Cart abandoners to the mail house"


def create_sources(known: Mapping[str, int], *, by: str) -> dict[str, int]:
    """The source of each channel, made where it is not there yet."""
    alive = {source.id for source in connectors.sources()}
    return {
        channel: known[channel]
        if known.get(channel) in alive
        else create_source(name=name, kind=kind, by=by, via="demo").id
        for channel, (name, kind) in SOURCES.items()
    }


def write_keys(sources: Mapping[str, int]) -> dict[str, str]:
    """The write key of each channel's source, as it is now."""
    keys = {source.id: source.write_key for source in connectors.sources()}
    return {channel: keys[source_id] for channel, source_id in sources.items()}


def create_segments(*, by: str, now: datetime) -> None:
    """The demo's segments, those that are not there yet."""
    known = {segment.slug for segment in segments.segments()}
    for one in SEGMENTS:
        if one.slug not in known:
            create_segment(slug=one.slug, name=one.name, description=one.description, rule=one.rule, by=by, now=now)


def create_delivery(*, by: str, now: datetime) -> None:
    """A folder of files that follows one of the segments; nothing where a sync of that name is there already."""
    if any(sync.name == _SYNC for sync in connectors.syncs()):
        return
    wanted = {segment.slug: segment.id for segment in segments.segments()}.get(_DELIVERED)
    if wanted is None:
        return
    drop = create_destination(
        kind="filedrop", name="Mail house (files)", settings={"folder": "mail-house", "format": "csv"}, by=by, now=now
    )
    create_sync(segment_id=wanted, destination_id=drop.id, name=_SYNC, by=by, now=now)
