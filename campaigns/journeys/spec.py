"""What a campaign does, as an immutable document: who enters, the steps as a graph, the goal, and when people leave.

Steps name the next ones by their id; an empty name is the end. The first step is where everybody begins. Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

Filters: TypeAlias = tuple[dict[str, Any], ...]
Again: TypeAlias = Literal["never", "after_exit", "always"]
Every: TypeAlias = Literal["once", "day", "week", "month"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the document: unknown fields are mistakes."""


class Broadcast(_Part, tag_field="kind", tag="broadcast", frozen=True, kw_only=True):
    """All members of a segment, at once: when it is started, `at` an instant, or again `every` so often. With `local`,
    each at that time of day where he is."""

    segment: str
    at: datetime | None = None
    every: Every = "once"
    local: bool = False


class OnEvent(_Part, tag_field="kind", tag="event", frozen=True, kw_only=True):
    """Whoever does something. `key` is a property, such as an order's id: then each value enters on its own. An event
    that comes in later than `late_minutes` after it happened enters nobody."""

    event: str
    where: Filters = ()
    key: str = ""
    late_minutes: int = 1_440


class OnSegment(_Part, tag_field="kind", tag="segment", frozen=True, kw_only=True):
    """Whoever enters a segment, or leaves it."""

    segment: str
    on: Literal["entry", "exit"] = "entry"


class Goal(_Part, frozen=True, kw_only=True):
    """What it is for: an event within `minutes` of the entry. With `ends`, whoever did it leaves at once."""

    event: str
    where: Filters = ()
    minutes: int = 7 * 1_440
    ends: bool = True


class Leaving(_Part, frozen=True, kw_only=True):
    """When people leave in between: after an event, or as soon as they are looked at and not in the segment."""

    event: str = ""
    where: Filters = ()
    segment: str = ""


class _Step(_Part, frozen=True, kw_only=True):
    id: str
    name: str = ""


class Send(_Step, tag_field="kind", tag="send", frozen=True, kw_only=True):
    """A message from a template, by the first of the channels that reaches the person. Consent, caps, quiet hours and
    the holdout of all sending are decided when it is asked for, and again when it goes out. What the template may say:
    traits, `variables`, and as `event` the properties of the event by which the person entered."""

    template: str
    channels: tuple[str, ...] = ("email",)
    variables: dict[str, Any] = {}
    next: str = ""


class Wait(_Step, tag_field="kind", tag="wait", frozen=True, kw_only=True):
    """For so many minutes."""

    minutes: int
    next: str = ""


class WaitEvent(_Step, tag_field="kind", tag="wait_event", frozen=True, kw_only=True):
    """Until something happens after the arrival here, at most `minutes`; then on by `otherwise`."""

    event: str
    minutes: int
    where: Filters = ()
    next: str = ""
    otherwise: str = ""


class WaitWindow(_Step, tag_field="kind", tag="wait_window", frozen=True, kw_only=True):
    """Until it is between two times of day on one of the days (1 is Monday) where the person is."""

    start: str = "09:00"
    end: str = "20:00"
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    next: str = ""


class Case(_Part, frozen=True, kw_only=True):
    """One way of a branch: a comparison of a trait, `{"segment": slug}`, or `{"event": name, "where": […]}` since the
    entry."""

    when: dict[str, Any]
    next: str = ""


class Branch(_Step, tag_field="kind", tag="branch", frozen=True, kw_only=True):
    """The first case that holds, else `otherwise`."""

    cases: tuple[Case, ...]
    otherwise: str = ""


class Share(_Part, frozen=True, kw_only=True):
    """One way of a split, and its weight."""

    weight: float
    next: str = ""


class Split(_Step, tag_field="kind", tag="split", frozen=True, kw_only=True):
    """By chance, the same for a person for ever."""

    parts: tuple[Share, ...]


class InExperiment(_Step, tag_field="kind", tag="experiment", frozen=True, kw_only=True):
    """By the variant of an experiment, whose exposure is noted; who takes no part goes on by `otherwise`."""

    experiment: str
    variants: dict[str, str]
    otherwise: str = ""


class OnList(_Step, tag_field="kind", tag="list", frozen=True, kw_only=True):
    """Put the person on a static list, or take him off it."""

    list: str
    do: Literal["add", "remove"] = "add"
    next: str = ""


class Update(_Step, tag_field="kind", tag="trait", frozen=True, kw_only=True):
    """Say traits of the person, as a source of its own."""

    traits: dict[str, Any]
    next: str = ""


class Call(_Step, tag_field="kind", tag="webhook", frozen=True, kw_only=True):
    """A signed POST to an address."""

    url: str
    next: str = ""


