"""Shapes of RFM."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cell:
    """The people with one score of recency and one of frequency and monetary value together."""

    recency: int
    value: int
    segment: str
    people: int
    monetary: float


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One named segment: how many people, their share, and the medians of what they did."""

    name: str
    advice: str
    people: int
    share: float
    recency_days: float
    orders: float
    monetary: float


@dataclass(frozen=True, slots=True)
class RfmView:
    """The newest RFM: the heat map's cells and the named segments. `currency` is empty when orders name none."""

    run_id: int
    as_of: datetime
    zone: str
    people: int
    cells: Sequence[Cell]
    segments: Sequence[SegmentRow]
    currency: str
