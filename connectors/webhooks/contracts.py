"""What this package hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class BadMapping(ValueError):
    """A mapping that cannot be used, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(problems))


class Unsigned(Exception):
    """The call is not signed by whoever has the secret."""


class Unreadable(Exception):
    """The call is no JSON."""


@dataclass(frozen=True, slots=True)
class WebhookView:
    """The webhook of a source; `has_secret` says whether one is set."""

    mapping: Mapping[str, Any]
    signature: Mapping[str, Any]
    has_secret: bool
    last_called_at: datetime | None
    problem: str


@dataclass(frozen=True, slots=True)
class TriedItem:
    """What one thing of a sample becomes: an item as it would come in, or why it would not."""

    item: Mapping[str, Any] | None
    problem: str
