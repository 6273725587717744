"""What crosses the door of journeys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from campaigns.journeys.spec import Spec

CampaignState = Literal["draft", "running", "paused", "stopped", "finished"]
# Above so many recipients a broadcast waits for a second person.
APPROVE_ABOVE = 1_000


class InvalidCampaign(ValueError):
    """What is wrong with a campaign, by JSON pointer."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems.items()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a broadcast would reach at a version of the ledger: members, those of them who are held out, those whom the
    rule of re-entry keeps out, and who is left."""

    at_seq: int
    members: int
    held_out: int
    not_again: int
    recipients: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A start that waits for a second person."""

    by: str
    at: datetime
    audience: Audience


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as others see it. `draft` is what the editor shows; `version` is the newest one that people enter on,
    0 while there is none."""

    id: int
    slug: str
    name: str
    state: CampaignState
    version: int
    draft: Spec
    changed: bool
    asked: Ask | None
    owner: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CampaignVersionView:
    """One version, which never changes."""

    number: int
    spec: Spec
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """Somebody passed a step: when he came, when and by which way he left."""

    step: str
    way: str
    arrived_at: datetime
    left_at: datetime


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One journey of one person. `state` is "active", "finished", "goal", "left", "held_out", "stopped" or "merged"."""

    id: int
    campaign_id: int
    campaign: str
    version: int
    profile_id: int | None
    key: str
    state: str
    step: str
    due_at: datetime | None
    entered_at: datetime
    ended_at: datetime | None
    passed: tuple[Passed, ...]


@dataclass(frozen=True, slots=True)
class Stopping:
    """What pausing or stopping can do and what it cannot: people who are inside, messages that wait for their time
    (a pause lets them go out, a stop takes them back), those that are on their way or out, and how often calls, lists
    and traits were done."""

    inside: int
    waiting: int
    sent: int
    passed_acts: int


@dataclass(frozen=True, slots=True)
class StepCount:
    """How a step stands: how many came, wait there, and left it by each way."""

    step: str
    came: int
    waiting: int
    left: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MessageCount:
    """The messages of a step: asked for, waiting, sent, decided against, failed. Of the sent: what the provider told to
    be delivered, and not; and opened and clicked."""

    step: str
    asked: int
    waiting: int
    sent: int
    skipped: int
    failed: int
    delivered: int
    undelivered: int
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class Arm:
    """People who were treated, or held out: how many entered, whose window is over, and who of them converted."""

    entered: int
    measured: int
    converted: int

    @property
    def rate(self) -> float | None:
        return self.converted / self.measured if self.measured else None


@dataclass(frozen=True, slots=True)
class Difference:
    """The rate of the treated less that of the held out, with an interval that holds however often one looks (an
    asymptotic confidence sequence, as experiments have); and the same in relation (`lift`)."""

    points: float
    low: float
    high: float
    lift: float
    p: float
    chance_to_win: float


@dataclass(frozen=True, slots=True)
class CampaignResults:
    """What came of a campaign; no difference is told while there is nothing to compare with."""

    at: datetime
    states: Mapping[str, int]
    steps: tuple[StepCount, ...]
    messages: tuple[MessageCount, ...]
    treated: Arm
    held_out: Arm
    difference: Difference | None
    words: str


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A person to try a campaign with: what is known of him, and what he will do so many minutes after the entry."""

    traits: Mapping[str, Any]
    segments: frozenset[str]
    events: tuple[tuple[int, str, Mapping[str, Any]], ...] = ()
    variants: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """The path of one person by a clock that is turned forward."""

    passed: tuple[Passed, ...]
    acts: tuple[str, ...]
    ended: str
    ended_at: datetime
