"""The door to read segments: rules, members at a version, the ledger, sizes, and why."""

from segments.language import read as read_rule
from segments.parsing import parse_rule
from segments.schema import rule_schema
from segments.selectors.auditing import segment_counts
from segments.selectors.catalogue import segment, segments, size_history, slugs_of, versions
from segments.selectors.explaining import explain
from segments.selectors.filtering import event_condition
from segments.selectors.governing import (
    difference,
    findings,
    findings_of,
    overlaps,
    reviews_due,
    reviews_to_remind,
    used_by,
    volatility,
)
from segments.selectors.ledger import (
    changes,
    due_count,
    head_seq,
    latest_changes,
    members,
    members_at,
    memberships,
    segments_ever,
    size,
)
from segments.selectors.lists import list_entries, list_readers, static_list, static_lists
from segments.selectors.publications import publication, publications_waiting
from segments.selectors.standing import in_segment, meets, membership_bits, trait_rule
from segments.source import write as write_rule
from segments.wording import describe

__all__ = [
    "changes", "describe", "difference", "due_count", "event_condition", "explain", "findings", "findings_of",
    "head_seq", "in_segment", "latest_changes", "list_entries", "list_readers", "meets", "members", "members_at",
    "membership_bits", "memberships", "overlaps", "parse_rule", "publication", "publications_waiting", "read_rule",
    "reviews_due", "reviews_to_remind", "rule_schema", "segment", "segment_counts", "segments", "segments_ever", "size",
    "size_history", "slugs_of", "static_list", "static_lists", "trait_rule", "used_by", "versions", "volatility",
    "write_rule",
]  # fmt: skip
