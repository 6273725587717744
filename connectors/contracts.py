"""Shapes that cross the doors of this app."""

from connectors.destinations.contracts import ActionView, DestinationView, InvalidSettings, KindView, Tested
from connectors.destinations.kit import Field
from connectors.destinations.recording import Exchange
from connectors.email.providers import PROVIDERS as EMAIL_PROVIDERS
from connectors.exports.contracts import BadColumns, ExportView
from connectors.imports.contracts import BadMapping, ImportView, Marks, Undo, UnreadableFile, items_given
from connectors.imports.contracts import Counts as FileCounts
from connectors.imports.presets import PRESETS as FILE_PRESETS
from connectors.pulls.contracts import NotPossible as PullNotPossible
from connectors.pulls.contracts import Preview, PullView
from connectors.pulls.contracts import Tested as PullTested
from connectors.pulls.registry import ORIGINS as PULL_KINDS
from connectors.sources.contracts import InvalidHandling, IpKept, Robots, SourceView
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
    "FILE_PRESETS",
    "PULL_KINDS",
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
    "FileCounts",
    "ImportView",
    "InvalidHandling",
    "InvalidSettings",
    "IpKept",
    "KindView",
    "Marks",
    "Preview",
    "PullNotPossible",
    "PullTested",
    "PullView",
    "Robots",
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
    "Undo",
    "UnreadableCall",
    "UnreadableFile",
    "UnsignedCall",
    "WebhookView",
    "Worked",
    "items_given",
]
