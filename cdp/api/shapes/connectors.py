"""Destinations, syncs, their runs and deliveries."""

from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape


class DestinationShape(Shape):
    """An account at a channel. Secrets are never shown."""

    id = Id()
    kind = serializers.CharField()
    name = serializers.CharField()
    settings = Anything()
    secrets_set = serializers.ListField(child=serializers.CharField(), help_text="Names of the secrets that are set.")
    state = serializers.CharField()
    state_reason = serializers.CharField(allow_blank=True)
    calls_per_second = serializers.FloatField(allow_null=True)
    created_at = Instant()
    updated_at = Instant()
    last_tested_at = Instant(allow_null=True)
    last_test_result = serializers.CharField(allow_blank=True)
    shown_once = serializers.DictField(
        child=serializers.CharField(), help_text="Secrets that were just made, in clear; empty ever after."
    )


class DestinationIn(Shape):
    """A new account at a channel."""

    kind = serializers.CharField(max_length=32, help_text="`webhook` or `filedrop`.")
    name = serializers.CharField(max_length=120)
    settings = serializers.DictField(required=False, default=dict, help_text="As the kind declares.")
    secrets = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Encrypted; never shown again."
    )
    calls_per_second = serializers.FloatField(required=False, allow_null=True)


class SyncShape(Shape):
    """A segment joined to a destination. `lag` is how far its cursor is behind the newest change."""

    id = Id()
    name = serializers.CharField()
    segment_id = Id()
    destination_id = Id()
    destination_name = serializers.CharField()
    destination_kind = serializers.CharField()
    action = serializers.CharField()
    mapping = Anything()
    identifier_kind = serializers.CharField()
    consent = serializers.CharField(
        allow_blank=True, help_text="The purposes that people must have consented to, with commas between."
    )
    consent_channel = serializers.CharField(allow_blank=True, help_text="The channel for which it must hold.")
    state = serializers.CharField()
    state_reason = serializers.CharField(allow_blank=True)
    cursor_seq = serializers.IntegerField()
    lag = serializers.IntegerField()
    sent = serializers.IntegerField()
    pending = serializers.IntegerField()
    failed = serializers.IntegerField()
    guard_percent = serializers.IntegerField()
    guard_rows = serializers.IntegerField()
    resync_every_hours = serializers.IntegerField(allow_null=True)
    last_resync_at = Instant(allow_null=True)
    last_delivered_at = Instant(allow_null=True)
    created_by = serializers.CharField(allow_blank=True)
    created_at = Instant()
    waiting_run_id = Id(allow_null=True, help_text="The run that waits for somebody's approval.")


class SyncIn(Shape):
    """A new sync."""

    name = serializers.CharField(max_length=120)
    segment = serializers.CharField(max_length=100, help_text="Id or slug of the segment.")
    destination_id = Id()
    action = serializers.CharField(max_length=64, required=False, help_text="The kind's first action when left out.")
    mapping = serializers.DictField(required=False, help_text="Fields of the action; its defaults when left out.")
    identifier_kind = serializers.CharField(
        max_length=64, required=False, help_text="`profile` for one row a person, or a kind of identifier."
    )
    consent = serializers.CharField(
        max_length=400, required=False, allow_blank=True,
        help_text="Only people who consented to these purposes are sent; several with commas between.",
    )  # fmt: skip
    consent_channel = serializers.CharField(
        max_length=64, required=False, allow_blank=True,
        help_text="The channel for which consent must hold, such as `email`.",
    )  # fmt: skip


class CountsShape(Shape):
    """Rows by operation."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    removed = serializers.IntegerField()


class RunShape(Shape):
    """One run of a sync."""

    id = Id()
    sync_id = Id()
    kind = serializers.CharField()
    state = serializers.CharField()
    from_seq = serializers.IntegerField()
    until_seq = serializers.IntegerField()
    expected_adds = serializers.IntegerField()
    expected_removes = serializers.IntegerField()
    sent_before = serializers.IntegerField()
    planned = CountsShape()
    delivered = CountsShape()
    failed = CountsShape()
    retried = serializers.IntegerField(help_text="Tries that were followed by another one of the same row.")
    skipped = serializers.IntegerField()
    skip_reasons = Anything()
    approved_by = serializers.CharField(allow_blank=True)
    started_at = Instant()
    finished_at = Instant(allow_null=True)
    forgotten = serializers.IntegerField(allow_null=True, help_text="Whom the channel no longer had, if it was asked.")
    foreign = serializers.IntegerField(allow_null=True, help_text="Whom it has that this sync did not send.")
    read_back_problem = serializers.CharField(allow_blank=True, help_text="Why the channel could not be asked.")


class DeliveryShape(Shape):
    """One row that was or will be sent. `label` is masked."""

    id = Id()
    sync_id = Id()
    run_id = Id()
    profile_id = Id()
    operation = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    next_attempt_at = Instant(allow_null=True)
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    key = serializers.CharField()
    planned_at = Instant()
    settled_at = Instant(allow_null=True)


class TestIn(Shape):
    """One person to try a sync with."""

    profile = serializers.CharField(max_length=600, help_text="Id, or an identifier as `kind:value`.")
    send = serializers.BooleanField(
        required=False, default=False, help_text="Make the call; without it the payload is only shown."
    )


class ExchangeShape(Shape):
    """One call to the channel and its answer. Secrets are masked; `status` is null when there was no answer."""

    method = serializers.CharField()
    url = serializers.CharField()
    request_headers = serializers.DictField(child=serializers.CharField())
    request_body = serializers.CharField(allow_blank=True)
    status = serializers.IntegerField(allow_null=True)
    response_headers = serializers.DictField(child=serializers.CharField())
    response_body = serializers.CharField(allow_blank=True)
    problem = serializers.CharField(allow_blank=True)


class TriedShape(Shape):
    """How one person went through a sync. Personal data is masked unless the token sees it."""

    sync_id = Id()
    profile_id = Id()
    is_member = serializers.BooleanField()
    operation = serializers.CharField(allow_blank=True, help_text="`add` or `update`; empty without a row.")
    rows = serializers.IntegerField(help_text="How many rows the person gives; the first is tried.")
    skipped = serializers.ListField(child=serializers.CharField(), help_text="Why there is no row.")
    payload = Anything(source="fields")
    sent = serializers.BooleanField()
    outcome = serializers.ChoiceField(
        choices=["", "delivered", "skipped", "refused", "unknown", "unusable"], help_text="Empty when nothing was sent."
    )
    code = serializers.CharField(allow_blank=True)
    told = serializers.CharField(allow_blank=True, help_text="The outcome in words.")
    run_id = Id(allow_null=True)
    removal_planned = serializers.BooleanField(
        help_text="True for somebody who is no member: the next turn takes them off again."
    )
    exchanges = ExchangeShape(many=True)
