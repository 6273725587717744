"""Who gets which variant: by hashing, so that every process gives the same answer for ever. Pure.

Two independent draws: one decides who takes part, one which variant. Letting more people take part therefore moves
nobody from one variant to another (Tang et al., "Overlapping Experiment Infrastructure", KDD 2010, section 4).
"""

import hashlib
from collections.abc import Sequence

from campaigns.contracts import Variant

_TWO_64 = 1 << 64


def share(seed: str, purpose: str, unit: str) -> float:
    """A number in [0, 1) that is the same for the same three texts: the first 64 bits of their SHA-256."""
    digest = hashlib.sha256(f"{seed}:{purpose}:{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _TWO_64


def takes_part(seed: str, unit: str, *, traffic: int) -> bool:
    """Whether a unit is among the `traffic` percent who are asked at all."""
    return share(seed, "traffic", unit) * 100 < traffic


def variant_of(seed: str, unit: str, variants: Sequence[Variant]) -> Variant:
    """The variant of a unit; each has its weight's share of all units."""
    drawn = share(seed, "variant", unit) * sum(one.weight for one in variants)
    for one in variants:
        drawn -= one.weight
        if drawn < 0:
            return one
    return variants[-1]
