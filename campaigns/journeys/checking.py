"""Whether a campaign's document can be run. Pure; what it names elsewhere is looked up by the services."""

import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time
from typing import Any

import msgspec

from campaigns.journeys.contracts import InvalidCampaign
from campaigns.journeys.spec import (
    Branch,
    Broadcast,
    Call,
    Filters,
    InExperiment,
    OnEvent,
    OnList,
    Send,
    Spec,
    Split,
    Step,
    Update,
    Wait,
    WaitEvent,
    WaitWindow,
    in_order,
    ways,
)
from campaigns.messages.contracts import CHANNELS
from common.http import HttpProblem, checked_url
from segments.contracts import RuleError, check_filters, check_trait

MOST_STEPS, MOST_WAYS = 60, 10
LONGEST = 366 * 1_440
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LONGEST_TEXT = 200


def read_spec(given: Any) -> Spec:
    """The document of a JSON value; it may be unfinished. Raises InvalidCampaign for what is none."""
    try:
        return msgspec.convert(given, Spec)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        where = re.sub(r"\[(\d+)\]", r"/\1", path.rstrip("`").removeprefix("$")).replace(".", "/")
        raise InvalidCampaign({where or "/": f"{what}."}) from None


def expect_runnable(spec: Spec) -> None:
    """Raises InvalidCampaign with everything that keeps it from running."""
    if wrong := dict(faults(spec)):
        raise InvalidCampaign(wrong)


def faults(spec: Spec) -> Iterator[tuple[str, str]]:
    """What is wrong, by JSON pointer."""
    yield from _entry_faults(spec)
    yield from _frame_faults(spec)
    if spec.goal is not None:
        yield from _event_faults("/goal", spec.goal.event, spec.goal.where)
        if not 1 <= spec.goal.minutes <= LONGEST:
            yield "/goal/minutes", "Give minutes from the entry on, a year at the most."
    if spec.leaving.event:
        yield from _event_faults("/leaving", spec.leaving.event, spec.leaving.where)
    elif spec.leaving.where:
        yield "/leaving/where", "Name the event that these filters are of."
    yield from _graph_faults(spec.steps)
    for place, step in enumerate(spec.steps):
        for name, what in _CHECKS.get(type(step), _nothing)(step):
            yield f"/steps/{place}/{name}", what


def _frame_faults(spec: Spec) -> Iterator[tuple[str, str]]:
    if not 0 <= spec.holdout <= 50:
        yield "/holdout", "Give a percentage of 0 to 50."
    if spec.zone not in zoneinfo.available_timezones():
        yield "/zone", "Name a time zone by its place, such as Europe/Berlin, or UTC."
    if spec.message_class == "marketing" and not spec.purpose and any(isinstance(one, Send) for one in spec.steps):
        yield "/purpose", "Marketing needs the purpose that people consent to. Name one."
    if not -(1 << 31) <= spec.priority < 1 << 31:
        yield "/priority", "Give a whole number of 32 bits."
    if not 0 <= spec.again_minutes <= LONGEST:
        yield "/again_minutes", "Give minutes of a year at the most; 0: at once."


def _entry_faults(spec: Spec) -> Iterator[tuple[str, str]]:
    entry = spec.entry
    if isinstance(entry, OnEvent):
        yield from _event_faults("/entry", entry.event, entry.where)
        if not 1 <= entry.late_minutes <= LONGEST:
            yield "/entry/late_minutes", "Give minutes, a year at the most."
        return
    if not entry.segment:
        yield "/entry/segment", "Choose a segment."
    if isinstance(entry, Broadcast):
        if (entry.every != "once" or entry.local) and entry.at is None:
            yield "/entry/at", "Say when: its time of day is that of each time."
        if entry.at is not None and entry.at.tzinfo is None:
            yield "/entry/at", "Give the time with its offset, such as 2026-01-31T09:00:00Z."


def _graph_faults(steps: Sequence[Step]) -> Iterator[tuple[str, str]]:
    if not 1 <= len(steps) <= MOST_STEPS:
        yield "/steps", f"Give 1 to {MOST_STEPS} steps."
        return
    names = [step.id for step in steps]
    for place, step in enumerate(steps):
        yield from ((f"/steps/{place}{where}", what) for where, what in _node_faults(step, names[:place], names))
    try:
        reached = {step.id for step in in_order(steps)}
    except ValueError as circle:
        yield "/steps", f"The step {circle} leads back to itself. People would never leave."
        return
    for place, step in enumerate(steps):
        if step.id not in reached:
            yield f"/steps/{place}", "No step leads here. Lead one to it, or remove it."


