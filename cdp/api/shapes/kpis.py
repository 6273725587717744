"""KPIs, baselines, and what is on the time line."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from insights.contracts import ANNOTATION_KINDS

KINDS = list(ANNOTATION_KINDS)


class PeriodShape(Shape):
    """Days from `first` to `last`, both of them in it, by the clocks of the workspace."""

    first = serializers.DateField()
    last = serializers.DateField()


class KpiShape(Shape):
    """A KPI with its formula in words. `unit`: money, share (0 to 1), points, minutes, or empty for counts."""

    key = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    formula = serializers.CharField()


class KpiValueShape(Shape):
    """A KPI over the period. Changes are relative, of points absolute; null where there is nothing to hold against."""

    kpi = KpiShape()
    value = serializers.FloatField(allow_null=True)
    before = serializers.FloatField(allow_null=True)
    change = serializers.FloatField(allow_null=True)
    baseline = serializers.FloatField(allow_null=True)
    against_baseline = serializers.FloatField(allow_null=True)


class KpiGroupShape(Shape):
    """The KPIs of one segment, channel or source."""

    key = serializers.CharField()
    name = serializers.CharField()
    values = KpiValueShape(many=True)


class KpiReportShape(Shape):
    """KPIs of a period. `counted_at` is null before the first counting; `open_day` has not ended yet."""

    period = PeriodShape()
    compared = PeriodShape(allow_null=True)
    zone = serializers.CharField()
    currency = serializers.CharField(allow_blank=True)
    counted_at = Instant(allow_null=True)
    open_day = serializers.DateField()
    values = KpiValueShape(many=True)
    groups = KpiGroupShape(many=True)


class KpiDayShape(Shape):
    """One day of one KPI: `numerator` divided by `denominator`, times a constant for minutes and points."""

    day = serializers.DateField()
    key = serializers.CharField(allow_blank=True, help_text="Of the breakdown; empty without one.")
    name = serializers.CharField(allow_blank=True)
    value = serializers.FloatField(allow_null=True)
    numerator = serializers.FloatField()
    denominator = serializers.FloatField()


class AnnotationShape(Shape):
    """What happened here, for the time line of the charts."""

    id = Id()
    at = Instant()
    kind = serializers.ChoiceField(choices=KINDS)
    text = serializers.CharField()
    link = serializers.CharField(allow_blank=True)
    made_by = serializers.CharField()


class AnnotationIn(Shape):
    """Something to put on the time line. Everybody who works here sees it: no personal data."""

    at = Instant(required=False)
    kind = serializers.ChoiceField(choices=KINDS, required=False, default="note")
    text = serializers.CharField(max_length=300)
    link = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class BaselineShape(Shape):
    """A period that others are held against; its sums are those of when it was kept."""

    name = serializers.CharField()
    period = PeriodShape()
    kept_by = serializers.CharField()
    kept_at = Instant()


class BaselineIn(Shape):
    """A period of closed days to keep under a name; one of that name goes."""

    name = serializers.CharField(max_length=80)
    first = serializers.DateField()
    last = serializers.DateField()
