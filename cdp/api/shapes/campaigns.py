"""Campaigns: what they do, who is where in them, and what came of it."""

from typing import Any

import msgspec
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape

_STATES = ("draft", "running", "paused", "stopped", "finished")


class SpecField(Anything):
    """The document of a campaign: entry, steps, goal, and when people leave."""

    def to_representation(self, value: Any) -> Any:
        return msgspec.to_builtins(value)


class AudienceShape(Shape):
    """Whom a broadcast would reach."""

    members = serializers.IntegerField(help_text="Of the segment.")
    held_out = serializers.IntegerField(help_text="Of them, who get nothing, to compare with.")
    not_again = serializers.IntegerField(help_text="Of them, who were there before and may not enter again.")
    recipients = serializers.IntegerField(help_text="Who is left.")


class CampaignAskShape(Shape):
    """A start that waits for a second person."""

    by = serializers.CharField()
    at = Instant()
    audience = AudienceShape()


class CampaignShape(Shape):
    """A campaign."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=list(_STATES))
    version = serializers.IntegerField(help_text="The version that people enter on; 0 before the first.")
    changed = serializers.BooleanField(help_text="Whether the draft differs from that version.")
    draft = SpecField()
    asked = CampaignAskShape(allow_null=True)
    created_at = Instant()
    started_at = Instant(allow_null=True)
    ended_at = Instant(allow_null=True)


class CampaignIn(Shape):
    """A new campaign, as a draft."""

    name = serializers.CharField(max_length=200)
    slug = serializers.SlugField(max_length=80, required=False, help_text="Made from the name when left out.")
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)
    spec = Anything(help_text="The document; it may be unfinished.")


class CampaignChangeIn(Shape):
    """What may be changed; leave out what stays."""

    name = serializers.CharField(max_length=200, required=False)
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)
    spec = Anything(required=False)


class CampaignVersionShape(Shape):
    """One version, which never changes."""

    number = serializers.IntegerField()
    spec = SpecField()
    by = serializers.CharField()
    at = Instant()


class CampaignValidShape(Shape):
    """That the draft can be put in force."""

    valid = serializers.BooleanField()
    audience = AudienceShape(allow_null=True, help_text="Whom a broadcast would reach now.")


class StoppingShape(Shape):
    """What is in a campaign, and what nobody takes back."""

    inside = serializers.IntegerField(help_text="People who are under way.")
    waiting = serializers.IntegerField(
        help_text="Messages that wait. A pause lets them go out, a stop takes them back."
    )
    sent = serializers.IntegerField(help_text="Messages that are on their way or out.")
    passed_acts = serializers.IntegerField(help_text="How often calls, lists and traits were done already.")


class CampaignStoppedShape(Shape):
    """A campaign that was paused or stopped."""

    campaign = CampaignShape()
    stopping = StoppingShape()


class TrialEventIn(Shape):
    """Something that the person does."""

    minutes = serializers.IntegerField(min_value=0, max_value=1_000_000, help_text="After the entry.")
    event = serializers.CharField(max_length=200)
    properties = Anything(required=False, default=dict)


class CampaignTrialIn(Shape):
    """Who: `profile`, or made up by `traits`, `segments` and `variants`; and what happens then."""

    profile = serializers.CharField(max_length=600, required=False, help_text="An id, or `kind:value`.")
    traits = serializers.DictField(required=False, default=dict)
    segments = serializers.ListField(child=serializers.CharField(max_length=80), required=False, default=list)
    variants = serializers.DictField(child=serializers.CharField(), required=False, default=dict)
    events = TrialEventIn(many=True, required=False, default=list)
    at = Instant(required=False, help_text="When the person enters; now when left out.")


class CampaignPassedShape(Shape):
    """A step that was passed."""

    step = serializers.CharField()
    way = serializers.CharField()
    arrived_at = Instant()
    left_at = Instant()


class CampaignPathShape(Shape):
    """The path."""

    passed = CampaignPassedShape(many=True)
    acts = serializers.ListField(child=serializers.CharField())
    ended = serializers.CharField()
    ended_at = Instant()


class CampaignInstanceShape(Shape):
    """One journey of one person."""

    id = Id()
    campaign = serializers.CharField()
    version = serializers.IntegerField()
    profile_id = Id(allow_null=True)
    key = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=["active", "finished", "goal", "left", "held_out", "stopped", "merged"])
    step = serializers.CharField(allow_blank=True)
    due_at = Instant(allow_null=True)
    entered_at = Instant()
    ended_at = Instant(allow_null=True)
    passed = CampaignPassedShape(many=True)


class CampaignArmShape(Shape):
    """People who were treated, or held out; everybody counts once."""

    entered = serializers.IntegerField()
    measured = serializers.IntegerField(help_text="Whose time for the goal is over.")
    converted = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)


class CampaignStepCountShape(Shape):
    """How a step stands."""

    step = serializers.CharField()
    came = serializers.IntegerField()
    waiting = serializers.IntegerField()
    left = serializers.DictField(child=serializers.IntegerField(), help_text="By the way that was taken.")


class CampaignMessageCountShape(Shape):
    """The messages of a step."""

    step = serializers.CharField()
    asked = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sent = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Decided against: no consent, caps, no address, and so on.")
    failed = serializers.IntegerField(help_text="Not taken by the provider, or nobody knows whether it was.")
    delivered = serializers.IntegerField(help_text="Of the sent: the provider told that it arrived.")
    undelivered = serializers.IntegerField(help_text="Of the sent: the provider told that it did not arrive.")
    opened = serializers.IntegerField()
    clicked = serializers.IntegerField()


class HoldoutDifferenceShape(Shape):
    """The rate of the treated less that of the held out. The interval holds however often one looks."""

    points = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    lift = serializers.FloatField(help_text="In relation to those who were held out.")
    p = serializers.FloatField()
    chance_to_win = serializers.FloatField()


class CampaignResultsShape(Shape):
    """What came of a campaign."""

    at = Instant()
    states = serializers.DictField(child=serializers.IntegerField())
    steps = CampaignStepCountShape(many=True)
    messages = CampaignMessageCountShape(many=True)
    treated = CampaignArmShape()
    held_out = CampaignArmShape()
    difference = HoldoutDifferenceShape(allow_null=True)
    words = serializers.CharField()


class CampaignExampleShape(Shape):
    """A campaign to begin with."""

    slug = serializers.CharField()
    name = serializers.CharField()
    what = serializers.CharField()
    spec = Anything()
