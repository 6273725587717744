"""The door through which others change sources, destinations and syncs."""

from connectors.destinations.services import (
    create_destination,
    pause_destination,
    resume_destination,
    rotate_secret,
    test_destination,
    update_destination,
)
from connectors.email.services import Unreadable, Unsigned, keep_email_hook, take_email_call
from connectors.erasing import channel_standings, erase_files, forget_deliveries, imports_under_way
from connectors.exports.services import expire_exports, note_download, request_export, write_exports
from connectors.imports.services import (
    NotNow,
    change_layout,
    check_file,
    request_run,
    run_imports,
    sample_rows,
    suggested_mapping,
    take_file,
)
from connectors.sources.replay import Replayed, replay_quarantined
from connectors.sources.services import UnknownKind, create_source, rotate_write_key, set_enabled
from connectors.streams.services import keep_stream, read_streams, switch_stream
from connectors.syncs.contracts import NotPossible
from connectors.syncs.services import (
    approve_run,
    change_consent,
    change_mapping,
    create_sync,
    decline_run,
    deliver_all_due,
    deliver_due,
    keep_house,
    note_changed,
    pause_sync,
    resume_sync,
    retry_failed,
    run_now,
)
from connectors.syncs.trying import try_sync
from connectors.watching.services import keep_watch, look_at_places, switch_watch
from connectors.webhooks.services import keep_webhook, take_webhook_call, try_mapping

__all__ = [
    "NotNow",
    "NotPossible",
    "Replayed",
    "UnknownKind",
    "Unreadable",
    "Unsigned",
    "approve_run",
    "channel_standings",
    "change_consent",
    "change_layout",
    "change_mapping",
    "check_file",
    "create_destination",
    "create_source",
    "create_sync",
    "decline_run",
    "deliver_all_due",
    "deliver_due",
    "erase_files",
    "expire_exports",
    "forget_deliveries",
    "imports_under_way",
    "keep_email_hook",
    "keep_house",
    "keep_stream",
    "keep_watch",
    "keep_webhook",
    "look_at_places",
    "note_changed",
    "note_download",
    "pause_destination",
    "pause_sync",
    "read_streams",
    "replay_quarantined",
    "request_export",
    "request_run",
    "resume_destination",
    "resume_sync",
    "retry_failed",
    "rotate_secret",
    "rotate_write_key",
    "run_imports",
    "run_now",
    "sample_rows",
    "set_enabled",
    "suggested_mapping",
    "switch_stream",
    "switch_watch",
    "take_email_call",
    "take_file",
    "take_webhook_call",
    "test_destination",
    "try_mapping",
    "try_sync",
    "update_destination",
    "write_exports",
]
