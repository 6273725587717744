"""What pages call the parts of a campaign. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from campaigns.contracts import CampaignSpec
from events.contracts import spoken

KINDS = (
    ("send", "Send a message"), ("wait", "Wait for a time"), ("wait_event", "Wait until something happens"),
    ("wait_window", "Wait until a time of day"), ("branch", "Branch"), ("split", "Split by chance"),
    ("experiment", "Experiment"), ("list", "Put on or take off a list"), ("trait", "Say a trait"),
    ("webhook", "Call an address"), ("goal", "Goal reached"), ("exit", "End"),
)  # fmt: skip
ICONS = {
    "send": "mail", "wait": "clock", "wait_event": "hourglass", "wait_window": "sun", "branch": "arrows-split-2",
    "split": "arrows-split-2", "experiment": "scale", "list": "list-check", "trait": "id", "webhook": "webhook",
    "goal": "target", "exit": "circle-check",
}  # fmt: skip
_OPS = {
    "eq": "is", "ne": "is not", "lt": "<", "lte": "≤", "gt": ">", "gte": "≥", "exists": "is known",
    "missing": "is not known",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What people call the things that a document names by slug."""

    segments: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    experiments: Mapping[str, str] = field(default_factory=dict)

    def segment(self, slug: str) -> str:
        return self.segments.get(slug, slug)


def title(step: Mapping[str, Any]) -> str:
    """A step's name, or what it does."""
    return str(step.get("name") or dict(KINDS)[step["kind"]])


def lasting(minutes: int) -> str:
    """A length of time in its largest whole unit."""
    for size, word in ((1_440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            count = minutes // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return f"{minutes} minutes"


def detail(step: Mapping[str, Any], names: Names) -> str:
    """What a step does, in a line."""
    told = {
        "send": lambda: (
            f"{names.templates.get(step['template'], step['template']) or '(no template)'} by"
            f" {', else '.join(step.get('channels', ())) or '(no channel)'}"
        ),
        "wait": lambda: lasting(step["minutes"]),
        "wait_event": lambda: f"until {spoken(step['event'])}, {lasting(step['minutes'])} at the most",
        "wait_window": lambda: f"until {step.get('start', '09:00')}–{step.get('end', '20:00')} where the person is",
        "branch": lambda: "; ".join(when(case["when"], names) for case in step["cases"]),
        "split": lambda: " : ".join(f"{part['weight']:g}" for part in step["parts"]),
        "experiment": lambda: names.experiments.get(step["experiment"], step["experiment"]) or "(none)",
        "list": lambda: f"{'off' if step.get('do') == 'remove' else 'on'} {names.segment(step['list']) or '(no list)'}",
        "trait": lambda: ", ".join(f"{key} = {value}" for key, value in step["traits"].items()),
        "webhook": lambda: str(step["url"]),
    }.get(step["kind"])
    return told() if told else ""


def when(condition: Mapping[str, Any], names: Names) -> str:
    """The condition of a case."""
    if "segment" in condition:
        return f"in {names.segment(condition['segment'])}"
    if "event" in condition:
        return f"did {spoken(condition['event'])}"
    value = condition.get("value", "")
    return f"{condition.get('trait')} {_OPS.get(condition.get('is', ''), condition.get('is'))} {value}".strip()


def entry(spec: CampaignSpec, names: Names) -> str:
    """How people enter."""
    found = msgspec.to_builtins(spec.entry)
    if found["kind"] == "event":
        return f"whoever does {spoken(found['event'])}" + (f", by {found['key']}" if found["key"] else "")
    if found["kind"] == "segment":
        return f"whoever {'enters' if found['on'] == 'entry' else 'leaves'} {names.segment(found['segment'])}"
    again = {"once": "", "day": ", every day", "week": ", every week", "month": ", every month"}[found["every"]]
    return f"all of {names.segment(found['segment'])}{again}" + (
        ", at each one's own time of day" if found["local"] else ""
    )


def way(step: Mapping[str, Any] | None, name: str, names: Names) -> str:
    """A way that was taken, in words."""
    kind, _, number = name.partition(" ")
    if step is not None and kind == "case" and number.isdecimal() and int(number) <= len(step.get("cases", ())):
        return when(step["cases"][int(number) - 1]["when"], names)
    if name.startswith("skipped: "):
        return f"decided against: {name.removeprefix('skipped: ').replace('_', ' ')}"
    words = {"queued": "asked for", "next": "went on", "happened": "it happened",
             "timed_out": "it did not happen in time", "end": "the end", "goal": "reached the goal", "left": "left",
             "failed": "could not be done"}  # fmt: skip
    return words.get(name, name)
