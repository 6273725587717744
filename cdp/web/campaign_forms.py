"""The forms of a campaign: who enters and why, and what each kind of step does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django import forms
from django.utils import timezone

from campaigns import selectors as campaigns
from campaigns.contracts import CHANNELS, CampaignSpec
from cdp.web.campaign_words import KINDS, Names, title
from cdp.web.event_filters import FILTERS_HINT, EventFilters
from cdp.web.forms import CalmForm, JsonText, event_input
from privacy import selectors as privacy
from segments import selectors as segments

_AGAIN = (
    ("never", "never"), ("after_exit", "when the last journey is over"), ("always", "always"),
)  # fmt: skip


def segment_choices(empty: str) -> list[tuple[str, str]]:
    """All segments by slug."""
    return [("", empty), *((one.slug, one.name) for one in segments.segments())]


class CampaignForm(CalmForm):
    """Everything but the steps."""

    name = forms.CharField(label="Name", max_length=200)
    entry = forms.ChoiceField(label="Who enters", choices=[
        ("event", "whoever does something"), ("entry", "whoever enters a segment"),
        ("exit", "whoever leaves a segment"),
        ("broadcast", "all of a segment, at a time"),
    ])  # fmt: skip
    event = forms.CharField(
        label="Event", max_length=200, required=False, help_text="For those who do something.", widget=event_input()
    )
    where = EventFilters(label="Only events with", required=False, help_text=FILTERS_HINT)
    key = forms.CharField(
        label="Each value of this property enters on its own", max_length=200, required=False,
        help_text="Such as order_id. Empty: people enter, not orders.",
    )  # fmt: skip
    segment = forms.ChoiceField(label="Segment", required=False, choices=lambda: segment_choices("(none)"))
    at = forms.DateTimeField(
        label="When", required=False, help_text="In your own time zone. Empty: when it is started.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    every = forms.ChoiceField(label="How often", choices=[
        ("once", "once"), ("day", "every day"), ("week", "every week"), ("month", "every month"),
    ])  # fmt: skip
    local = forms.BooleanField(label="To each person at that time of day where they are", required=False)
    again = forms.ChoiceField(label="May somebody enter again?", choices=_AGAIN)
    again_minutes = forms.IntegerField(
        label="Minutes between two entries", min_value=0, initial=0, help_text="A day has 1,440."
    )
    goal_event = forms.CharField(
        label="Goal: the event that it is for", max_length=200, required=False, widget=event_input()
    )
    goal_hours = forms.IntegerField(label="Hours from the entry that count for the goal", min_value=1, initial=168)
    goal_ends = forms.BooleanField(label="Whoever reaches the goal leaves at once", required=False, initial=True)
    leaving_event = forms.CharField(
        label="People also leave after this event", max_length=200, required=False, widget=event_input()
    )
    leaving_segment = forms.ChoiceField(
        label="People leave when they are not in", required=False, choices=lambda: segment_choices("(nothing)")
    )
    holdout = forms.FloatField(
        label="Percent who get nothing, to compare with", min_value=0, max_value=50, initial=10,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip
    message_class = forms.ChoiceField(label="Its messages are", choices=[
        ("marketing", "marketing"), ("transactional", "transactional")
    ])  # fmt: skip
    purpose = forms.ChoiceField(
        label="For the purpose", required=False,
        choices=lambda: [("", "(none)"), *((one.key, one.name) for one in privacy.purposes())],
        help_text="Marketing goes to those who consented to it only.",
    )  # fmt: skip
    priority = forms.IntegerField(label="Priority", initial=0, help_text="Of higher priority goes first.")
    zone = forms.CharField(label="Time zone of those whose own is not known", max_length=64, initial="UTC")

    def __init__(self, data: Any = None, *, spec: CampaignSpec, name: str) -> None:
        self._spec = msgspec.to_builtins(spec)
        super().__init__(data, initial={**self._shown(), "name": name})
        purpose = self._spec.get("purpose")
        known = [value for value, _ in self.fields["purpose"].choices]  # type: ignore[attr-defined]
        if purpose and purpose not in known:
            self.fields["purpose"].choices = [*self.fields["purpose"].choices, (purpose, purpose)]  # type: ignore[attr-defined]

    def _shown(self) -> dict[str, Any]:
        spec = self._spec
        entry, goal, leaving = spec["entry"], spec.get("goal") or {}, spec["leaving"]
        kind = {"event": "event", "broadcast": "broadcast"}.get(entry["kind"]) or entry.get("on", "entry")
        at = datetime.fromisoformat(entry["at"]) if entry.get("at") else None
        return {
            **{name: entry[name] for name in ("event", "where", "key", "segment", "every", "local") if name in entry},
            "entry": kind, "at": timezone.localtime(at) if at else None, "again": spec["again"],
            "again_minutes": spec["again_minutes"], "goal_event": goal.get("event", ""),
            "goal_hours": max(1, goal.get("minutes", 10_080) // 60), "goal_ends": goal.get("ends", True),
            "leaving_event": leaving["event"], "leaving_segment": leaving["segment"], "holdout": spec["holdout"],
            "message_class": spec["message_class"], "purpose": spec["purpose"], "priority": spec["priority"],
            "zone": spec["zone"],
        }  # fmt: skip

    def document(self) -> dict[str, Any]:
        """The document with what was given; what the form does not ask for stays."""
        given, old = self.cleaned_data, self._spec
        same_goal = (old.get("goal") or {}).get("event") == given["goal_event"]
        goal = {
            "event": given["goal_event"], "minutes": 60 * given["goal_hours"], "ends": given["goal_ends"],
            "where": old["goal"]["where"] if same_goal and old.get("goal") else [],
        }  # fmt: skip
        same_leaving = old["leaving"]["event"] == given["leaving_event"]
        leaving = {
            "event": given["leaving_event"], "segment": given["leaving_segment"],
            "where": old["leaving"]["where"] if same_leaving else [],
        }  # fmt: skip
        kept = ("again", "again_minutes", "holdout", "message_class", "purpose", "priority", "zone")
        return {
            **old, **{name: given[name] for name in kept}, "entry": self._entry(given),
            "goal": goal if given["goal_event"] else None, "leaving": leaving,
        }  # fmt: skip

    def _entry(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if given["entry"] == "event":
            late = self._spec["entry"].get("late_minutes", 1_440)
            return {"kind": "event", "event": given["event"], "key": given["key"], "where": given["where"] or [],
                    "late_minutes": late}  # fmt: skip
        if given["entry"] == "broadcast":
            at = given["at"].isoformat() if given["at"] else None
            return {"kind": "broadcast", "segment": given["segment"], "at": at, "every": given["every"],
                    "local": given["local"]}  # fmt: skip
        return {"kind": "segment", "segment": given["segment"], "on": given["entry"]}


class AddStepForm(CalmForm):
    """A new step, and behind which one."""

    kind = forms.ChoiceField(label="Add a step", choices=KINDS)
    after = forms.ChoiceField(label="After", required=False)

    def __init__(self, *args: Any, steps: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ending = [step["id"] for step in steps if step["kind"] != "exit"]
        choices = [("", "(in front)"), *((step["id"], title(step)) for step in steps if step["id"] in ending)]
        self.fields["after"].choices = choices  # type: ignore[attr-defined]
        self.fields["after"].initial = ending[-1] if ending else ""


class TryForm(CalmForm):
    """Who is tried, and what happens."""

    person = forms.CharField(
        label="A real person", required=False, max_length=1100,
        help_text="A profile's id, or an identifier such as email:ana@example.org. Empty: somebody made up.",
    )  # fmt: skip
    traits = JsonText(label="Traits of somebody made up", rows=2, required=False, initial={})
    members = forms.MultipleChoiceField(
        label="In these segments", required=False, widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(one.slug, one.name) for one in segments.segments()],
    )  # fmt: skip
    events = forms.CharField(
        label="What they do after entering", required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line: minutes, then the event, such as “20 Order Completed”.",
    )  # fmt: skip

    def clean_events(self) -> tuple[tuple[int, str, Mapping[str, Any]], ...]:
        found = []
        for line in str(self.cleaned_data["events"]).splitlines():
            minutes, _, event = line.strip().partition(" ")
            if not line.strip():
                continue
            if not minutes.isdecimal() or len(minutes) > 6 or not event.strip():
                raise forms.ValidationError("Write minutes and an event on each line, such as 20 Order Completed.")
            found.append((int(minutes), event.strip(), dict[str, Any]()))
        return tuple(found)

    def clean_traits(self) -> Any:
        traits = self.cleaned_data["traits"] or {}
        if not isinstance(traits, dict):
            raise forms.ValidationError("Give an object, such as {“plan”: “pro”}.")
        return traits


def step_targets(steps: Sequence[Mapping[str, Any]], name: str) -> list[tuple[str, str]]:
    """Where a step may lead: the end, or any other one."""
    return [("", "(the end)"), *((step["id"], title(step)) for step in steps if step["id"] != name)]


def templates() -> list[tuple[str, str]]:
    """Templates that can be sent, and drafts of them."""
    return [("", "(choose)"), *(
        (one.slug, one.name if one.live else f"{one.name} (not published)") for one in campaigns.templates()
    )]  # fmt: skip


def names() -> Names:
    """What people here call segments, templates and experiments."""
    return Names(
        {one.slug: one.name for one in segments.segments()}, {one.slug: one.name for one in campaigns.templates()},
        {one.slug: one.name for one in campaigns.experiments()},
    )  # fmt: skip


def channel_choices() -> list[tuple[str, str]]:
    return [("", "(none)"), *((one, one) for one in CHANNELS)]
