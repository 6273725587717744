"""One form for each kind of step; each reads a step's document and gives it back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms

from campaigns import selectors as campaigns
from cdp.web.campaign_forms import channel_choices, segment_choices, step_targets, templates
from cdp.web.event_filters import FILTERS_HINT, EventFilters
from cdp.web.forms import CalmForm, JsonText, event_input
from segments import selectors as segments

Document = dict[str, Any]
_UNITS = (("1", "minutes"), ("60", "hours"), ("1440", "days"))
_DAYS = (("1", "Mon"), ("2", "Tue"), ("3", "Wed"), ("4", "Thu"), ("5", "Fri"), ("6", "Sat"), ("7", "Sun"))
_OPS = (
    ("eq", "is"), ("ne", "is not"), ("gt", "is greater than"), ("gte", "is at least"), ("lt", "is less than"),
    ("lte", "is at most"), ("contains", "contains"), ("exists", "is known"), ("missing", "is not known"),
)  # fmt: skip
_MOST_WAYS = 10


class StepForm(CalmForm):
    """What all steps have."""

    name = forms.CharField(label="Name", max_length=200, required=False, help_text="What the picture calls it.")

    def __init__(self, data: Any = None, *, step: Document, steps: Sequence[Document]) -> None:
        self.step, self._steps = step, steps
        super().__init__(data, initial=self.shown(step))
        self.add_fields()
        # Fields that were added here get their look too.
        for field in self.fields.values():
            kind = getattr(field.widget, "input_type", "text")
            field.widget.attrs.setdefault("class", "form-select" if kind == "select" else "form-control")

    def shown(self, step: Document) -> Document:
        """What the fields begin with."""
        return dict(step)

    def add_fields(self) -> None:
        """Fields that depend on the step."""
        self.add_way("next", "Then")

    def add_way(self, field: str, label: str, initial: str | None = None) -> None:
        """A field that says where a way leads."""
        self.fields[field] = forms.ChoiceField(
            label=label, required=False, choices=step_targets(self._steps, self.step["id"]),
            initial=self.step.get(field, "") if initial is None else initial,
        )  # fmt: skip

    def document(self) -> Document:
        """The step."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}


class SendForm(StepForm):
    template = forms.ChoiceField(label="Template", choices=templates, required=False)
    first = forms.ChoiceField(label="By", choices=channel_choices)
    second = forms.ChoiceField(label="Else by", choices=channel_choices, required=False)
    third = forms.ChoiceField(label="Else by", choices=channel_choices, required=False)
    variables = JsonText(label="Variables", rows=2, required=False, initial={}, help_text='Such as {"percent": 10}.')

    def shown(self, step: Document) -> Document:
        return {**step, **dict(zip(("first", "second", "third"), step.get("channels", ()), strict=False))}

    def document(self) -> Document:
        given = super().document()
        channels = [given.pop(name) for name in ("first", "second", "third") if name in given]
        channels = list(dict.fromkeys(one for one in channels if one))
        return {**given, "channels": channels, "variables": given.get("variables") or {}}


