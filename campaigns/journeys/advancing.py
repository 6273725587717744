"""What happens to somebody in a campaign now: a pure function of the document, the person's standing, facts and time.

`advance` goes from step to step until the person has to wait, something must be done outside first, or the end. It may
be called at any time and as often as one likes: whoever has to wait is told the same instant again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from campaigns.experiments.assigning import share
from campaigns.journeys.contracts import Passed
from campaigns.journeys.spec import (
    Branch,
    Call,
    Exit,
    Filters,
    InExperiment,
    OnEvent,
    OnList,
    Reach,
    Send,
    Spec,
    Split,
    Step,
    Update,
    Wait,
    WaitEvent,
    WaitWindow,
)
from segments.contracts import filters_hold, trait_holds

Lane: TypeAlias = Literal["", "list", "webhook"]
ZONE_TRAITS = ("timezone", "time_zone")


class Happened(NamedTuple):
    """An event of the person."""

    at: datetime
    properties: Mapping[str, Any]


class Assigned(NamedTuple):
    """The variant that an experiment has for the person; with `taking_part` it is seen, and counts."""

    variant: str
    taking_part: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody is. `unit` is what draws are made of; `acted`: what the step does outside is done, or
    was tried in vain (`failed`)."""

    unit: str
    entered_at: datetime
    step: str
    arrived_at: datetime
    acted: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision may ask about the person; events are those since the entry."""

    traits: Mapping[str, Any] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    events: Mapping[str, Sequence[Happened]] = field(default_factory=dict)
    variants: Mapping[str, Assigned] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tell:
    """Traits to say of the person."""

    step: str
    traits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expose:
    """The person sees a variant now."""

    step: str
    experiment: str
    variant: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message to ask for."""

    step: str
    template: str
    channels: tuple[str, ...]
    variables: Mapping[str, Any]


