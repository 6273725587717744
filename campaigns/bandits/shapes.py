"""A bandit as other apps see it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from campaigns.bandits.thompson import ArmReport, Dimension, Regret


class InvalidBandit(ValueError):
    """What is wrong with a bandit, by JSON pointer."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems.items()))
        self.problems = dict(problems)


class Arm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the things that may be shown; `content` where the slot has none of this key."""

    key: str
    name: str
    content: Any = None


class BanditView(msgspec.Struct, frozen=True):
    """What is compared: a reward is the event `reward` within `window_hours` after an arm was shown."""

    id: int
    slug: str
    name: str
    arms: tuple[Arm, ...]
    reward: str
    window_hours: int
    context: tuple[Dimension, ...]
    explore: float
    half_life_hours: float
    running: bool
    created_at: datetime
    learned_at: datetime | None
    learned: Mapping[str, Mapping[str, tuple[float, float]]]
    seed: str
    source_id: int


class BanditReport(msgspec.Struct, frozen=True):
    """What was learned: each arm in each bucket, and what the learning cost."""

    arms: tuple[ArmReport, ...]
    regret: Regret