class _Minutes(StepForm):
    amount = forms.IntegerField(label="How long", min_value=1)
    unit = forms.ChoiceField(label="Unit", choices=_UNITS)

    def shown(self, step: Document) -> Document:
        size = next(size for size in (1_440, 60, 1) if step["minutes"] % size == 0)
        return {**step, "amount": step["minutes"] // size, "unit": str(size)}

    def document(self) -> Document:
        given = super().document()
        minutes = given.pop("amount") * int(given.pop("unit"))
        return {**given, "minutes": minutes}


class WaitForm(_Minutes):
    """Nothing but the time."""


class WaitEventForm(_Minutes):
    event = forms.CharField(label="Until this event", max_length=200, widget=event_input())
    where = EventFilters(label="Only events with", required=False, help_text=FILTERS_HINT)
    field_order = ("name", "event", "where", "amount", "unit")

    def add_fields(self) -> None:
        self.add_way("next", "When it happened")
        self.add_way("otherwise", "When it did not in time")

    def document(self) -> Document:
        given = super().document()
        return {**given, "where": given.get("where") or []}


class WaitWindowForm(StepForm):
    start = forms.TimeField(label="From", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    end = forms.TimeField(label="To", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    days = forms.MultipleChoiceField(label="On", choices=_DAYS, widget=forms.CheckboxSelectMultiple)

    def shown(self, step: Document) -> Document:
        return {**step, "days": [str(day) for day in step["days"]]}

    def document(self) -> Document:
        given = super().document()
        times = {name: f"{given[name]:%H:%M}" for name in ("start", "end")}
        return {**given, **times, "days": [int(day) for day in given["days"]]}


class BranchForm(StepForm):
    """Cases as they are, and one more to fill in."""

    def add_fields(self) -> None:
        cases = self.step.get("cases", [])
        for place in range(min(len(cases) + 1, _MOST_WAYS)):
            case = cases[place] if place < len(cases) else {"when": {}}
            when, number = case["when"], place + 1
            what = next((one for one in ("trait", "segment", "event") if one in when), "")
            self.fields[f"what-{place}"] = forms.ChoiceField(
                label=f"Case {number}", required=False, initial=what,
                choices=[("", "(no case)"), ("trait", "a trait"), ("segment", "in a segment"),
                         ("event", "did an event since entering")],
            )  # fmt: skip
            self.fields[f"subject-{place}"] = forms.CharField(
                label=f"Trait or event of case {number}", required=False, max_length=200,
                initial=when.get("trait") or when.get("event", ""),
            )  # fmt: skip
            self.fields[f"is-{place}"] = forms.ChoiceField(
                label=f"Comparison of case {number}", choices=_OPS, required=False, initial=when.get("is", "eq")
            )
            self.fields[f"value-{place}"] = forms.CharField(
                label=f"Value of case {number}", required=False, max_length=1000, initial=when.get("value", "")
            )
            self.fields[f"segment-{place}"] = forms.ChoiceField(
                label=f"Segment of case {number}", required=False, choices=segment_choices("(none)"),
                initial=when.get("segment", ""),
            )  # fmt: skip
            self.add_way(f"to-{place}", f"Then, in case {number}", case.get("next", ""))
        self.add_way("otherwise", "Else")

    def document(self) -> Document:
        given, cases = self.cleaned_data, list[Document]()
        for place in range(_MOST_WAYS):
            if given.get(f"what-{place}"):
                cases.append({"when": self._when(place, given), "next": given[f"to-{place}"]})
        return {"name": given["name"], "cases": cases, "otherwise": given["otherwise"]}

    def _when(self, place: int, given: Mapping[str, Any]) -> Document:
        what, subject = given[f"what-{place}"], given[f"subject-{place}"]
        if what == "segment":
            return {"segment": given[f"segment-{place}"]}
        cases = self.step.get("cases", [])
        old = cases[place]["when"] if place < len(cases) else {}
        if what == "event":
            where = {"where": old["where"]} if old.get("event") == subject and old.get("where") else {}
            return {"event": subject, **where}
        op = given[f"is-{place}"] or "eq"
        value = {} if op in ("exists", "missing") else {"value": plain(given[f"value-{place}"])}
        return {"trait": subject, "is": op, **value}


class SplitForm(StepForm):
    """Ways as they are, and one more to fill in."""

    def add_fields(self) -> None:
        parts = self.step.get("parts", [])
        for place in range(min(len(parts) + 1, _MOST_WAYS)):
            part = parts[place] if place < len(parts) else {}
            self.fields[f"weight-{place}"] = forms.FloatField(
                label=f"Weight of way {place + 1}", required=False, min_value=0, initial=part.get("weight"),
                widget=forms.NumberInput(attrs={"step": "any"}),
            )  # fmt: skip
            self.add_way(f"to-{place}", f"Way {place + 1} leads to", part.get("next", ""))

    def document(self) -> Document:
        given = self.cleaned_data
        parts = [
            {"weight": given[f"weight-{place}"], "next": given[f"to-{place}"]}
            for place in range(_MOST_WAYS) if given.get(f"weight-{place}")
        ]  # fmt: skip
        return {"name": given["name"], "parts": parts}


class ExperimentForm(StepForm):
    experiment = forms.ChoiceField(
        label="Experiment", required=False, help_text="Its variants are asked for once it is kept.",
        choices=lambda: [("", "(choose)"), *((one.slug, one.name) for one in campaigns.experiments())],
    )  # fmt: skip

    def add_fields(self) -> None:
        found = campaigns.experiment(self.step["experiment"]) if self.step.get("experiment") else None
        for one in found.variants if found else ():
            self.add_way(f"variant-{one.key}", f"Who sees {one.name}", self.step["variants"].get(one.key, ""))
        self.add_way("otherwise", "Who takes no part")

    def document(self) -> Document:
        given = self.cleaned_data
        found = campaigns.experiment(given["experiment"]) if given["experiment"] else None
        keys = [one.key for one in found.variants] if found else []
        ways = {key: given.get(f"variant-{key}", self.step["variants"].get(key, "")) for key in keys}
        return {"name": given["name"], "experiment": given["experiment"], "variants": ways,
                "otherwise": given["otherwise"]}  # fmt: skip


class ListForm(StepForm):
    do = forms.ChoiceField(label="What to do", choices=[("add", "put on the list"), ("remove", "take off the list")])
    list = forms.ChoiceField(
        label="List", required=False,
        choices=lambda: [("", "(choose)"), *((one.slug, one.name) for one in segments.static_lists())],
    )  # fmt: skip


class TraitForm(StepForm):
    traits = JsonText(label="Traits", rows=3, help_text='Such as {"cart": "reminded"}.')


class CallForm(StepForm):
    url = forms.CharField(label="Address", max_length=2000, help_text="https://…; it gets a signed POST.")


class ExitForm(StepForm):
    def add_fields(self) -> None:
        """It leads nowhere."""


def plain(text: str) -> Any:
    """A value as people type it: a number, a truth value, or a text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


STEP_FORMS: Mapping[str, Callable[..., StepForm]] = {
    "send": SendForm, "wait": WaitForm, "wait_event": WaitEventForm, "wait_window": WaitWindowForm,
    "branch": BranchForm, "split": SplitForm, "experiment": ExperimentForm, "list": ListForm, "trait": TraitForm,
    "webhook": CallForm, "goal": StepForm, "exit": ExitForm,
}  # fmt: skip
