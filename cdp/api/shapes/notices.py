"""Who is told of alerts, and the digests."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from cdp.api.shapes.quality import KINDS
from quality.contracts import INTERVALS

_WAYS = ("mail", "webhook")


class RecipientIn(Shape):
    """Mail to somebody who signs in takes the place of what they had; a webhook is made anew."""

    way = serializers.ChoiceField(choices=list(_WAYS))
    email = serializers.EmailField(required=False, default="", allow_blank=True, help_text="Of mail: whose.")
    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)
    url = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    alerts = serializers.BooleanField(required=False, default=True)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KINDS), required=False, default=list, max_length=50,
        help_text="Empty: all.",
    )  # fmt: skip
    source_ids = serializers.ListField(
        child=Id(), required=False, default=list, max_length=1000, help_text="Empty: all."
    )
    reports = serializers.ChoiceField(choices=["none", "own", "all"], required=False, default="none")
    every_minutes = serializers.ChoiceField(choices=list(INTERVALS), required=False, default=15)


class RecipientShape(Shape):
    """Somebody who is told. `secret` is there once: in the answer that made it."""

    id = Id()
    way = serializers.ChoiceField(choices=list(_WAYS))
    to = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    alerts = serializers.BooleanField()
    kinds = serializers.ListField(child=serializers.CharField())
    source_ids = serializers.ListField(child=Id())
    reports = serializers.ChoiceField(choices=["none", "own", "all"])
    every_minutes = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="What is told with the next digest.")
    created_by = serializers.CharField()
    created_at = Instant()


class RecipientMadeShape(RecipientShape):
    """The same, with the secret that signs the calls of a webhook."""

    secret = serializers.CharField(allow_blank=True)


class DigestShape(Shape):
    """One mail or call. `unknown`: the worker ended in the middle, so it may have gone out or not."""

    id = Id()
    recipient_id = Id()
    way = serializers.ChoiceField(choices=list(_WAYS))
    to = serializers.CharField(allow_blank=True)
    subject = serializers.CharField()
    state = serializers.ChoiceField(choices=["waiting", "sending", "sent", "failed", "unknown"])
    made_at = Instant()
    due_at = Instant()
    sent_at = Instant(allow_null=True)
    tries = serializers.IntegerField()
    problem = serializers.CharField(allow_blank=True)
