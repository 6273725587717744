"""Shapes of predictions. No Django."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

GOALS = {"does": "will do it", "does_not": "will not do it (churn)"}
POLICIES = {
    "better": "on its own, when it is not worse than the one in use",
    "person": "only when a person does it",
}
LONGEST_DAYS = 365
KINDS = {
    "logistic": "logistic regression", "forest": "random forest", "boosting": "gradient boosted trees",
}  # fmt: skip
# Fewer positives, or fewer negatives, than this teach nothing that holds (Segment asks for the same number).
LEAST_EACH = 100
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class BadPrediction(ValueError):
    """A prediction that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class PredictionSpec:
    """What is predicted, of whom and how.

    Whether a person does (or does not) `event` with the filters `where` (those of a segment's rule) within `days`
    days. `active_days`: only of people who did it in so many days before; needed for what people will *not* do.
    `segment`: the slug of a segment, or everybody. `features`: names, or none for all there are. `groups`: features of
    type text by which fairness is told; they are never learned from. `kinds`: the models that are tried. `share`: the
    share of people, highest scores first, of which fairness is told. `blocks`: a version that fails the four-fifths
    rule is not switched on by policy. `online`: a model beside the version in use learns of each day that closes.
    """

    event: str
    where: tuple[Mapping[str, Any], ...] = ()
    goal: str = "does"
    days: int = 30
    active_days: int | None = None
    segment: str = ""
    features: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    kinds: tuple[str, ...] = tuple(KINDS)
    share: float = 0.25
    blocks: bool = False
    policy: str = "better"
    train_every_days: int | None = 14
    score_every_days: int | None = 1
    train_on_drift: bool = True
    online: bool = False
    seed: int = 42

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "PredictionSpec":
        """The specification from its stored form. Raises BadPrediction."""
        unknown = sorted(set(told) - {one.name for one in fields(cls)})
        if unknown:
            raise BadPrediction(f"{unknown[0]}: there is no such field.")
        given = {"event": "", **told}
        for name in ("where", "features", "groups", "kinds"):
            if name in given:
                given[name] = tuple(given[name])
        found = cls(**given)
        found._check()
        return found

    def _check(self) -> None:
        self._check_question()
        self._check_manner()

    def _check_question(self) -> None:
        if not self.event:
            raise BadPrediction("event: name the event that is predicted.")
        if self.goal not in GOALS:
            raise BadPrediction(f"goal: choose one of {', '.join(GOALS)}.")
        if not 1 <= self.days <= LONGEST_DAYS:
            raise BadPrediction(f"days: between 1 and {LONGEST_DAYS}.")
        if self.active_days is not None and not 1 <= self.active_days <= LONGEST_DAYS:
            raise BadPrediction(f"active_days: between 1 and {LONGEST_DAYS}, or nothing for everybody who was seen.")
        if self.goal == "does_not" and self.active_days is None:
            raise BadPrediction("active_days: say within how many days somebody did it last to be one who may stop.")

    def _check_manner(self) -> None:
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise BadPrediction(f"kinds: choose from {', '.join(KINDS)}.")
        if self.policy not in POLICIES:
            raise BadPrediction(f"policy: choose one of {', '.join(POLICIES)}.")
        if not 0.01 <= self.share <= 0.9:
            raise BadPrediction("share: between 0.01 and 0.9.")
        for name in ("train_every_days", "score_every_days"):
            every = getattr(self, name)
            if every is not None and not 1 <= every <= LONGEST_DAYS:
                raise BadPrediction(f"{name}: between 1 and {LONGEST_DAYS}, or nothing for only when asked.")
        both = sorted(set(self.features) & set(self.groups))
        if both:
            raise BadPrediction(f"groups: {both[0]} is learned from; fairness is told by features that are not.")

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        told = asdict(self)
        return {name: list(one) if isinstance(one, tuple) else one for name, one in told.items()}


@dataclass(frozen=True, slots=True)
class Meter:
    """Whether there is enough to learn from, in words. `lines`: what, how much there is, how much it takes, and
    whether that is enough."""

    enough: bool
    words: str
    lines: Sequence[tuple[str, str, str, bool]]
    people: int = 0
    positives: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """What one feature adds to a person's score, in log-odds: above zero it raises the score."""

    feature: str
    title: str
    value: Any
    effect: float
    words: str


@dataclass(frozen=True, slots=True)
class ScoreView:
    """One person's score, by which version, as of when. `percentile`: 100 is the highest hundredth of the last time
    that everybody was scored; None before. `reasons`: the strongest first."""

    profile_id: int
    score: float
    percentile: int | None
    version: int
    as_of: datetime
    reasons: Sequence[Reason] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class VersionView:
    """One trained version: its status (`champion` is in use, `challenger` waits for a person, `archived`), and what its
    model card shows."""

    version: int
    status: str
    run_id: int
    made_at: datetime
    activated_at: datetime | None
    sha256: str
    bytes: int
    figures: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.figures["kind"])


@dataclass(frozen=True, slots=True)
class OnlineView:
    """The model that learns of each day beside the version in use. `serving`: it scores; else it is a shadow. `rows`:
    what it learned of. `loss` and `batch_loss`: log losses of both on the last `judged` rows, each before it was
    learned of; None before the first. `rejected`: days that were not learned of, and `why` the last was not.
    `alarms`: that it fell back, or that its loss drifted, in words."""

    serving: bool
    rows: int
    judged: int
    loss: float | None
    batch_loss: float | None
    rejected: int
    why: str
    cutoff: datetime
    changed_at: datetime
    alarms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ScoringView:
    """One time that everybody was scored: deciles from the highest scores down, drift, and what came true."""

    run_id: int
    as_of: datetime
    version: int
    people: int
    deciles: Sequence[Mapping[str, Any]]
    drift: Mapping[str, Any]
    outcome: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class PredictionView:
    """A prediction with its versions, the newest first, and the last times that everybody was scored."""

    slug: str
    name: str
    spec: PredictionSpec
    words: str
    made_by: str
    made_at: datetime
    versions: Sequence[VersionView] = ()
    scorings: Sequence[ScoringView] = field(default=())
    trained_at: datetime | None = None
    online: OnlineView | None = None

    @property
    def champion(self) -> VersionView | None:
        return next((one for one in self.versions if one.status == "champion"), None)

    @property
    def trait(self) -> str:
        return traits_of(self.slug)[0]

    @property
    def alarms(self) -> Sequence[str]:
        """What is wrong with the newest scores, in words."""
        return self.scorings[0].drift.get("alarms", ()) if self.scorings else ()


def traits_of(slug: str) -> tuple[str, str, str]:
    """The computed traits: the score, its percentile, and which model gave it when."""
    name = f"prediction_{slug.replace('-', '_')}"
    return name, f"{name}_percentile", f"{name}_model"


def expect_slug(slug: str) -> None:
    """Raises BadPrediction."""
    if not _NAME.fullmatch(slug):
        raise BadPrediction("slug: small letters, digits and - only, beginning with a letter; at most 40.")