class Reach(_Step, tag_field="kind", tag="goal", frozen=True, kw_only=True):
    """Whoever comes here has reached the goal, whatever events say."""

    next: str = ""


class Exit(_Step, tag_field="kind", tag="exit", frozen=True, kw_only=True):
    """The end."""


Entry: TypeAlias = Broadcast | OnEvent | OnSegment
Step: TypeAlias = (
    Send | Wait | WaitEvent | WaitWindow | Branch | Split | InExperiment | OnList | Update | Call | Reach | Exit
)  # fmt: skip


class Spec(_Part, frozen=True, kw_only=True):
    """One version of a campaign. `holdout` is the percentage who enter and get nothing, to compare with; `zone` is
    where people are taken to be who have no `timezone` trait. What it sends is of `message_class`, for a `purpose` that
    people consent to, and of higher `priority` first."""

    entry: Entry
    steps: tuple[Step, ...] = ()
    goal: Goal | None = None
    leaving: Leaving = Leaving()
    again: Again = "never"
    again_minutes: int = 0
    holdout: float = 0.0
    message_class: Literal["marketing", "transactional"] = "marketing"
    purpose: str = ""
    priority: int = 0
    zone: str = "UTC"

    @property
    def first(self) -> str:
        """Where everybody begins."""
        return self.steps[0].id if self.steps else ""

    def step(self, name: str) -> Step | None:
        """A step by its id."""
        return next((one for one in self.steps if one.id == name), None)


def ways(step: Step) -> Iterator[tuple[str, str]]:
    """Where one may go from a step: what the way is called in passages, and the id of the next step."""
    match step:
        case WaitEvent():
            yield "happened", step.next
            yield "timed_out", step.otherwise
        case Branch():
            yield from ((f"case {place}", one.next) for place, one in enumerate(step.cases, 1))
            yield "otherwise", step.otherwise
        case Split():
            yield from ((f"part {place}", one.next) for place, one in enumerate(step.parts, 1))
        case InExperiment():
            yield from ((f"variant {key}", target) for key, target in step.variants.items())
            yield "otherwise", step.otherwise
        case Exit():
            return
        case _:
            yield "next", step.next


def listened(spec: Spec) -> frozenset[str]:
    """The events by which people enter or are looked at again."""
    names = {step.event for step in spec.steps if isinstance(step, WaitEvent)}
    if isinstance(spec.entry, OnEvent):
        names.add(spec.entry.event)
    if spec.goal is not None:
        names.add(spec.goal.event)
    return frozenset(names | {spec.leaving.event} - {""})


def asked_events(spec: Spec) -> frozenset[str]:
    """The events that deciding about somebody reads."""
    names = {step.event for step in spec.steps if isinstance(step, WaitEvent)} | {spec.leaving.event}
    if spec.goal is not None and spec.goal.ends:
        names.add(spec.goal.event)
    for step in spec.steps:
        if isinstance(step, Branch):
            names.update(str(case.when["event"]) for case in step.cases if "event" in case.when)
        if isinstance(step, Send) and isinstance(spec.entry, OnEvent):
            names.add(spec.entry.event)
    return frozenset(names - {""})


def segments_of(spec: Spec) -> frozenset[str]:
    """The slugs of all segments that it names."""
    names = {str(case.when["segment"]) for step in spec.steps if isinstance(step, Branch)
             for case in step.cases if "segment" in case.when}  # fmt: skip
    if not isinstance(spec.entry, OnEvent):
        names.add(spec.entry.segment)
    return frozenset(names | {spec.leaving.segment} - {""})


def experiments_of(spec: Spec) -> frozenset[str]:
    """The slugs of the experiments that it asks."""
    return frozenset(step.experiment for step in spec.steps if isinstance(step, InExperiment))


def templates_of(spec: Spec) -> frozenset[str]:
    """The slugs of the templates that it sends."""
    return frozenset(step.template for step in spec.steps if isinstance(step, Send))


def lists_of(spec: Spec) -> frozenset[str]:
    """The slugs of the static lists that it changes."""
    return frozenset(step.list for step in spec.steps if isinstance(step, OnList))


def in_order(steps: Sequence[Step]) -> list[Step]:
    """The steps that can be reached, each after all that lead to it. Raises ValueError with the id of a step that leads
    back to itself."""
    known, done, under_way = {one.id: one for one in steps}, list[Step](), set[str]()
    seen = set[str]()

    def visit(name: str) -> None:
        if name in under_way:
            raise ValueError(name)
        if name in seen or name not in known:
            return
        under_way.add(name)
        # Last way first: reversed at the end, the first way comes first.
        for _, target in reversed(list(ways(known[name]))):
            visit(target)
        under_way.discard(name)
        seen.add(name)
        done.append(known[name])

    if steps:
        visit(steps[0].id)
    return done[::-1]
