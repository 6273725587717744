"""Forms of the pages about predictions."""

from typing import Any

from django import forms

from cdp.web.event_filters import FILTERS_HINT, EventFilters
from cdp.web.forms import CalmForm, event_input
from insights import selectors as insights
from insights.contracts import PredictionSpec
from segments import selectors as segments

# What the wizard begins with, by what is wanted.
BEGINNINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "buy": ("Will buy", {"goal": "does", "days": 30}),
    "respond": ("Will respond", {"goal": "does", "days": 7}),
    "churn": ("Will churn", {"goal": "does_not", "days": 60, "active_days": 90}),
    "any": ("Any event", {"goal": "does", "days": 30}),
}


class PredictionForm(CalmForm):
    """What is predicted, of whom and how."""

    name = forms.CharField(label="Name", max_length=120)
    event = forms.CharField(label="Event", max_length=500, help_text="Such as Order Completed.", widget=event_input())
    filters = EventFilters(label="Filters", required=False, help_text=FILTERS_HINT)
    goal = forms.ChoiceField(label="A person …", choices=lambda: list(insights.GOALS.items()))
    days = forms.IntegerField(label="Within days", min_value=1, max_value=365)
    active_days = forms.IntegerField(
        label="Only of people who did it in the last days", min_value=1, max_value=365, required=False,
        help_text="Needed for churn: who has not done it for long cannot stop. Empty: everybody who was seen.",
    )  # fmt: skip
    segment = forms.ChoiceField(
        label="For whom", required=False,
        choices=lambda: [("", "everybody"), *((one.slug, one.name) for one in segments.segments())],
    )  # fmt: skip
    features = forms.MultipleChoiceField(
        label="Learn from", widget=forms.CheckboxSelectMultiple, required=False, help_text="None chosen: from all.",
        choices=lambda: [(one.name, one.title) for one in insights.features().values()],
    )  # fmt: skip
    groups = forms.MultipleChoiceField(
        label="Tell fairness by", widget=forms.CheckboxSelectMultiple, required=False,
        help_text="Never learned from. Features of type text, such as a declared trait.",
        choices=lambda: [(one.name, one.title) for one in insights.features().values() if one.type == "text"],
    )  # fmt: skip
    blocks = forms.BooleanField(
        label="Do not switch a version on by itself that fails the four-fifths rule", required=False
    )
    policy = forms.ChoiceField(label="A new version is switched on", choices=lambda: list(insights.POLICIES.items()))
    train_every_days = forms.IntegerField(
        label="Train again every so many days", min_value=1, max_value=365, required=False, initial=14,
        help_text="Empty: only when somebody asks.",
    )  # fmt: skip
    score_every_days = forms.IntegerField(
        label="Score everybody every so many days", min_value=1, max_value=365, required=False, initial=1,
        help_text="Empty: only when somebody asks, and when a version is switched on.",
    )  # fmt: skip
    train_on_drift = forms.BooleanField(label="Train early when people have changed", required=False, initial=True)
    online = forms.BooleanField(
        label="Learn of each day that closes", required=False,
        help_text="A model beside the version in use; it scores while it did better on the last 1,000 people.",
    )  # fmt: skip

    def spec(self) -> dict[str, Any]:
        """The specification."""
        told = {name: value for name, value in self.cleaned_data.items() if name not in ("name", "slug", "filters")}
        return {**told, "where": self.cleaned_data["filters"]}


class NewPredictionForm(PredictionForm):
    """A new prediction; its slug is in the names of its traits, so it stays."""

    slug = forms.SlugField(label="Slug", max_length=40, help_text="Part of the traits: buy gives prediction_buy.")
    field_order = ("name", "slug")


def initial(name: str, spec: PredictionSpec) -> dict[str, Any]:
    """What the form of a prediction begins with."""
    told = spec.to_json()
    return {**told, "name": name, "filters": told["where"]}
