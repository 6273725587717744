"""Forms of the pages about insights."""

import zoneinfo
from typing import Any

from django import forms

from cdp.web.forms import CalmForm, event_input
from connectors import selectors as connectors
from insights import selectors as insights
from insights.contracts import LABEL_DAYS
from segments import selectors as segments


class OrderForm(CalmForm):
    """What an order is here."""

    zone = forms.ChoiceField(
        label="Time zone of the workspace", help_text="Days begin at midnight there.",
        choices=lambda: [(zone, zone.replace("_", " ")) for zone in sorted(zoneinfo.available_timezones())],
    )  # fmt: skip
    order_event = forms.CharField(label="Event of an order", max_length=200)
    cancel_event = forms.CharField(label="Event of a cancellation", max_length=200, required=False)
    refund_event = forms.CharField(
        label="Event of a refund", max_length=200, required=False, help_text="One without an amount takes all of it."
    )
    order_id = forms.CharField(label="Property with the number of the order", max_length=200)
    amount = forms.CharField(
        label="Property with its value", max_length=500,
        help_text="Of several, with commas between, the first that is a number.",
    )  # fmt: skip
    quantity = forms.CharField(
        label="Property with the quantity", max_length=200, required=False,
        help_text="Only when the value above is the price of one piece.",
    )  # fmt: skip
    lines = forms.BooleanField(label="An order comes as one event for each of its lines", required=False)
    currency = forms.CharField(label="Property with the currency", max_length=200, required=False)
    products = forms.CharField(label="Property with the list of products", max_length=200, required=False)
    product_id = forms.CharField(label="Property with the product", max_length=200)
    category = forms.CharField(label="Property with the category", max_length=200)
    history_sources = forms.TypedMultipleChoiceField(
        label="Sources whose events were loaded later", coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple, choices=lambda: sorted(connectors.source_names().items()),
        help_text="They count from the time they happened; events of others from the time they came.",
    )  # fmt: skip

    def clean_amount(self) -> list[str]:
        return [one.strip() for one in self.cleaned_data["amount"].split(",") if one.strip()]


class FeatureForm(CalmForm):
    """A feature that somebody declares."""

    title = forms.CharField(
        label="Title", max_length=120, required=False, help_text="Such as Product views, 30 days. Empty: the name."
    )
    name = forms.CharField(
        label="Name", max_length=60,
        help_text="For the API and files, such as views_30d: small letters, digits and _. It stays.",
    )  # fmt: skip
    measure = forms.ChoiceField(label="Measure", choices=lambda: list(insights.MEASURES.items()))
    event = forms.CharField(
        label="Event", max_length=500, required=False, help_text="Not needed for a trait.", widget=event_input()
    )
    property = forms.CharField(label="Property or trait", max_length=500, required=False)
    window_days = forms.IntegerField(
        label="In the last days", min_value=1, max_value=3650, required=False, help_text="Empty: of all time."
    )
    description = forms.CharField(label="What it tells", max_length=500, required=False)


class CombinedForm(CalmForm):
    """A feature that is made of two others."""

    left = forms.ChoiceField(label="Feature", choices=lambda: _combinable())
    measure = forms.ChoiceField(
        label="Operation", choices=lambda: [(name, one.label) for name, one in insights.OPERATIONS.items()]
    )
    right = forms.ChoiceField(label="Other feature", choices=lambda: _combinable())
    title = forms.CharField(
        label="Title", max_length=120, required=False, help_text="Empty: as it is reckoned, such as Revenue ÷ Orders."
    )
    name = forms.CharField(
        label="Name", max_length=60,
        help_text="For the API and files, such as revenue_per_order: small letters, digits and _. It stays.",
    )  # fmt: skip
    description = forms.CharField(label="What it tells", max_length=500, required=False)


def _combinable() -> list[tuple[str, str]]:
    return [("", "Choose…"), *(
        (one.name, one.title) for one in insights.features().values()
        if one.type == "number" and not one.texts and not one.parts
    )]  # fmt: skip


class FeatureFileForm(CalmForm):
    """A file of features."""

    features = forms.MultipleChoiceField(
        label="Features", widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(one.name, one.title) for one in insights.features().values()],
    )  # fmt: skip
    segment_id = forms.TypedChoiceField(
        label="People", coerce=int, required=False, initial=0,
        choices=lambda: [(0, "everybody"), *((one.id, one.name) for one in segments.segments())],
    )  # fmt: skip
    label_days = forms.TypedChoiceField(
        label="Labels", coerce=int, initial=0,
        choices=[(one, f"what was ordered in the {one} days after" if one else "none") for one in LABEL_DAYS],
        help_text="With labels it is a training set: the features are as of that many days ago.",
    )  # fmt: skip
    personal = forms.BooleanField(label="With personal data as it is", required=False)

    def __init__(self, *args: Any, may_see: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_see:
            # A disabled field keeps its initial value whatever is posted.
            self.fields["personal"].disabled = True


class GroupingForm(CalmForm):
    """How people are grouped."""

    name = forms.CharField(label="Name", max_length=120)
    features = forms.MultipleChoiceField(
        label="Features", widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(one.name, one.title) for one in insights.features().values() if one.type == "number"],
    )  # fmt: skip
    method = forms.ChoiceField(label="Method", choices=lambda: list(insights.METHODS.items()))
    scaling = forms.ChoiceField(label="Scaling", choices=lambda: list(insights.SCALINGS.items()))
    groups = forms.IntegerField(
        label="Groups", min_value=2, max_value=12, required=False, help_text="Empty: the best number from 3 to 8."
    )
    components = forms.IntegerField(
        label="Principal components", min_value=0, max_value=11, initial=0,
        help_text="0: the features as they are. Fewer than features: their main directions (PCA).",
    )  # fmt: skip
    impute = forms.ChoiceField(
        label="Fill what is not known with", choices=lambda: list(insights.FILLINGS.items()), required=False
    )
    outliers = forms.ChoiceField(
        label="Bring outliers", choices=lambda: list(insights.OUTLIERS.items()), required=False,
        help_text="Before anything is learned of the features.",
    )  # fmt: skip
    sensitive = forms.CharField(
        label="Sensitive traits to report on", max_length=500, required=False,
        help_text="With commas between, such as sex, age_band. They make no group; the report tells how groups differ.",
    )  # fmt: skip
    every_days = forms.IntegerField(
        label="Group again every so many days", min_value=1, max_value=365, required=False,
        help_text="Empty: only when somebody asks.",
    )  # fmt: skip

    def spec(self) -> dict[str, Any]:
        """The specification of the grouping."""
        told = self.cleaned_data
        found = {name: told[name] for name in ("features", "method", "scaling", "groups", "components")}
        sensitive = [one.strip() for one in told["sensitive"].split(",") if one.strip()]
        return {
            **found, "impute": told["impute"] or "median", "outliers": told["outliers"] or "none",
            "sensitive": sensitive,
        }  # fmt: skip


class NewGroupingForm(GroupingForm):
    """A new grouping; its slug is in the name of the trait, so it stays."""

    slug = forms.SlugField(label="Slug", max_length=40, help_text="Part of the trait: main gives cluster_main.")
    field_order = ("name", "slug")
