"""Pulls: databases and CRMs that sources are asked from."""

from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape


class PullIn(Shape):
    """What is asked for rows."""

    kind = serializers.CharField(max_length=16, help_text="Such as `postgres`.")
    settings = serializers.DictField(required=False, default=dict, help_text="As the kind declares.")
    secrets = serializers.DictField(
        child=serializers.CharField(), required=False, default=dict,
        help_text="Encrypted; never shown again. One that is left out stays as it is.",
    )  # fmt: skip


class PullKeptIn(PullIn):
    """What is asked for rows, and how often."""

    every_minutes = serializers.IntegerField(required=False, default=60)


class PullRunIn(Shape):
    """A run at once."""

    accept_gone = serializers.BooleanField(
        required=False, default=False, help_text="Tell of all rows that are gone, however many: after a run was `held`."
    )


class PullMappingIn(Shape):
    """What rows become, as files are mapped."""

    mapping = serializers.DictField(help_text="`rows` (identify, track or group), `columns`, `event`, `cases`.")


class PullPreviewIn(Shape):
    """A mapping to try."""

    mapping = serializers.DictField(required=False, help_text="Left out: the kept one, or a suggestion.")


class PullTestedShape(Shape):
    """How a test went."""

    ok = serializers.BooleanField()
    message = serializers.CharField()


class PreviewRowShape(Shape):
    """The items that a row would become, and why something of it would not come in."""

    items = Anything(help_text="A list. Only shapes can be read, unless the token sees personal data.")
    problem = serializers.CharField(allow_blank=True)


class PullPreviewShape(Shape):
    """The first rows, and the mapping by which they were read."""

    header = serializers.ListField(child=serializers.CharField())
    mapping = Anything()
    rows = PreviewRowShape(many=True)
    problems = serializers.ListField(child=serializers.CharField(), help_text="What is wrong with the mapping.")


class PullRunShape(Shape):
    """One run: `items` and `refused` count what rows became (each may become several); `unchanged` counts rows."""

    id = Id()
    state = serializers.ChoiceField(choices=["reading", "telling", "done", "held", "stopped"])
    rows = serializers.IntegerField()
    items = serializers.IntegerField()
    refused = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    gone = serializers.IntegerField(help_text="Rows of earlier runs that are no longer there.")
    started_at = Instant()
    finished_at = Instant(allow_null=True)


class PullShape(Shape):
    """The pull of a source, and how far it is. Secrets are never shown."""

    source_id = Id()
    kind = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["draft", "paused", "reading", "waiting"])
    settings = Anything()
    secrets_set = serializers.ListField(child=serializers.CharField(), help_text="Names of the secrets that are set.")
    mapping = Anything()
    every_minutes = serializers.IntegerField()
    problem = serializers.CharField(allow_blank=True)
    next_pull_at = Instant(allow_null=True)
    caught_up_at = Instant(allow_null=True)
    read_until = serializers.CharField(allow_blank=True, help_text="The cursor of the last row that is in.")
    newest = serializers.CharField(allow_blank=True, help_text="The newest there was when the present run began.")
    behind_seconds = serializers.FloatField(allow_null=True)
