"""All tables of this app; each concern keeps its own."""

from connectors.destinations.models import Destination
from connectors.email.models import EmailHook
from connectors.exports.models import Export
from connectors.imports.models import Import, ImportSlice
from connectors.pulls.models import Pull, PulledRow, PullRun
from connectors.sources.models import Source
from connectors.storage.models import FilePart, StoredFile
from connectors.streams.models import ShardPosition, Stream, StreamOffset
from connectors.syncs.models import Delivery, Run, Sent, Sync, Touched, Unreached
from connectors.watching.models import Watch, WatchedFile
from connectors.webhooks.models import Webhook

__all__ = [
    "Delivery",
    "Destination",
    "EmailHook",
    "Export",
    "FilePart",
    "Import",
    "ImportSlice",
    "Pull",
    "PullRun",
    "PulledRow",
    "Run",
    "Sent",
    "ShardPosition",
    "Source",
    "StoredFile",
    "Stream",
    "StreamOffset",
    "Sync",
    "Touched",
    "Unreached",
    "Watch",
    "WatchedFile",
    "Webhook",
]