Act: TypeAlias = Tell | Expose | Message


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the person is now. `due_at`: when to look again; `lane`: what must be done outside before that; `ended`:
    why it is over ("finished", "goal", "left"), empty while it is not."""

    step: str
    arrived_at: datetime
    due_at: datetime | None
    lane: Lane = ""
    ended: str = ""
    passed: tuple[Passed, ...] = ()
    acts: tuple[Act, ...] = ()
    reached: bool = False


def advance(spec: Spec, standing: Standing, facts: Facts, *, seed: str, now: datetime) -> Decision:
    """The next standing, what is to be done, and when to look again. The graph has no circles, so it ends."""
    passed, acts, reached = list[Passed](), list[Act](), False
    why = _over(spec, standing, facts)
    if why:
        here = (Passed(standing.step, why, standing.arrived_at, now),) if standing.step else ()
        return Decision("", now, None, ended=why, passed=here, reached=why == "goal")
    told = facts
    while (step := spec.step(standing.step)) is not None and not isinstance(step, Exit):
        found = _decide(step, standing, told, spec, seed=seed, now=now)
        if isinstance(found, _Stay):
            return Decision(
                standing.step, standing.arrived_at, found.until, found.lane, passed=tuple(passed), acts=tuple(acts),
                reached=reached,
            )  # fmt: skip
        acts.extend(found.acts)
        reached = reached or isinstance(step, Reach)
        if isinstance(step, Update):
            # A branch right after it sees what was said, before the pipeline has applied it.
            told = replace(told, traits={**told.traits, **step.traits})
        passed.append(Passed(step.id, found.way, standing.arrived_at, now))
        standing = Standing(standing.unit, standing.entered_at, found.next, now)
    if standing.step:
        passed.append(Passed(standing.step, "end", standing.arrived_at, now))
    ended = "goal" if reached else "finished"
    return Decision("", now, None, ended=ended, passed=tuple(passed), acts=tuple(acts), reached=reached)


@dataclass(frozen=True, slots=True)
class _Stay:
    until: datetime
    lane: Lane = ""


@dataclass(frozen=True, slots=True)
class _Go:
    way: str
    next: str
    acts: tuple[Act, ...] = ()


def _decide(step: Step, standing: Standing, facts: Facts, spec: Spec, *, seed: str, now: datetime) -> _Stay | _Go:
    match step:
        case Wait() | WaitEvent() | WaitWindow():
            return _wait(step, standing, facts, zone=zone_of(facts.traits, spec.zone), now=now)
        case Send():
            told = {**step.variables, **_entered_by(spec, standing, facts)}
            return _Go("asked", step.next, (Message(step.id, step.template, step.channels, told),))
        case Branch() | Split() | InExperiment():
            return _fork(step, standing, facts, seed=seed, now=now)
        case OnList() | Call():
            return _outside(step, standing, now)
        case Update():
            return _Go("next", step.next, (Tell(step.id, step.traits),))
        case _:
            return _Go("next", step.next if isinstance(step, Reach) else "")


def _entered_by(spec: Spec, standing: Standing, facts: Facts) -> dict[str, Any]:
    """The properties of the event by which somebody entered, as the variable `event`."""
    if not isinstance(spec.entry, OnEvent):
        return {}
    found = next((one for one in facts.events.get(spec.entry.event, ()) if one.at == standing.entered_at), None)
    return {} if found is None else {"event": dict(found.properties)}


def _fork(
    step: Branch | Split | InExperiment, standing: Standing, facts: Facts, *, seed: str, now: datetime
) -> _Go:  # fmt: skip
    if isinstance(step, Split):
        return _split(step, standing, seed)
    if isinstance(step, Branch):
        for place, case in enumerate(step.cases, 1):
            if _holds(case.when, standing, facts, now=now):
                return _Go(f"case {place}", case.next)
        return _Go("otherwise", step.otherwise)
    assigned = facts.variants.get(step.experiment)
    if assigned is None or assigned.variant not in step.variants:
        return _Go("otherwise", step.otherwise)
    acts = (Expose(step.id, step.experiment, assigned.variant),) if assigned.taking_part else ()
    return _Go(f"variant {assigned.variant}", step.variants[assigned.variant], acts)


def _outside(step: OnList | Call, standing: Standing, now: datetime) -> _Stay | _Go:
    if standing.acted:
        return _Go("failed" if standing.failed else "next", step.next)
    return _Stay(now, "list" if isinstance(step, OnList) else "webhook")


def _wait(
    step: Wait | WaitEvent | WaitWindow, standing: Standing, facts: Facts, *, zone: ZoneInfo, now: datetime
) -> _Stay | _Go:  # fmt: skip
    if isinstance(step, WaitWindow):
        opens = next_open(step, zone, now)
        return _Go("next", step.next) if opens <= now else _Stay(opens)
    until = standing.arrived_at + timedelta(minutes=step.minutes)
    if isinstance(step, Wait):
        return _Go("next", step.next) if until <= now else _Stay(until)
    happened = happened_after(facts, step.event, step.where, standing.arrived_at)
    # What came in late counts by when it happened.
    if happened is not None and happened <= until:
        return _Go("happened", step.next)
    return _Go("timed_out", step.otherwise) if until <= now else _Stay(until)


def next_open(step: WaitWindow, zone: ZoneInfo, now: datetime) -> datetime:
    """The first instant from `now` on that lies in the window. A time of day that clocks skip comes as much later; of
    one that they show twice, the first counts. A window that ends before it starts goes over midnight."""
    local = now.astimezone(zone)
    start, end = time.fromisoformat(step.start), time.fromisoformat(step.end)
    for ahead in range(-1, 9):
        day = local.date() + timedelta(days=ahead)
        if day.isoweekday() not in step.days:
            continue
        opens = datetime.combine(day, start, zone).astimezone(UTC)
        last = day + timedelta(days=1) if end <= start else day
        closes = datetime.combine(last, end, zone).astimezone(UTC)
        if now < closes:
            return max(now, opens)
    raise ValueError("a window has at least one day")


def happened_after(facts: Facts, event: str, where: Filters, after: datetime) -> datetime | None:
    """When the first such event after an instant happened."""
    return min(
        (one.at for one in facts.events.get(event, ()) if one.at > after and filters_hold(where, one.properties)),
        default=None,
    )


def _holds(when: Mapping[str, Any], standing: Standing, facts: Facts, *, now: datetime) -> bool:
    if "segment" in when:
        return when["segment"] in facts.segments
    if "event" in when:
        where = tuple(when.get("where", ()))
        return happened_after(facts, when["event"], where, standing.entered_at) is not None
    return trait_holds(when, facts.traits, now=now)


def _split(step: Split, standing: Standing, seed: str) -> _Go:
    drawn = share(seed, f"split {step.id}", standing.unit) * sum(one.weight for one in step.parts)
    for place, one in enumerate(step.parts, 1):
        drawn -= one.weight
        if drawn < 0:
            return _Go(f"part {place}", one.next)
    return _Go(f"part {len(step.parts)}", step.parts[-1].next)


def _over(spec: Spec, standing: Standing, facts: Facts) -> str:
    goal, leaving = spec.goal, spec.leaving
    if goal is not None and goal.ends:
        done = happened_after(facts, goal.event, goal.where, standing.entered_at)
        if done is not None and done <= standing.entered_at + timedelta(minutes=goal.minutes):
            return "goal"
    if leaving.event and happened_after(facts, leaving.event, leaving.where, standing.entered_at) is not None:
        return "left"
    return "left" if leaving.segment and leaving.segment not in facts.segments else ""


def zone_of(traits: Mapping[str, Any], fallback: str) -> ZoneInfo:
    """Where a person is by his traits, or the fallback."""
    for name in ZONE_TRAITS:
        told = traits.get(name)
        if isinstance(told, str) and told:
            try:
                return ZoneInfo(told)
            except (KeyError, ValueError, OSError):
                continue
    return ZoneInfo(fallback)
