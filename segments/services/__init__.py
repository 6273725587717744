"""The door to change segments. `follow` and `run_due` belong to the pipeline; the others to people."""

from segments.parsing import parse_rule
from segments.services.erasing import erase
from segments.services.following import follow, run_due
from segments.services.lists import change_list, create_list, delete_list
from segments.services.memory import Memory
from segments.services.preparing import prepared
from segments.services.previewing import PreviewTooSlow, preview
from segments.services.publications import SegmentChanged, request_publication, run_publications, takes_long
from segments.services.publishing import (
    SegmentInUse,
    SlugTaken,
    archive,
    change_details,
    change_rule,
    create_segment,
    note_reminded,
    restore_version,
)
from segments.services.recounting import counted_events, nobody_counts, recount, take_back
from segments.services.refreshing import refresh, refresh_all

__all__ = [
    "Memory",
    "PreviewTooSlow",
    "SegmentChanged",
    "SegmentInUse",
    "SlugTaken",
    "archive",
    "change_details",
    "change_list",
    "change_rule",
    "counted_events",
    "create_list",
    "create_segment",
    "delete_list",
    "erase",
    "follow",
    "nobody_counts",
    "note_reminded",
    "parse_rule",
    "prepared",
    "preview",
    "recount",
    "refresh",
    "refresh_all",
    "request_publication",
    "restore_version",
    "run_due",
    "run_publications",
    "take_back",
    "takes_long",
]
