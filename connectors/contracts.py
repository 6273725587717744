"""Shapes that cross the doors of this app."""

from connectors.destinations.contracts import ActionView, DestinationView, InvalidSettings, KindView, Tested
from connectors.destinations.kit import Field
from connectors.destinations.recording import Exchange
from connectors.email.providers import PROVIDERS as EMAIL_PROVIDERS
from connectors.exports.contracts import BadColumns, ExportView
from connectors.imports.contracts import BadMapping, ImportView, UnreadableFile
from connectors.sources.contracts import SourceView
from connectors.streams.contracts import STREAM_KINDS, StreamView
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
from connectors.webhooks.contracts import BadMapping as BadWebhookMapping
from connectors.webhooks.contracts import TriedItem, WebhookView
from connectors.webhooks.contracts import Unreadable as UnreadableCall
from connectors.webhooks.contracts import Unsigned as UnsignedCall
from connectors.webhooks.presets import PRESETS as WEBHOOK_PRESETS
from connectors.webhooks.signatures import SCHEMES as WEBHOOK_SIGNATURES

__all__ = [
    "EMAIL_PROVIDERS",
    "STREAM_KINDS",
    "WATCHED_PLACES",
    "WEBHOOK_PRESETS",
    "WEBHOOK_SIGNATURES",
    "ActionView",
    "BadColumns",
    "BadMapping",
    "BadWebhookMapping",
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
    "TriedItem",
    "UnreadableCall",
    "UnreadableFile",
    "UnsignedCall",
    "WebhookView",
    "Worked",
]