def _node_faults(step: Step, before: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not _ID.fullmatch(step.id):
        yield "/id", "Give small letters, digits, dashes and underscores, 40 at the most."
    elif step.id in before:
        yield "/id", "Another step has this id."
    if len(step.name) > _LONGEST_TEXT:
        yield "/name", f"Give a text of at most {_LONGEST_TEXT} characters."
    for way, target in ways(step):
        if target and target not in names:
            yield "", f"The way “{way}” leads to {target}, and there is no such step."


def _nothing(_: Any) -> Iterator[tuple[str, str]]:
    return iter(())


def _send_faults(step: Send) -> Iterator[tuple[str, str]]:
    if not step.template:
        yield "template", "Choose a template."
    if not step.channels or len(set(step.channels)) < len(step.channels) or set(step.channels) - set(CHANNELS):
        yield "channels", f"Name channels of {', '.join(CHANNELS)}, in the order in which they are tried."


def _wait_faults(step: Wait) -> Iterator[tuple[str, str]]:
    yield from _minutes(step.minutes)


def _wait_event_faults(step: WaitEvent) -> Iterator[tuple[str, str]]:
    yield from ((name.strip("/"), what) for name, what in _event_faults("", step.event, step.where))
    yield from _minutes(step.minutes)


def _branch_faults(step: Branch) -> Iterator[tuple[str, str]]:
    if not 1 <= len(step.cases) <= MOST_WAYS:
        yield "cases", f"Give 1 to {MOST_WAYS} cases."
    for place, case in enumerate(step.cases):
        yield from ((f"cases/{place}/when", what) for what in _when_faults(case.when))


def _split_faults(step: Split) -> Iterator[tuple[str, str]]:
    if not 2 <= len(step.parts) <= MOST_WAYS:
        yield "parts", f"Give 2 to {MOST_WAYS} ways."
    if any(not 0 < part.weight <= 1_000_000 for part in step.parts):
        yield "parts", "Give each way a weight above zero."


def _named_faults(step: InExperiment | OnList) -> Iterator[tuple[str, str]]:
    if isinstance(step, InExperiment) and not step.experiment:
        yield "experiment", "Choose an experiment."
    if isinstance(step, OnList) and not step.list:
        yield "list", "Choose a list."


def _update_faults(step: Update) -> Iterator[tuple[str, str]]:
    if not step.traits or any(not 0 < len(name) <= _LONGEST_TEXT for name in step.traits):
        yield "traits", "Give at least one trait with a name."


def _call_faults(step: Call) -> Iterator[tuple[str, str]]:
    try:
        checked_url(step.url)
    except HttpProblem as wrong:
        yield "url", str(wrong)


def _minutes(given: int) -> Iterator[tuple[str, str]]:
    if not 1 <= given <= LONGEST:
        yield "minutes", "Give minutes, from 1 to a year."


def _window_faults(step: WaitWindow) -> Iterator[tuple[str, str]]:
    for name, text in (("start", step.start), ("end", step.end)):
        if not re.fullmatch(r"\d\d:\d\d", text) or not _is_time(text):
            yield name, "Give a time of day such as 09:00."
    if step.start == step.end:
        yield "end", "Give another time than that of the start."
    if not step.days or not set(step.days) <= set(range(1, 8)):
        yield "days", "Give days of the week from 1 (Monday) to 7."


def _is_time(text: str) -> bool:
    try:
        time.fromisoformat(text)
    except ValueError:
        return False
    return True


def _when_faults(when: Mapping[str, Any]) -> Iterator[str]:
    kinds = [kind for kind in ("trait", "segment", "event") if kind in when]
    if len(kinds) != 1:
        yield "Give one of: a trait, a segment, an event since the entry."
    elif kinds[0] == "trait":
        try:
            check_trait(when)
        except RuleError as wrong:
            yield str(wrong.problems[0].message)
    elif kinds[0] == "segment":
        if set(when) != {"segment"} or not isinstance(when["segment"], str) or not when["segment"]:
            yield "Choose a segment."
    elif set(when) - {"event", "where"}:
        yield "Give an event, and filters on its properties as `where`."
    else:
        yield from (what for _, what in _event_faults("", when["event"], when.get("where", ())))


def _event_faults(where: str, event: Any, filters: Filters | Any) -> Iterator[tuple[str, str]]:
    if not isinstance(event, str) or not 0 < len(event) <= _LONGEST_TEXT:
        yield f"{where}/event", f"Name an event, in 1 to {_LONGEST_TEXT} characters."
    try:
        check_filters(filters)
    except (RuleError, TypeError) as wrong:
        told = wrong.problems[0] if isinstance(wrong, RuleError) else None
        yield f"{where}{told.pointer if told else '/where'}", told.message if told else "Give a list of filters."


_CHECKS: Mapping[type[Any], Callable[[Any], Iterator[tuple[str, str]]]] = {
    Send: _send_faults,
    Wait: _wait_faults,
    WaitEvent: _wait_event_faults,
    WaitWindow: _window_faults,
    Branch: _branch_faults,
    Split: _split_faults,
    InExperiment: _named_faults,
    OnList: _named_faults,
    Update: _update_faults,
    Call: _call_faults,
}
