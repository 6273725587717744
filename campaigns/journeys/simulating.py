"""One person's path by a clock that is turned forward: the very function that moves real people. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from campaigns.journeys.advancing import Act, Assigned, Facts, Happened, Message, Standing, Tell, advance
from campaigns.journeys.contracts import MadeUp, Passed, Simulation
from campaigns.journeys.spec import Spec

# A campaign of the most steps, each waiting for a year, with events between.
_MOST_LOOKS = 500


def simulate(spec: Spec, person: MadeUp, *, seed: str, unit: str, start: datetime) -> Simulation:
    """The path of a person who enters at `start`; calls and lists are taken as done."""
    happened = sorted((start + timedelta(minutes=minutes), name, told) for minutes, name, told in person.events)
    variants = {slug: Assigned(key, taking_part=True) for slug, key in (person.variants or {}).items()}
    standing, now = Standing(unit, start, spec.first, start), start
    passed, acts = list[Passed](), list[str]()
    for _ in range(_MOST_LOOKS):
        events: dict[str, list[Happened]] = {}
        for at, name, told in happened:
            if at <= now:
                events.setdefault(name, []).append(Happened(at, told))
        facts = Facts(person.traits, person.segments, events, variants)
        found = advance(spec, standing, facts, seed=seed, now=now)
        passed.extend(found.passed)
        acts.extend(map(_words, found.acts))
        if found.ended or found.due_at is None:
            return Simulation(tuple(passed), tuple(acts), found.ended, now)
        if found.lane:
            standing = Standing(unit, start, found.step, found.arrived_at, acted=True)
            continue
        standing = Standing(unit, start, found.step, found.arrived_at)
        now = _next(now, found.due_at, [at for at, _, _ in happened])
    raise ValueError("the campaign does not end")


def _next(now: datetime, due: datetime, events: Sequence[datetime]) -> datetime:
    """The next instant at which something may change."""
    return min([due, *(at for at in events if at > now)])


def _words(act: Act) -> str:
    if isinstance(act, Tell):
        return f"says {', '.join(f'{key} = {value!r}' for key, value in act.traits.items())}"
    if isinstance(act, Message):
        return f"asks for the message {act.template} by {', else '.join(act.channels)}"
    return f"shows variant {act.variant} of {act.experiment}"
