"""Templates, messages that were sent or not, and what holds for all of them."""

from rest_framework import serializers

from campaigns.contracts import CHANNELS, REASONS
from cdp.api.shapes.fields import Anything, Id, Instant, Shape

_CLASSES = ("marketing", "transactional")
STATES = ("queued", "claimed", "handing", "sent", "unknown", "failed", "skipped", "cancelled")
_CONTENTS = (
    "Texts by channel, language and field: `{\"email\": {\"en\": {\"subject\": …, \"body\": …}}}`. E-mail: `subject`, "
    "`preheader`, `body` (MJML or HTML), `text`; sms and webhook: `body`; whatsapp: `body`, or `template` with "
    "`parameters`; webpush, mobilepush and inapp: `title`, `body`, `url`. All of it is Liquid."
)  # fmt: skip


class TemplateShape(Shape):
    """A template. `live` is the version that is sent; 0 while none is."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    message_class = serializers.ChoiceField(choices=_CLASSES)
    group = serializers.CharField(allow_blank=True, help_text="The subscription group whose members get it.")
    channels = serializers.ListField(child=serializers.CharField())
    live = serializers.IntegerField()
    newest = serializers.IntegerField()
    archived = serializers.BooleanField()
    created_by = serializers.CharField()
    created_at = Instant()
    changed_at = Instant()


class TemplateVersionShape(Shape):
    """The words at one time; never changed."""

    number = serializers.IntegerField()
    contents = Anything(help_text=_CONTENTS)
    language = serializers.CharField(help_text="Stands in for languages that are not there.")
    defaults = Anything(help_text="Variables that a send may leave out.")
    note = serializers.CharField(allow_blank=True)
    created_by = serializers.CharField()
    created_at = Instant()


class TemplateIn(Shape):
    """A new template with its first version."""

    name = serializers.CharField(max_length=200)
    slug = serializers.SlugField(max_length=80, required=False, help_text="Made from the name when left out.")
    message_class = serializers.ChoiceField(choices=_CLASSES)
    group = serializers.CharField(max_length=64, required=False, allow_blank=True)
    contents = Anything(help_text=_CONTENTS)
    language = serializers.CharField(max_length=16, required=False)
    defaults = Anything(required=False)


class TemplateVersionIn(Shape):
    """Other words, as the next version."""

    contents = Anything(help_text=_CONTENTS)
    language = serializers.CharField(max_length=16)
    defaults = Anything(required=False)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PublishIn(Shape):
    """Which version is sent from now on."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class TemplatePreviewIn(Shape):
    """For whom, and by what channel; without `version` the newest."""

    channel = serializers.ChoiceField(choices=CHANNELS)
    profile = serializers.CharField(max_length=600, help_text="An id, or an identifier as `kind:value`.")
    variables = Anything(required=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class RenderedShape(Shape):
    """What the person would get. `missing` are variables that are not there."""

    channel = serializers.CharField()
    language = serializers.CharField()
    content = Anything(source="fields", help_text="The texts by field.")
    missing = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class SendIn(Shape):
    """One message to one person."""

    template = serializers.CharField(max_length=80, help_text="Its slug or id.")
    profile = serializers.CharField(max_length=600, help_text="An id, or an identifier as `kind:value`.")
    key = serializers.CharField(
        max_length=200, required=False, help_text="The same key is the same message: it is sent once, for good."
    )
    channels = serializers.ListField(
        child=serializers.ChoiceField(choices=CHANNELS), required=False, max_length=7,
        help_text="Tried in order until one reaches the person; those of the template when left out.",
    )  # fmt: skip
    message_class = serializers.ChoiceField(
        choices=_CLASSES, required=False, help_text="That of the template when left out."
    )
    purpose = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="The consent that is needed; marketing needs one."
    )
    variables = Anything(required=False, help_text="An object; templates read them by name.")
    not_before = Instant(required=False)
    send_by = Instant(required=False)


class SendOutcomeShape(Shape):
    """What was decided."""

    id = Id(source="send_id")
    state = serializers.ChoiceField(choices=STATES)
    channel = serializers.CharField()
    reason = serializers.ChoiceField(choices=["", *REASONS], help_text="Why not, or why it waits.")
    due_at = Instant(allow_null=True)
    existing = serializers.BooleanField(help_text="Whether it was asked for before.")


