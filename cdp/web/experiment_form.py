"""The form of an experiment: what is compared, for whom, and what decides."""

from typing import Any

from django import forms
from django.utils.text import slugify

from cdp.web.forms import CalmForm
from segments import selectors as segments

_KINDS = (
    ("conversion", "how many did it at all"), ("count", "how often they did it"), ("sum", "the total of a property"),
)  # fmt: skip


def _segments() -> list[tuple[str, str]]:
    return [("", "everybody"), *((str(one.id), one.name) for one in segments.segments())]


class ExperimentForm(CalmForm):
    """One metric decides here; the API takes several, ratios, and what each variant shows."""

    name = forms.CharField(label="Name", max_length=200)
    hypothesis = forms.CharField(
        label="What do you expect, and why?", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    variants = forms.CharField(
        label="Variants", widget=forms.Textarea(attrs={"rows": 3}), initial="As today\nNew",
        help_text="One a line. The first is what there is today; all are shown equally often.",
    )  # fmt: skip
    segment = forms.ChoiceField(label="For", choices=_segments, required=False)
    traffic = forms.IntegerField(
        label="Percent of them who take part", min_value=1, max_value=100, initial=100,
        help_text="May be raised while it runs. That moves nobody from one variant to another.",
    )  # fmt: skip
    event = forms.CharField(label="What decides: the event", max_length=200, initial="Order Completed")
    kind = forms.ChoiceField(label="Measured by", choices=_KINDS)
    property = forms.CharField(
        label="Property", max_length=200, required=False, help_text="Of a total, such as revenue."
    )
    hours = forms.IntegerField(
        label="Hours that count", min_value=0, max_value=24 * 366, initial=0,
        help_text="After somebody saw it first. 0: all until the end.",
    )  # fmt: skip
    cap = forms.FloatField(
        label="Cap at the percentile", min_value=0, max_value=99.99, initial=0, required=False,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text="Of a number or a total: what is above it counts as it. 99.5 is usual; 0: no cap.",
    )  # fmt: skip
    correction = forms.ChoiceField(
        label="Several comparisons", required=False,
        choices=[("holm", "any false alarm is rare (Holm)"), ("benjamini_hochberg", "few alarms are false (BH)")],
    )  # fmt: skip
    guardrail = forms.CharField(
        label="Must not become more", max_length=200, required=False, help_text="An event such as Unsubscribed."
    )
    expected = forms.IntegerField(
        label="People the plan asks for", min_value=100, max_value=1_000_000_000, initial=5_000,
        help_text="Over all variants. The page of experiments tells how many you need.",
    )  # fmt: skip

    def asked(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.cleaned_data
        names = [line.strip() for line in given["variants"].splitlines() if line.strip()]
        metrics: list[dict[str, Any]] = [
            {"name": given["event"], "kind": given["kind"], "event": given["event"], "property": given["property"],
             "hours": given["hours"], "cap": given["cap"] or 0.0}
        ]  # fmt: skip
        if given["guardrail"]:
            metrics.append({
                "name": given["guardrail"], "kind": "conversion", "event": given["guardrail"], "hours": given["hours"],
                "more_is_better": False, "guardrail": True,
            })  # fmt: skip
        return {
            "name": given["name"], "hypothesis": given["hypothesis"], "traffic": given["traffic"],
            "segment_id": int(given["segment"]) if given["segment"] else None, "expected": given["expected"],
            "correction": given["correction"] or "holm",
            "variants": [{"key": slugify(name)[:40], "name": name, "weight": 1.0} for name in names],
            "metrics": metrics,
        }  # fmt: skip


class HoldoutForm(CalmForm):
    """Who is kept out of everything personal, and what that is measured by."""

    name = forms.CharField(label="Name", max_length=200, initial="Global holdout")
    percent = forms.FloatField(
        label="Percent of all people", min_value=0.1, max_value=50, initial=5,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip
    event = forms.CharField(label="Measured by who did", max_length=200, initial="Order Completed")

    def asked(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.cleaned_data
        metric = {"name": given["event"], "kind": "conversion", "event": given["event"]}
        return {"name": given["name"], "percent": given["percent"], "metrics": [metric]}


class PlanForm(CalmForm):
    """How many people does it take?"""

    base = forms.FloatField(
        label="Of a hundred do it today",
        min_value=0.01,
        max_value=99.9,
        initial=5,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    lift = forms.FloatField(
        label="Rise in percent that you want to see", min_value=0.1, max_value=1000, initial=20,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip
