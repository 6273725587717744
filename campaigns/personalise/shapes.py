"""What a slot is, who asks, and what is answered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

Reason = Literal["rule", "default", "unknown_person", "held_out", "unavailable"]


class InvalidSlot(ValueError):
    """What is wrong with a slot, by JSON pointer."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {what}" for where, what in problems.items()))
        self.problems = dict(problems)


class Unavailable(RuntimeError):
    """Nobody can say what the slots are: this process has never read them, and the database does not answer."""


class SlotContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a slot may show. Of several that a rule names, each is shown by its `weight`'s share; before
    `starts_at` and from `ends_at` on it is not shown."""

    key: str
    fields: dict[str, Any]
    name: str = ""
    weight: float = 1.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition, one of three: a member of `segment` (its slug); `rule`, over traits, in the language of segments;
    or the number in the trait `score`, `at_least` so much and `below` so much."""

    segment: str = ""
    rule: Any = None
    score: str = ""
    at_least: float | None = None
    below: float | None = None


class Show(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown, one of four: some `contents`; what an `experiment` or a `bandit` gives (its slug; the slot's
    content of the same key, or else the variant's own); or `recommend`, so many items."""

    contents: tuple[str, ...] = ()
    experiment: str = ""
    bandit: str = ""
    recommend: int = 0


class SlotRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first rule that holds and has something to show decides. Without `when` it holds for everybody."""

    name: str
    show: Show
    when: When | None = None


class SlotDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version of a slot holds. `fields` are the names that contents may have, `sources` the ids of the sources
    whose public write key may ask for a slot that is `public`."""

    default: dict[str, Any]
    fields: tuple[str, ...]
    public: bool = False
    sources: tuple[int, ...] = ()
    contents: tuple[SlotContent, ...] = ()
    rules: tuple[SlotRule, ...] = ()


class SlotView(msgspec.Struct, frozen=True):
    """A slot as it stands."""

    id: int
    slug: str
    name: str
    description: str
    version: int
    document: SlotDocument
    updated_at: datetime
    updated_by: str


class SlotVersionView(msgspec.Struct, frozen=True):
    """One version: what it held, since when, and who made it."""

    version: int
    document: SlotDocument
    at: datetime
    by: str


class Step(msgspec.Struct, frozen=True):
    """One rule as it was looked at, in words: whether it holds, and what came of it."""

    rule: str
    condition: str
    holds: bool
    outcome: str


class Answer(msgspec.Struct, frozen=True):
    """What one slot shows. `fallback`: it is the default content, or recommendations that know nothing of the person.

    `why` says it to people and may tell what somebody is a member of: it is for servers and pages, not for browsers.
    """

    slot: str
    version: int
    content: dict[str, Any]
    reason: Reason
    why: str
    fallback: bool = False
    rule: str = ""
    content_key: str = ""
    experiment: str = ""
    bandit: str = ""
    variant: str = ""
    recommendations: tuple[dict[str, Any], ...] = ()
    steps: tuple[Step, ...] = ()
    exposed: bool = False


class Asked(msgspec.Struct, frozen=True):
    """Who asks for which slots. `keys` are identifiers (kind, canonical value): the first that somebody has counts.
    With `expose`, what an experiment or a bandit shows is put into the log. `profile_id` is for pages.
    """

    slots: tuple[str, ...]
    keys: tuple[tuple[str, str], ...] = ()
    context: Mapping[str, Any] = {}
    expose: bool = True
    profile_id: int | None = None
