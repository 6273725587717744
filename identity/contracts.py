"""The shapes that cross identity's doors. No Django, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from identity.consents import PREFIX as CONSENT_PREFIX
from identity.consents import Means as ConsentMeans
from identity.consents import Word, answer, consented, trait_of
from identity.kinds import IDENTIFIER_KINDS, kind_strength, strongest

__all__ = [
    "COMPUTED_SOURCE",
    "CONSENT_PREFIX",
    "IDENTIFIER_KINDS",
    "ClaimIn",
    "ComparisonView",
    "ConsentIn",
    "ConsentMeans",
    "ConsentView",
    "DecisionView",
    "Erased",
    "Evidence",
    "IdentifierKey",
    "IdentifierView",
    "LevelView",
    "LinkView",
    "LinkageModelView",
    "LinkageRunView",
    "Move",
    "Outcome",
    "Person",
    "PolicyView",
    "ProfileSummary",
    "ProfileView",
    "Resolution",
    "ReviewPairView",
    "TraitCandidate",
    "TraitProvenance",
    "Why",
    "Withdrawn",
    "Word",
    "answer",
    "consented",
    "kind_strength",
    "strongest",
    "trait_of",
]


# The source of claims that were computed here. Sources of data count from 1, and consents that were recorded here by a
# person or program have the source -1 (the view `identity_said`).
COMPUTED_SOURCE = 0


class IdentifierKey(NamedTuple):
    """One key of a person, its value canonical (see `identity.services.standardise`)."""

    kind: str
    value: str


class ClaimIn(NamedTuple):
    """What one source said of one identifier: `key_index` points into `Evidence.keys`."""

    key_index: int
    source_id: int
    trait: str
    value_json: bytes
    at_us: int
    tiebreak: int


class ConsentIn(NamedTuple):
    """One yes or no to a purpose, with its evidence: `key_index` points into `Evidence.keys`.

    `channel` is empty for all channels. `means` is how it came (`identity.consents`). `text_version` is that of the
    wording that was shown, if it is known. `ip` and `evidence` are empty unless somebody asked to keep them.
    """

    key_index: int
    source_id: int
    purpose: str
    channel: str
    granted: bool
    at_us: int
    means: str
    text_version: int | None = None
    ip: str = ""
    evidence: str = ""
    by: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a batch of arrivals asserts.

    `keys` are distinct, in order of arrival; `seen_us[i]` is the earliest time key `i` was seen in the batch; `links`
    are `(index a, index b, at, basis)` with basis "observed" (both came in one event) or "alias".
    """

    keys: list[IdentifierKey]
    seen_us: list[int]
    links: list[tuple[int, int, int, str]]
    claims: list[ClaimIn]
    consents: list[ConsentIn] = field(default_factory=list)


