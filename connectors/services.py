"""The door through which others change sources, destinations and syncs."""

from connectors.destinations.services import (
    create_destination,
    pause_destination,
    resume_destination,
    rotate_secret,
    test_destination,
    update_destination,
)
from connectors.destinations.webhook.signing import headers as sign_webhook
from connectors.destinations.webhook.signing import new_secret as new_webhook_secret
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
from connectors.imports.undoing import end_undo, note_undone, open_undos, request_undo, undo_marks, undo_of
from connectors.pulls.erasing import forget_pulled
from connectors.pulls.previewing import preview_pull, test_pull
from connectors.pulls.services import keep_pull, keep_pull_mapping, read_pulls, reset_pull, run_pull, switch_pull
from connectors.sources.arriving import Arrived, arrive
from connectors.sources.replay import (
    Replayed,
    Settled,
    accept_again,
    judge_item,
    replay_edited,
    replay_quarantined,
)
from connectors.sources.services import UnknownKind, create_source, keep_handling, rotate_write_key, set_enabled
from connectors.storage.services import delete_files as drop_files
from connectors.storage.services import keep_file
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
    "Arrived",
    "NotNow",
    "NotPossible",
    "Replayed",
    "Settled",
    "UnknownKind",
    "Unreadable",
    "Unsigned",
    "accept_again",
    "approve_run",
    "arrive",
    "change_consent",
    "change_layout",
    "change_mapping",
    "channel_standings",
    "check_file",
    "create_destination",
    "create_source",
    "create_sync",
    "decline_run",
    "deliver_all_due",
    "deliver_due",
    "drop_files",
    "end_undo",
    "erase_files",
    "expire_exports",
    "forget_deliveries",
    "forget_pulled",
    "imports_under_way",
    "judge_item",
    "keep_email_hook",
    "keep_file",
    "keep_handling",
    "keep_house",
    "keep_pull",
    "keep_pull_mapping",
    "keep_stream",
    "keep_watch",
    "keep_webhook",
    "look_at_places",
    "new_webhook_secret",
    "note_changed",
    "note_download",
    "note_undone",
    "open_undos",
    "pause_destination",
    "pause_sync",
    "preview_pull",
    "read_pulls",
    "read_streams",
    "replay_edited",
    "replay_quarantined",
    "request_export",
    "request_run",
    "request_undo",
    "reset_pull",
    "resume_destination",
    "resume_sync",
    "retry_failed",
    "rotate_secret",
    "rotate_write_key",
    "run_imports",
    "run_now",
    "run_pull",
    "sample_rows",
    "set_enabled",
    "sign_webhook",
    "suggested_mapping",
    "switch_pull",
    "switch_stream",
    "switch_watch",
    "take_email_call",
    "take_file",
    "take_webhook_call",
    "test_destination",
    "test_pull",
    "try_mapping",
    "try_sync",
    "undo_marks",
    "undo_of",
    "update_destination",
    "write_exports",
]
