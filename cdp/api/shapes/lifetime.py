"""Customer lifetime value."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from insights.contracts import HORIZONS


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


class LifetimeSettingShape(Shape):
    """How many days ahead is looked."""

    horizon_days = serializers.ChoiceField(choices=HORIZONS)
