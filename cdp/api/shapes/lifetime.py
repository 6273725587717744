"""Customer lifetime value."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from cdp.api.shapes.predictions import ReasonShape
from insights.contracts import HORIZONS, LIFETIME_CHOICES, LIFETIME_METHODS, LifetimeView

METHODS, CHOICES = list(LIFETIME_METHODS), list(LIFETIME_CHOICES)


class DecileShape(Shape):
    """A tenth of the customers by what was expected of them, the best first; means of one customer."""

    people = serializers.IntegerField()
    expected_orders = serializers.FloatField()
    orders = serializers.FloatField()
    expected_value = serializers.FloatField()
    value = serializers.FloatField()


class LifetimeCheckShape(Shape):
    """What would have been expected at the begin of the last closed window, beside what came. Errors are of one
    customer; `naive` is that of going on as before."""

    people = serializers.IntegerField()
    orders = serializers.FloatField()
    expected_orders = serializers.FloatField(help_text="Before calibration.")
    value = serializers.FloatField()
    expected_value = serializers.FloatField(help_text="Before calibration.")
    order_factor = serializers.FloatField(help_text="By which expectations are multiplied now.")
    value_factor = serializers.FloatField(help_text="By which expectations are multiplied now.")
    mean_error = serializers.FloatField()
    naive_mean_error = serializers.FloatField()
    squared_error = serializers.FloatField(help_text="The root of its mean.")
    naive_squared_error = serializers.FloatField()
    deciles = DecileShape(many=True)


class MeasuredShape(Shape):
    """One method on the last closed window. `method`: bgnbd (calibrated on the window before), boosting, uncalibrated
    (BG/NBD as it comes)."""

    method = serializers.CharField()
    total = serializers.FloatField(help_text="What was expected of all.")
    total_error = serializers.FloatField(help_text="By which share of what came that was off.")
    mean_error = serializers.FloatField(help_text="Of one customer, without its sign.")
    squared_error = serializers.FloatField(help_text="The root of its mean.")
    explained = serializers.FloatField(
        help_text="Of what sets customers apart (Poisson's deviance); 0 is the same of all."
    )
    rank = serializers.FloatField(help_text="Spearman's correlation of what was expected and what came.")
    gini = serializers.FloatField(help_text="Normalised: 1 is the order of what came, 0 is chance.")


class ComparisonShape(Shape):
    """Both methods on the same customers, neither of which saw anything of the window. `gain`: by which share boosting
    explains more, with the interval of 95 % of a paired bootstrap."""

    people = serializers.IntegerField()
    value = serializers.FloatField(help_text="What came of all.")
    windows = serializers.IntegerField(help_text="Earlier windows that boosting learned from.")
    rows = serializers.IntegerField()
    methods = MeasuredShape(many=True)
    gain = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    squared_low = serializers.FloatField(help_text="Of squared errors, boosting less BG/NBD.")
    squared_high = serializers.FloatField()


class LeanShape(Shape):
    """A feature that moves values, with its share in all that moves them."""

    title = serializers.CharField()
    share = serializers.FloatField()


class LifetimeShape(Shape):
    """The newest computation. What is expected of each customer is in their traits `clv_…`."""

    run_id = Id()
    as_of = Instant()
    currency = serializers.CharField(allow_blank=True)
    horizon_days = serializers.IntegerField()
    people = serializers.IntegerField()
    again = serializers.IntegerField(help_text="Who ordered on more than one day.")
    alive = serializers.FloatField(help_text="How many are still customers, by expectation.")
    expected_orders = serializers.FloatField()
    expected_value = serializers.FloatField()
    correlation = serializers.FloatField(help_text="Of orders and their mean value; the model asks that it is near 0.")
    order_parameters = serializers.ListField(child=serializers.FloatField(), help_text="r, alpha, a, b of BG/NBD.")
    value_parameters = serializers.ListField(child=serializers.FloatField(), help_text="p, q, gamma of Gamma-Gamma.")
    check = LifetimeCheckShape(allow_null=True)
    method = serializers.ChoiceField(choices=METHODS, help_text="By which values are expected.")
    version = serializers.IntegerField(allow_null=True, help_text="Of the model of boosting.")
    chosen = serializers.ChoiceField(choices=CHOICES, help_text="What was asked for.")
    why = serializers.CharField(allow_blank=True, help_text="What decided.")
    comparison = ComparisonShape(allow_null=True, help_text="Null while boosting has too little to learn from.")
    leans = serializers.SerializerMethodField()

    @extend_schema_field(LeanShape(many=True))
    def get_leans(self, view: LifetimeView) -> list[dict[str, Any]]:
        """What values lean on most, while boosting is used."""
        return [{"title": title, "share": share} for title, share in view.leans]


class LifetimeOfShape(Shape):
    """One customer's value as of the newest computation: that of the trait `clv_predicted`. `reasons`: of boosting,
    what each feature adds to the logarithm of the value."""

    profile_id = Id()
    as_of = Instant()
    method = serializers.ChoiceField(choices=METHODS)
    version = serializers.IntegerField(allow_null=True)
    horizon_days = serializers.IntegerField()
    currency = serializers.CharField(allow_blank=True)
    value = serializers.FloatField()
    sentence = serializers.CharField()
    reasons = ReasonShape(many=True)


class LifetimeSettingShape(Shape):
    """How many days ahead is looked, and by which method."""

    horizon_days = serializers.ChoiceField(choices=HORIZONS)
    method = serializers.ChoiceField(
        choices=CHOICES, required=False,
        help_text="`best` is the better one of the last closed window. What is left out stays.",
    )  # fmt: skip
