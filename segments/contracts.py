"""What crosses the door of `segments`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from segments.deciding import check_filters, check_trait, filters_hold, trait_holds
from segments.parsing import Problem, RuleError
from segments.rules import Node

__all__ = [
    "Activity",
    "ConditionCount",
    "ConditionView",
    "Difference",
    "Explanation",
    "Finding",
    "ListView",
    "MembershipChange",
    "MembershipView",
    "MoveLike",
    "Node",
    "Preview",
    "Problem",
    "PublicationView",
    "RuleError",
    "SegmentCounts",
    "SegmentView",
    "SizePoint",
    "VersionView",
    "check_filters",
    "check_trait",
    "filters_hold",
    "trait_holds",
]

# (identifier, from profile, to profile); zero or None where there is no profile.
MoveLike: TypeAlias = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Activity:
    """The fresh events of one batch, column by column. `profile_ids` is who they belong to after the batch."""

    identifier_ids: npt.NDArray[np.int64] | Sequence[int] = ()
    profile_ids: npt.NDArray[np.int64] | Sequence[int] = ()
    names: Sequence[str] = ()
    at_us: npt.NDArray[np.int64] | Sequence[int] = ()
    properties: Sequence[bytes | str | None] = ()


@dataclass(frozen=True, slots=True)
class PublicationView:
    """A rule that a worker publishes: `waiting`, `done`, `failed` or `cancelled`; `segment_id` is set when done,
    and from the start when it is a new version."""

    id: int
    segment_id: int | None
    slug: str
    name: str
    state: str
    error: str
    job_id: int
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment as other apps see it."""

    id: int
    slug: str
    name: str
    description: str
    owner: str
    review_on: date | None
    rule: dict[str, Any]
    rule_text: str
    wording: str
    version: int
    size: int
    created_at: datetime
    changed_at: datetime
    archived_at: datetime | None
    refreshed_at: datetime | None
    tags: tuple[str, ...] = ()

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


@dataclass(frozen=True, slots=True)
class ListView:
    """A static list; `entries` counts identifiers, of which one person may have several."""

    slug: str
    name: str
    entries: int
    created_by: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of a segment's rule, with what it changed."""

    version: int
    rule: dict[str, Any]
    rule_text: str
    wording: str
    diff: list[dict[str, Any]]
    by: str
    note: str
    at: datetime


class MembershipChange(NamedTuple):
    """One row of the ledger."""

    seq: int
    segment_id: int
    profile_id: int
    entered: bool
    at: datetime
    reason: str
    version: int


@dataclass(frozen=True, slots=True)
class MembershipView:
    """One segment that a profile is in, since when and why."""

    segment_id: int
    slug: str
    name: str
    since: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """How many profiles a rule would take now, and some of them.

    `conditions`: how many meet each of the rule's top conditions alone; `reach`: how many of those it takes have an
    identifier of each kind; `estimated`: the numbers are of a sample, times its share.
    """

    count: int
    sample: tuple[int, ...]
    conditions: tuple["ConditionCount", ...] = ()
    reach: Mapping[str, int] = field(default_factory=dict)
    estimated: bool = False


class ConditionCount(NamedTuple):
    """One condition in words, and how many meet it."""

    wording: str
    people: int


class Difference(NamedTuple):
    """What changed in a segment from one version of the ledger to another: who came in and who went, on the whole."""

    from_seq: int
    to_seq: int
    entered: int
    exited: int
    some_entered: tuple[int, ...]
    some_exited: tuple[int, ...]


class SegmentCounts(NamedTuple):
    """How many members a segment has at one version, counted by each kind of reader: all must be the same.

    `ui` the stored size, `api` entries less exits, `export` the list of members, `fold` the last word of each person in
    the ledger, `bits` the stored memberships.
    """

    id: int
    slug: str
    ui: int
    api: int
    export: int
    fold: int
    bits: int

    @property
    def agree(self) -> bool:
        return len({self.ui, self.api, self.export, self.fold, self.bits}) == 1


class Finding(NamedTuple):
    """Something about a segment that its owner should look at: a stable word, and a sentence."""

    segment_id: int
    code: str
    text: str


class SizePoint(NamedTuple):
    """The size of a segment at the end of an hour, and what moved in it."""

    hour: datetime
    members: int
    entered: int
    exited: int


@dataclass(frozen=True, slots=True)
class ConditionView:
    """One node of a rule as it stands for one profile. `actual` and `needed` are words for people."""

    wording: str
    holds: bool
    actual: str = ""
    needed: str = ""
    kind: str = "condition"
    children: "tuple[ConditionView, ...]" = field(default=())


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a profile is in a segment or not: every condition with its value."""

    segment_id: int
    profile_id: int
    holds: bool
    stored: bool
    condition: ConditionView
