"""The door through which others read sources, destinations and syncs."""

from connectors.destinations.selectors import destination, destination_kinds, destinations
from connectors.email.services import email_hook
from connectors.exports.selectors import export, export_file, exports
from connectors.imports.concealing import conceal_columns
from connectors.imports.selectors import import_problems, imports, one_import
from connectors.pulls.selectors import pull, pull_runs
from connectors.sources.selectors import source, source_by_key, source_names, sources, visited_sources
from connectors.storage.services import read_file as kept_file
from connectors.streams.selectors import stream
from connectors.syncs.auditing import sync_counts
from connectors.syncs.concealing import conceal_sample, conceal_tried
from connectors.syncs.numbers import sync_numbers
from connectors.syncs.previewing import preview_payload
from connectors.syncs.selectors import (
    due_sync_ids,
    failed_deliveries,
    pending_deliveries,
    run,
    run_rows,
    runs,
    sent_syncs,
    sync,
    syncs,
)
from connectors.watching.services import watch
from connectors.webhooks.services import webhook

__all__ = [
    "conceal_columns",
    "conceal_sample",
    "conceal_tried",
    "destination",
    "destination_kinds",
    "destinations",
    "due_sync_ids",
    "email_hook",
    "export",
    "export_file",
    "exports",
    "failed_deliveries",
    "import_problems",
    "imports",
    "kept_file",
    "one_import",
    "pending_deliveries",
    "preview_payload",
    "pull",
    "pull_runs",
    "run",
    "run_rows",
    "runs",
    "sent_syncs",
    "source",
    "source_by_key",
    "source_names",
    "sources",
    "stream",
    "sync",
    "sync_counts",
    "sync_numbers",
    "syncs",
    "visited_sources",
    "watch",
    "webhook",
]
