"""What crosses the door of `campaigns`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from campaigns.bandits.shapes import BanditReport, BanditView, InvalidBandit
from campaigns.journeys.contracts import (
    APPROVE_ABOVE,
    Arm,
    Ask,
    Audience,
    CampaignResults,
    CampaignVersionView,
    CampaignView,
    Difference,
    InstanceView,
    InvalidCampaign,
    MadeUp,
    MessageCount,
    Passed,
    Simulation,
    StepCount,
    Stopping,
)
from campaigns.journeys.spec import Spec as CampaignSpec
from campaigns.messages.contracts import CHANNELS, CannotRender, InvalidTemplate, Rendered, TemplateView, VersionView
from campaigns.messages.contracts import FIELDS as MESSAGE_FIELDS
from campaigns.messages.contracts import REQUIRED as REQUIRED_FIELDS
from campaigns.personalise.shapes import (
    Answer,
    Asked,
    InvalidSlot,
    SlotContent,
    SlotDocument,
    SlotRule,
    SlotVersionView,
    SlotView,
    Unavailable,
)
from campaigns.sending.contracts import REASONS, Cap, GroupView, Outcome, SendRequest, SendView, StepKey
from campaigns.sending.contracts import NotPossible as SendingNotPossible
from campaigns.sending.contracts import PolicyView as SendingPolicyView

__all__ = [
    "APPROVE_ABOVE", "CHANNELS", "EXPOSURE", "MESSAGE_FIELDS", "REASONS", "REQUIRED_FIELDS", "Answer", "Arm",
    "ArmFigure", "Ask", "Asked", "Assignment", "Audience", "BanditReport", "BanditView", "CampaignResults",
    "CampaignSpec", "CampaignVersionView", "CampaignView", "CannotRender", "Cap", "Correction", "Difference",
    "ExperimentKind", "ExperimentView", "GroupView", "Health", "InstanceView", "InvalidBandit", "InvalidCampaign",
    "InvalidExperiment", "InvalidSlot", "InvalidTemplate", "MadeUp", "MessageCount", "Metric", "MetricKind",
    "MetricResult", "NotNow", "Outcome", "Passed", "Rendered", "ResultView", "SendRequest", "SendView",
    "SendingNotPossible", "SendingPolicyView", "Simulation", "SlotContent", "SlotDocument", "SlotRule",
    "SlotVersionView", "SlotView", "State", "StepCount", "StepKey", "Stopping", "TemplateView", "Unavailable",
    "Variant", "VersionView",
]  # fmt: skip

MetricKind = Literal["conversion", "count", "sum", "ratio"]
State = Literal["draft", "running", "stopped"]
# A holdout keeps a share of the people out of everything that is personal, to measure what all of it does together.
ExperimentKind = Literal["test", "holdout"]
Correction = Literal["holm", "benjamini_hochberg"]
# Segment's A/B testing event: https://segment.com/docs/connections/spec/ab-testing/
EXPOSURE = "Experiment Viewed"


class InvalidExperiment(ValueError):
    """What is wrong with an experiment, by JSON pointer."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems.items()))
        self.problems = dict(problems)


class NotNow(ValueError):
    """What is asked does not fit the experiment's state."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the things that are compared. The first variant of an experiment is its control. `content` is what whoever
    shows it gets."""

    key: str
    name: str
    weight: float
    content: Any = None


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured of each person after the first exposure, for `hours` hours (0: until the end).

    `conversion`: did `event` at least once; `count`: how often; `sum`: the total of `property`; `ratio`: the total of
    `property` (or the number of events when it is empty) for each event `per`. `more_is_better` says which way is good.
    A `guardrail` decides nothing but must not get worse. Of `count` and `sum`, what is above the percentile `cap` of
    those who have any counts as the percentile: one buyer in bulk must not decide. 0: nothing is capped.
    """

    name: str
    kind: MetricKind
    event: str
    property: str = ""
    per: str = ""
    hours: int = 0
    more_is_better: bool = True
    guardrail: bool = False
    cap: float = 0.0


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """An experiment as other apps see it."""

    id: int
    slug: str
    name: str
    hypothesis: str
    owner: str
    state: State
    traffic: int
    segment_id: int | None
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]
    sequential: bool
    alpha: float
    expected: int
    winner: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    kind: ExperimentKind = "test"
    correction: Correction = "holm"

    @property
    def control(self) -> Variant:
        return self.variants[0]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What somebody gets. `taking_part` is false for whoever is not in the experiment; they get the control's content.

    `reason`: "assigned", "seen_before", "not_running", "not_in_segment", "not_in_traffic",
    "held_out" or "winner".
    """

    variant: Variant
    taking_part: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ArmFigure:
    """One variant in one metric. `mean` is a share, a number a person, or a ratio; the rest is beside the control.
    `uncapped` is the mean without the cap, where there is one."""

    variant: str
    people: int
    mean: float
    lift: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    chance_to_win: float | None = None
    uncapped: float | None = None


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric over all variants; `p` is adjusted over all comparisons that may decide. Where the metric is
    capped, more than `limit` counts as `limit`."""

    metric: str
    guardrail: bool
    adjusted: bool
    arms: tuple[ArmFigure, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the numbers can be believed. `mismatch_p` is of the sample ratio; `contaminated` people saw several."""

    people: int
    contaminated: int
    mismatch_p: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultView:
    """What an analysis found. `verdict` is "unhealthy", "too_early", "keep_running", "ship", "roll_back" or
    "no_difference"; `words` says it to people."""

    at: datetime
    health: Health
    metrics: tuple[MetricResult, ...]
    verdict: str
    words: str
    leader: str = ""
