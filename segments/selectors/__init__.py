"""The door to read segments: rules, members at a version, the ledger, sizes, and why."""

from segments.parsing import parse_rule
from segments.schema import rule_schema
from segments.selectors.catalogue import segment, segments, size_history, slugs_of, versions
from segments.selectors.explaining import explain
from segments.selectors.ledger import changes, due_count, head_seq, latest_changes, members, memberships, size
from segments.selectors.lists import list_entries, static_list, static_lists
from segments.wording import describe

__all__ = [
    "changes",
    "describe",
    "due_count",
    "explain",
    "head_seq",
    "latest_changes",
    "list_entries",
    "members",
    "memberships",
    "parse_rule",
    "rule_schema",
    "segment",
    "segments",
    "size",
    "size_history",
    "slugs_of",
    "static_list",
    "static_lists",
    "versions",
]
