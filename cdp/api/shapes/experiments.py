"""Experiments, who gets what, and what was found."""

from rest_framework import serializers

from campaigns.contracts import EXPOSURE
from cdp.api.shapes.fields import Anything, Id, Instant, Shape

_KINDS = ("conversion", "count", "sum", "ratio")
_CORRECTIONS = ("holm", "benjamini_hochberg")


class VariantShape(Shape):
    """One of the things that are compared; the first is the control."""

    key = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=200)
    weight = serializers.FloatField(default=1.0, help_text="Its share of the people, beside the others' weights.")
    content = Anything(required=False, allow_null=True, help_text="What whoever shows it gets: any JSON.")


class MetricShape(Shape):
    """What is measured of each person after the first exposure."""

    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=_KINDS)
    event = serializers.CharField(max_length=200)
    property = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", help_text="The number that is added up."
    )
    per = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", help_text="A ratio's event that it is counted by."
    )
    hours = serializers.IntegerField(
        required=False, default=0, help_text="Hours after the first exposure that count; 0: all until the end."
    )
    more_is_better = serializers.BooleanField(required=False, default=True)
    guardrail = serializers.BooleanField(
        required=False, default=False, help_text="Must not get worse; decides nothing."
    )
    cap = serializers.FloatField(
        required=False,
        default=0.0,
        help_text="Of a count or a sum: more than this percentile of those who have any counts as the percentile.",
    )


class ExperimentShape(Shape):
    """An experiment."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    hypothesis = serializers.CharField(allow_blank=True)
    owner = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=["draft", "running", "stopped"])
    traffic = serializers.IntegerField(help_text="Percent of the people who take part.")
    segment_id = Id(allow_null=True, help_text="Only its members take part.")
    variants = VariantShape(many=True)
    metrics = MetricShape(many=True)
    sequential = serializers.BooleanField(help_text="Whether the intervals hold however often one looks.")
    alpha = serializers.FloatField()
    expected = serializers.IntegerField(help_text="People the plan asks for, over all variants.")
    winner = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=["test", "holdout"])
    correction = serializers.ChoiceField(choices=_CORRECTIONS, help_text="How p is adjusted for several comparisons.")
    created_at = Instant()
    started_at = Instant(allow_null=True)
    ended_at = Instant(allow_null=True)


class ExperimentIn(Shape):
    """A new experiment, as a draft."""

    name = serializers.CharField(max_length=200)
    slug = serializers.SlugField(max_length=80, required=False, help_text="Made from the name when left out.")
    hypothesis = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)
    traffic = serializers.IntegerField(required=False)
    segment_id = Id(required=False, allow_null=True)
    variants = VariantShape(many=True)
    metrics = MetricShape(many=True)
    sequential = serializers.BooleanField(required=False)
    alpha = serializers.FloatField(required=False)
    expected = serializers.IntegerField(required=False)
    correction = serializers.ChoiceField(choices=_CORRECTIONS, required=False)


class ExperimentChangeIn(Shape):
    """What may be changed; leave out what stays. While it runs: the words, and `traffic` upwards."""

    name = serializers.CharField(max_length=200, required=False)
    hypothesis = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)
    traffic = serializers.IntegerField(required=False)
    segment_id = Id(required=False, allow_null=True)
    variants = VariantShape(many=True, required=False)
    metrics = MetricShape(many=True, required=False)
    sequential = serializers.BooleanField(required=False)
    alpha = serializers.FloatField(required=False)
    expected = serializers.IntegerField(required=False)
    correction = serializers.ChoiceField(choices=_CORRECTIONS, required=False)


class HoldoutIn(Shape):
    """A new holdout, as a draft. Start it as an experiment is started."""

    name = serializers.CharField(max_length=200)
    slug = serializers.SlugField(max_length=80, required=False)
    percent = serializers.FloatField(help_text="Of all people, who get nothing personal: 0.1 to 50.")
    metrics = MetricShape(many=True)
    expected = serializers.IntegerField(required=False)


class StopIn(Shape):
    """How it ends."""

    winner = serializers.CharField(
        max_length=40, required=False, allow_blank=True, default="", help_text="The variant that everybody gets now."
    )


class AssignIn(Shape):
    """Who asks."""

    identifier = serializers.CharField(max_length=600, help_text="`kind:value`, such as `user_id:42`.")
    expose = serializers.BooleanField(
        required=False, default=True, help_text=f"Say in the log that it is seen: the event `{EXPOSURE}`, once a day."
    )


class AssignmentShape(Shape):
    """What somebody gets."""

    variant = serializers.CharField(source="variant.key")
    content = Anything(source="variant.content", allow_null=True)
    taking_part = serializers.BooleanField(help_text="Whether this counts in the results.")
    reason = serializers.ChoiceField(
        choices=["assigned", "seen_before", "not_running", "not_in_segment", "not_in_traffic", "held_out", "winner"]
    )


class ArmFigureShape(Shape):
    """One variant in one metric, beside the control."""

    variant = serializers.CharField()
    people = serializers.IntegerField()
    mean = serializers.FloatField(help_text="A share, a number a person, or a ratio.")
    lift = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    p = serializers.FloatField(allow_null=True, help_text="Adjusted over all comparisons that decide.")
    chance_to_win = serializers.FloatField(allow_null=True)
    uncapped = serializers.FloatField(allow_null=True, help_text="The mean without the cap, where there is one.")


class MetricResultShape(Shape):
    """One metric over all variants."""

    metric = serializers.CharField()
    guardrail = serializers.BooleanField()
    adjusted = serializers.BooleanField(help_text="Whether what people did before was taken out (CUPED).")
    arms = ArmFigureShape(many=True)
    limit = serializers.FloatField(allow_null=True, help_text="What more counts as, where the metric is capped.")


class HealthShape(Shape):
    """Whether the numbers can be believed."""

    people = serializers.IntegerField()
    contaminated = serializers.IntegerField(help_text="People who saw several variants; they count for none.")
    mismatch_p = serializers.FloatField(help_text="Of the sample ratio; below 0.001 something is wrong.")
    problems = serializers.ListField(child=serializers.CharField())


class ResultShape(Shape):
    """What an analysis found."""

    at = Instant()
    health = HealthShape()
    metrics = MetricResultShape(many=True)
    verdict = serializers.ChoiceField(
        choices=["unhealthy", "too_early", "keep_running", "ship", "roll_back", "no_difference"]
    )
    words = serializers.CharField()
    leader = serializers.CharField(allow_blank=True)


class PlanIn(Shape):
    """`base` and `lift` of a share, or `effect` in standard deviations of a mean."""

    base = serializers.FloatField(required=False, help_text="The share that converts today, such as 0.05.")
    lift = serializers.FloatField(required=False, help_text="By how much it should rise, such as 0.2 for a fifth.")
    effect = serializers.FloatField(required=False)
    alpha = serializers.FloatField(required=False, default=0.05, min_value=0.0001, max_value=0.5)
    power = serializers.FloatField(required=False, default=0.8, min_value=0.5, max_value=0.999)


class PeopleNeededShape(Shape):
    """People a variant."""

    people = serializers.IntegerField()