class MessageShape(Shape):
    """A row of the ledger. It holds no address and no text."""

    id = Id()
    origin = serializers.CharField(source="key.origin")
    origin_version = serializers.IntegerField(source="key.version")
    instance = serializers.CharField(source="key.instance")
    step = serializers.CharField(source="key.step", allow_blank=True)
    identifier_id = Id(help_text="What it hangs on: the address, or the profile's founding identifier.")
    channel = serializers.CharField()
    template_id = Id()
    template_version = serializers.IntegerField()
    message_class = serializers.ChoiceField(choices=_CLASSES)
    purpose = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=STATES)
    reason = serializers.CharField(allow_blank=True)
    requested_at = Instant()
    due_at = Instant(allow_null=True)
    handed_at = Instant(allow_null=True)
    settled_at = Instant(allow_null=True)
    attempts = serializers.IntegerField()
    provider_id = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)


class InboxIn(Shape):
    """Whose in-app messages."""

    identifier = serializers.CharField(max_length=600, help_text="`kind:value`, such as `user_id:42`.")


class InboxMessageShape(Shape):
    """An in-app message."""

    id = Id()
    sent_at = Instant(allow_null=True)
    title = serializers.CharField(default="")
    body = serializers.CharField(default="")
    url = serializers.CharField(default="")


class InboxShape(Shape):
    """In-app messages, the newest first, at most 50."""

    data = InboxMessageShape(many=True)  # type: ignore[assignment]


class CapShape(Shape):
    """At most so many messages to a person in any so many hours."""

    channel = serializers.ChoiceField(choices=["", *CHANNELS], default="", help_text="Empty for all.")
    message_class = serializers.ChoiceField(choices=["", *_CLASSES], default="", help_text="Empty for all.")
    most = serializers.IntegerField(min_value=1, max_value=1000)
    hours = serializers.IntegerField(min_value=1, max_value=8784)


class SendingPolicyShape(Shape):
    """What holds for all sends."""

    quiet_from = serializers.IntegerField(required=False, help_text="Minute of the day; of marketing only.")
    quiet_until = serializers.IntegerField(required=False, help_text="The same as `quiet_from`: no quiet hours.")
    zone = serializers.CharField(max_length=64, required=False, help_text="Of whoever has no trait `timezone`.")
    holdout = serializers.IntegerField(required=False, help_text="Percent of people who get no marketing.")
    caps = CapShape(many=True, required=False)
    track_opens = serializers.BooleanField(required=False)
    track_clicks = serializers.BooleanField(required=False)


class SendingChannelShape(Shape):
    """A channel that is set up. Secrets are never shown."""

    channel = serializers.CharField()
    provider = serializers.CharField()
    settings = Anything()
    secrets = serializers.ListField(child=serializers.CharField(), help_text="Which are there.")
    paused = serializers.BooleanField()
    pause_reason = serializers.CharField(allow_blank=True)
    rest_until = Instant(allow_null=True)
    per_second = serializers.FloatField(allow_null=True, help_text="How many go out a second at most; null: no limit.")


class SendingChannelIn(Shape):
    """How a channel is set up; a secret or a rate that is left out stays."""

    provider = serializers.CharField(max_length=32)
    settings = Anything(help_text="Settings and secrets by name, as the page of the channel lists them.")
    per_second = serializers.FloatField(
        required=False, allow_null=True, help_text="How many go out a second at most, 0.1 to 10,000; null: no limit."
    )


class SubscriptionGroupShape(Shape):
    """What people can subscribe to. Its key is the purpose under which choices are recorded."""

    key = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    channels = serializers.ListField(child=serializers.ChoiceField(choices=CHANNELS), max_length=7)
    opt_out = serializers.BooleanField(default=False, help_text="Whether people are in it until they say no.")


class SubscriptionGroupsShape(Shape):
    """All groups."""

    data = SubscriptionGroupShape(many=True)  # type: ignore[assignment]


class SendingChannelsShape(Shape):
    """All channels that are set up."""

    data = SendingChannelShape(many=True)  # type: ignore[assignment]
