"""Slots, what they show to somebody, and bandits."""

from rest_framework import serializers

from campaigns.contracts import EXPOSURE
from cdp.api.shapes.fields import Anything, Id, Instant, Shape


class SlotShape(Shape):
    """A slot as it stands."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()
    document = Anything(help_text="As it is given: default, fields, public, sources, contents and rules.")
    updated_at = Instant()
    updated_by = serializers.CharField()


class SlotIn(Shape):
    """A new slot."""

    name = serializers.CharField(max_length=200)
    slug = serializers.SlugField(max_length=80, required=False, help_text="Made from the name when left out.")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    document = Anything(help_text="default, fields, public, sources, contents and rules: see docs/personalisation.md.")


class SlotChangeIn(Shape):
    """What may be changed; leave out what stays."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    document = Anything(required=False)
    version = serializers.IntegerField(
        required=False, help_text="The version that this was made from; refused when another is there by now."
    )


class SlotVersionShape(Shape):
    """What a slot held from one change to the next."""

    version = serializers.IntegerField()
    document = Anything()
    at = Instant()
    by = serializers.CharField()


class SlotRestoreIn(Shape):
    """Which version comes back, as a new one."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class PersonaliseIn(Shape):
    """Who asks for what."""

    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=600), max_length=10, allow_empty=True,
        help_text="As `kind:value`, such as `user_id:42`; the first that somebody has counts.",
    )  # fmt: skip
    slots = serializers.ListField(child=serializers.CharField(max_length=80), min_length=1, max_length=50)
    context = serializers.DictField(  # type: ignore[assignment]
        child=Anything(allow_null=True), required=False, help_text="What bandits may heed, such as `device`."
    )
    expose = serializers.BooleanField(
        required=False, default=True, help_text=f"Put into the log what experiments and bandits show: `{EXPOSURE}`."
    )


class SlotAnswerShape(Shape):
    """What one slot shows."""

    slot = serializers.CharField()
    version = serializers.IntegerField()
    content = serializers.DictField(child=Anything(allow_null=True))
    reason = serializers.ChoiceField(choices=["rule", "default", "unknown_person", "held_out", "unavailable"])
    why = serializers.CharField(help_text="The reason in words; not for browsers.")
    fallback = serializers.BooleanField(help_text="The default content, or items that know nothing of the person.")
    rule = serializers.CharField(allow_blank=True)
    content_key = serializers.CharField(allow_blank=True)
    experiment = serializers.CharField(allow_blank=True)
    bandit = serializers.CharField(allow_blank=True)
    variant = serializers.CharField(allow_blank=True)
    recommendations = serializers.ListField(child=Anything())


class PersonaliseShape(Shape):
    """One answer for each slot that there is, in the order they were asked for."""

    data = SlotAnswerShape(many=True)  # type: ignore[assignment]


class BanditArmShape(Shape):
    """One of the things that may be shown."""

    key = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=200)
    content = Anything(required=False, allow_null=True, help_text="Where the slot has no content of this key.")


class DimensionShape(Shape):
    """One thing that the best arm may depend on."""

    key = serializers.CharField(max_length=80)
    of = serializers.ChoiceField(choices=["trait", "context"])
    values = serializers.ListField(child=serializers.CharField(max_length=60), max_length=20)


class BanditShape(Shape):
    """A bandit."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    arms = BanditArmShape(many=True)
    reward = serializers.CharField(help_text="The event that is the reward.")
    window_hours = serializers.IntegerField(help_text="Within so many hours after an arm was shown.")
    depends_on = DimensionShape(many=True, source="context")
    explore = serializers.FloatField(help_text="The share of people who get any arm.")
    half_life_hours = serializers.FloatField(help_text="After so long, what was seen counts half; 0: for ever.")
    running = serializers.BooleanField()
    created_at = Instant()
    learned_at = Instant(allow_null=True)


class BanditIn(Shape):
    """A new bandit; it runs at once."""

    name = serializers.CharField(max_length=200)
    slug = serializers.SlugField(max_length=80, required=False)
    arms = BanditArmShape(many=True)
    reward = serializers.CharField(max_length=200)
    window_hours = serializers.IntegerField(required=False)
    depends_on = DimensionShape(many=True, required=False, help_text="What the best arm may depend on.")
    explore = serializers.FloatField(required=False)
    half_life_hours = serializers.FloatField(required=False)


class BanditChangeIn(Shape):
    """What may be changed; leave out what stays."""

    name = serializers.CharField(max_length=200, required=False)
    explore = serializers.FloatField(required=False)
    half_life_hours = serializers.FloatField(required=False)
    running = serializers.BooleanField(required=False)


class ArmReportShape(Shape):
    """An arm in a bucket of context."""

    bucket = serializers.CharField(allow_blank=True)
    arm = serializers.CharField()
    shown = serializers.IntegerField()
    rewarded = serializers.IntegerField()
    mean = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    best = serializers.FloatField(help_text="How surely it is the best of its bucket.")


class RegretShape(Shape):
    """Rewards that were missed because not everybody got the best arm."""

    missed = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    shown = serializers.IntegerField()
    uniform = serializers.FloatField(help_text="What showing all arms equally often would have missed.")


class BanditReportShape(Shape):
    """What was learned, and what the learning cost."""

    arms = ArmReportShape(many=True)
    regret = RegretShape()