class Move(NamedTuple):
    """An identifier that was known before and now belongs to another profile."""

    identifier_id: int
    from_profile: int
    to_profile: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who is who after the evidence; arrays are parallel to `Evidence.keys`."""

    identifier_ids: npt.NDArray[np.int64]
    profile_ids: npt.NDArray[np.int64]
    moved: list[Move]
    created: list[int]
    retired: list[int]
    traits_changed: set[int]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an erasure is about: all identifiers of the profiles that bear the given ones, and who stands around."""

    identifier_ids: tuple[int, ...]
    profile_ids: tuple[int, ...]
    keys: tuple[IdentifierKey, ...]
    neighbours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows by table, and what changed for those who are left."""

    rows: dict[str, int]
    moved: tuple[Move, ...]
    traits_changed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What is no more when evidence was taken back, what changed for those who are left, and rows by what they are."""

    identifier_ids: tuple[int, ...]
    moved: tuple[Move, ...]
    retired: tuple[int, ...]
    traits_changed: frozenset[int]
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a steward's act did. When `done` is false nothing was written and `refusal` says why."""

    done: bool
    decision_id: int | None = None
    refusal: str = ""
    profile_ids: tuple[int, ...] = ()
    moved: tuple[Move, ...] = ()
    created: tuple[int, ...] = ()
    retired: tuple[int, ...] = ()
    traits_changed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class IdentifierView:
    """One identifier of a profile."""

    id: int
    kind: str
    value: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ProfileView:
    """One person as identity knows them. `merged_from` are the retired profile ids that now answer here."""

    id: int
    identifiers: tuple[IdentifierView, ...]
    traits: Mapping[str, Any]
    merged_from: tuple[int, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One row of a list of profiles."""

    id: int
    traits: Mapping[str, Any]
    identifiers: tuple[IdentifierView, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One record of the history: what was said about a purpose, when first and when last, and what shows it."""

    id: int
    identifier: IdentifierKey
    purpose: str
    channel: str
    granted: bool
    said_at: datetime
    repeated_at: datetime
    recorded_at: datetime
    source_id: int
    means: str
    text_version: int | None
    evidence: str
    by: str
    ip: str
    message_id: str


@dataclass(frozen=True, slots=True)
class TraitCandidate:
    """One claim that competed for a trait."""

    value: Any
    source_id: int
    identifier: IdentifierKey
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class TraitProvenance:
    """Where a trait's value comes from, and what else was claimed. `computation` is the number of the computation that
    gave it; None when a source said it."""

    key: str
    value: Any
    rule: str
    source_id: int
    identifier: IdentifierKey
    observed_at: datetime
    others: tuple[TraitCandidate, ...]
    computation: int | None = None


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link as stored; `refused_because` is empty for a link that holds."""

    a: IdentifierView
    b: IdentifierView
    origin: str
    basis: str
    confidence: float | None
    evidence: Any
    first_at: datetime
    retracted_at: datetime | None
    retracted_by: str
    retracted_reason: str
    refused_because: str


@dataclass(frozen=True, slots=True)
class Why:
    """Why two identifiers are, or are not, one person."""

    together: bool
    path: tuple[LinkView, ...]
    refused: tuple[LinkView, ...]
    cannot_links: tuple[tuple[IdentifierView, IdentifierView, str, str], ...]
    policy_version: int
    sentence: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What a steward decided."""

    id: int
    kind: str
    profile_ids: tuple[int, ...]
    by: str
    reason: str
    made_at: datetime
    undone_at: datetime | None
    undone_by: str


@dataclass(frozen=True, slots=True)
class ReviewPairView:
    """Two identifiers that linkage is in doubt about, with the profiles they belong to now."""

    id: int
    a: IdentifierView
    b: IdentifierView
    a_profile: int
    b_profile: int
    probability: float
    weights: Any
    state: str
    created_at: datetime
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class PolicyView:
    """One version of the policy."""

    version: int
    spec: Mapping[str, Any]
    active: bool
    created_at: datetime | None = None
    created_by: str = ""
    note: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkageModelView:
    """One version of the linkage model; version 0 are the start values, before anything was learned.

    `spec` is the stored model. `figures` are what its training found, estimates all: `records`, `candidates`,
    `expected` (matches, threshold, precision, recall of what can be found, f1), `histogram` ([from, to, pairs]),
    `curve` ([threshold, pairs, people joined, expected precision, expected recall]), `unlinkable` ([probability, share
    of records that not even a copy of themselves would reach]), and against what was live then `added`, `removed`,
    `changed` (clusters) with `examples`; `graded` holds precision and recall with intervals from steward's decisions.
    """

    version: int
    spec: Mapping[str, Any]
    active: bool
    created_at: datetime | None = None
    created_by: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    switched_on_at: datetime | None = None
    switched_on_by: str = ""


@dataclass(frozen=True, slots=True)
class LevelView:
    """One level of a comparison: how often it is found in each class of pairs, and what it says for one person."""

    words: str
    one_person: float
    strangers: float
    household: float
    bits: float


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """One comparison of a model, its levels the most alike first. `field` is the fact that it is about."""

    name: str
    field: str
    levels: tuple[LevelView, ...]


@dataclass(frozen=True, slots=True)
class LinkageRunView:
    """One run of linkage over the whole base; `stages` are seconds by stage, in the order they were done."""

    id: int
    kind: str
    state: str
    model_version: int | None
    previous_version: int | None
    undoes: int | None
    stage: str
    stages: Mapping[str, float]
    figures: Mapping[str, Any]
    error: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
