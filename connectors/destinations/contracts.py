"""What pages and the API see of destinations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.destinations.kit import Field


@dataclass(frozen=True, slots=True)
class DestinationView:
    """One configured account. Of secrets only the names are told; `shown_once` holds those just made, in clear."""

    id: int
    kind: str
    kind_label: str
    name: str
    settings: Mapping[str, Any]
    secrets_set: tuple[str, ...]
    state: str
    state_reason: str
    calls_per_second: float | None
    rest_until: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    last_tested_at: datetime | None
    last_test_result: str
    shown_once: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ActionView:
    """What a kind of destination can do, with the fields of its mapping."""

    slug: str
    label: str
    description: str
    fields: Mapping[str, Field]
    default_mapping: Mapping[str, Any]
    identifier_kind: str = "profile"


@dataclass(frozen=True, slots=True)
class KindView:
    """A kind of destination, with what to ask for."""

    slug: str
    label: str
    description: str
    settings: Mapping[str, Field]
    actions: tuple[ActionView, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """How a test went, in words."""

    ok: bool
    code: str
    message: str


class InvalidSettings(ValueError):
    """Settings or a mapping that cannot work; `problems` says each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems
