"""The forms of slots and bandits: contents as lines, rules by what they ask and what they show."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import slugify

from campaigns import selectors as campaigns
from campaigns.contracts import SlotDocument, SlotView
from cdp.web.forms import CalmForm
from connectors import selectors as connectors
from segments import selectors as segments

_LINES = "One a line, such as title: Free delivery. Numbers, true, false and JSON are taken as such; all else is text."


def _sources() -> list[tuple[str, str]]:
    return [(str(one.id), one.name) for one in connectors.sources() if one.kind in ("web", "mobile")]


def _segments() -> list[tuple[str, str]]:
    return [("", "–"), *((one.slug, one.name) for one in segments.segments())]


def _experiments() -> list[tuple[str, str]]:
    return [("", "–"), *((one.slug, one.name) for one in campaigns.experiments() if one.kind == "test")]


def _bandits() -> list[tuple[str, str]]:
    return [("", "–"), *((one.slug, one.name) for one in campaigns.bandits())]


class FieldLines(forms.CharField):
    """Fields and their values as lines `field: value`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4, "class": "form-control mono"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return lines(value) if isinstance(value, Mapping) else value

    def clean(self, value: Any) -> dict[str, Any]:
        found = {}
        for line in str(super().clean(value)).splitlines():
            name, colon, text = line.partition(":")
            if not line.strip():
                continue
            if not colon:
                raise forms.ValidationError(f"“{line.strip()[:60]}” has no colon. Write field: value.")
            found[name.strip()] = _value(text.strip())
        return found


def lines(content: Mapping[str, Any]) -> str:
    """A content as lines."""
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in content.items()
    )


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(found, str) or found is None else found


class SlotForm(CalmForm):
    """What a slot is, and what it shows when nothing else is."""

    name = forms.CharField(label="Name", max_length=200)
    description = forms.CharField(
        label="What is it for, and where does it stand?", max_length=2000, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    fields_ = forms.CharField(
        label="Fields", max_length=1300, initial="title, text, link", help_text="What contents may have, by commas."
    )
    default = FieldLines(label="Default content", required=False, help_text=_LINES)
    public = forms.BooleanField(label="Browsers may ask for it, by a public write key", required=False)
    sources = forms.MultipleChoiceField(
        label="The websites and apps whose key may ask", choices=_sources, required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip

    def part(self) -> dict[str, Any]:
        """As the document has it."""
        given = self.cleaned_data
        return {
            "default": given["default"], "public": given["public"], "sources": [int(one) for one in given["sources"]],
            "fields": [one.strip() for one in given["fields_"].split(",") if one.strip()],
        }  # fmt: skip

    @staticmethod
    def of(slot: SlotView) -> dict[str, Any]:
        """What stands in the form of a slot that there is."""
        document = slot.document
        return {
            "name": slot.name, "description": slot.description, "fields_": ", ".join(document.fields),
            "default": {name: document.default[name] for name in document.fields if name in document.default},
            "public": document.public, "sources": [str(one) for one in document.sources],
        }  # fmt: skip


class ContentForm(CalmForm):
    """One more content, or another one in the place of that of the same key."""

    key = forms.SlugField(label="Key", max_length=40, help_text="A variant or an arm of this key shows it too.")
    fields_ = FieldLines(label="Fields", help_text=_LINES)
    weight = forms.FloatField(label="Weight", min_value=0.001, initial=1, help_text="Where a rule names several.")
    starts_at = forms.DateTimeField(
        label="From", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ends_at = forms.DateTimeField(
        label="Until", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def asked(self) -> dict[str, Any]:
        """As the document has it."""
        given = self.cleaned_data
        return {
            "key": given["key"].lower(), "fields": given["fields_"], "weight": given["weight"],
            "starts_at": given["starts_at"], "ends_at": given["ends_at"],
        }  # fmt: skip


class SlotRuleForm(CalmForm):
    """For whom, and what they see. Left empty, the rule is for everybody."""

    name = forms.CharField(label="Name", max_length=120)
    segment = forms.ChoiceField(label="Members of the segment", choices=_segments, required=False)
    rule = forms.CharField(
        label="Or whose traits meet", max_length=2000, required=False,
        help_text="In the text form of rules, such as trait plan = \"pro\".",
    )  # fmt: skip
    score = forms.CharField(label="Or whose number in the trait", max_length=200, required=False)
    at_least = forms.FloatField(label="is at least", required=False, widget=forms.NumberInput(attrs={"step": "any"}))
    below = forms.FloatField(label="and below", required=False, widget=forms.NumberInput(attrs={"step": "any"}))
    contents = forms.MultipleChoiceField(
        label="They see one of", required=False, widget=forms.CheckboxSelectMultiple, choices=()
    )
    experiment = forms.ChoiceField(label="Or a variant of the experiment", choices=_experiments, required=False)
    bandit = forms.ChoiceField(label="Or an arm of the bandit", choices=_bandits, required=False)
    recommend = forms.IntegerField(label="Or so many recommended items", min_value=1, max_value=24, required=False)

    def __init__(self, *args: Any, document: SlotDocument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contents"].choices = [(one.key, one.key) for one in document.contents]  # type: ignore[attr-defined]

    def clean_rule(self) -> Any:
        text = str(self.cleaned_data["rule"]).strip()
        if not text:
            return None
        try:
            return segments.trait_rule(segments.read_rule(text)).to_json()
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None

    def asked(self) -> dict[str, Any]:
        """As the document has it."""
        given = self.cleaned_data
        when = {name: given[name] for name in ("segment", "rule", "score", "at_least", "below") if given[name]}
        show = {name: given[name] for name in ("contents", "experiment", "bandit", "recommend") if given[name]}
        for name in ("at_least", "below"):
            if given["score"] and given[name] is not None:
                when[name] = given[name]
        return {"name": given["name"], "when": when or None, "show": show}


class BanditForm(CalmForm):
    """What is compared, and what counts as a reward."""

    name = forms.CharField(label="Name", max_length=200)
    arms = forms.CharField(
        label="Arms", widget=forms.Textarea(attrs={"rows": 3}), initial="Red\nBlue",
        help_text="One a line. A slot shows its content of the same key: Big picture has the key big-picture.",
    )  # fmt: skip
    reward = forms.CharField(label="The reward: the event", max_length=200, initial="Order Completed")
    window_hours = forms.IntegerField(
        label="Within so many hours", min_value=1, max_value=24 * 90, initial=24,
        help_text="Whoever was shown an arm keeps it for that time.",
    )  # fmt: skip
    depends_on = forms.CharField(
        label="The best arm may depend on", required=False, max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control mono"}),
        help_text="One a line: context device: mobile, desktop – or trait tier: gold, silver. The rest is other.",
    )  # fmt: skip
    explore = forms.FloatField(
        label="Share of people who get any arm", min_value=0, max_value=1, initial=0.05,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip
    half_life_hours = forms.FloatField(
        label="What was seen counts half after so many hours", min_value=0, initial=0,
        help_text="0: nothing is forgotten. A week is 168.", widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip

    def clean_depends_on(self) -> list[dict[str, Any]]:
        found = []
        for line in filter(str.strip, str(self.cleaned_data["depends_on"]).splitlines()):
            head, _, values = line.partition(":")
            of, _, key = head.strip().partition(" ")
            found.append({
                "of": of, "key": key.strip(), "values": [one.strip() for one in values.split(",") if one.strip()],
            })  # fmt: skip
        return found

    def asked(self) -> dict[str, Any]:
        """As the service takes it."""
        given = dict(self.cleaned_data)
        names = [line.strip() for line in given.pop("arms").splitlines() if line.strip()]
        return {
            "context": given.pop("depends_on"), **given,
            "arms": [{"key": slugify(name)[:40], "name": name} for name in names],
        }  # fmt: skip
