"""The door to change segments. `follow` and `run_due` belong to the pipeline; the others to people."""

from segments.parsing import parse_rule
from segments.services.following import follow, run_due
from segments.services.memory import Memory
from segments.services.publishing import (
    PreviewTooSlow,
    SlugTaken,
    archive,
    change_details,
    change_rule,
    create_segment,
    preview,
    refresh,
    refresh_all,
)

__all__ = [
    "Memory",
    "PreviewTooSlow",
    "SlugTaken",
    "archive",
    "change_details",
    "change_rule",
    "create_segment",
    "follow",
    "parse_rule",
    "preview",
    "refresh",
    "refresh_all",
    "run_due",
]
