"""Shapes that cross the doors of this app."""

from connectors.destinations.contracts import ActionView, DestinationView, InvalidSettings, KindView, Tested
from connectors.destinations.kit import Field
from connectors.destinations.recording import Exchange
from connectors.email.providers import PROVIDERS as EMAIL_PROVIDERS
from connectors.exports.contracts import BadColumns, ExportView
from connectors.imports.contracts import BadMapping, ImportView, UnreadableFile
from connectors.sources.contracts import SourceView
from connectors.streams.contracts import STREAM_KIND, StreamView
from connectors.syncs.contracts import (
    ChannelStanding,
    Counts,
    DeliveryView,
    RunView,
    Sample,
    SyncCounts,
    SyncNumbers,
    SyncView,
    Tried,
    Worked,
)
from connectors.watching.places import PLACES as WATCHED_PLACES

__all__ = [
    "EMAIL_PROVIDERS",
    "STREAM_KIND",
    "WATCHED_PLACES",
    "ActionView",
    "BadColumns",
    "BadMapping",
    "ChannelStanding",
    "Counts",
    "DeliveryView",
    "DestinationView",
    "Exchange",
    "ExportView",
    "Field",
    "ImportView",
    "InvalidSettings",
    "KindView",
    "RunView",
    "Sample",
    "SourceView",
    "StreamView",
    "SyncCounts",
    "SyncNumbers",
    "SyncView",
    "Tested",
    "Tried",
    "UnreadableFile",
    "Worked",
]
