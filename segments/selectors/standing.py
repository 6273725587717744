"""How one profile stands, in one statement or none: for those who answer while a page loads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common import pg
from segments.evaluate import Facts, holds
from segments.parsing import Problem, RuleError, parse_rule
from segments.rules import InBucket, Node, TraitIs, leaves

_BITS = "select bits from segments_membership where profile_id = %(profile)s"


def membership_bits(profile_id: int) -> bytes:
    """All memberships of a profile: bit n, the lowest of a byte first, is the segment with the id n."""
    row = pg.cursor().execute(_BITS, {"profile": profile_id}).fetchone()
    return b"" if row is None else bytes(row[0])


def in_segment(bits: bytes, segment_id: int) -> bool:
    """Whether the bit of a segment is set."""
    return len(bits) > segment_id // 8 and bool(bits[segment_id // 8] >> segment_id % 8 & 1)


def trait_rule(rule: Any) -> Node:
    """A rule that asks for nothing but traits and chance, so that it is decided without the log. Raises RuleError."""
    node = rule if isinstance(rule, Node) else parse_rule(rule)
    if not all(isinstance(leaf, TraitIs | InBucket) for leaf in leaves(node)):
        raise RuleError(Problem("", "Only traits can be asked here. Make a segment of the rest, and ask for it."))
    return node


def meets(rule: Node, *, profile_id: int, traits: Mapping[str, Any], now: datetime) -> bool:
    """Whether a profile with these traits meets a rule of `trait_rule`."""
    return holds(rule, Facts(profile_id, (), traits, {}), now=now)
