"""Sources, jobs and the identity policy."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape
from connectors.contracts import IpKept, Robots


class SourceShape(Shape):
    """Where events come from. The write key is shown to tokens with `admin:*`."""

    id = Id()
    name = serializers.CharField()
    slug = serializers.CharField()
    kind = serializers.CharField()
    enabled = serializers.BooleanField()
    created_at = Instant()
    write_key = serializers.SerializerMethodField()

    @extend_schema_field({"type": ["string", "null"]})
    def get_write_key(self, row: Any) -> str | None:
        return row.write_key if self.context.get("keys") else None


class HandlingShape(Shape):
    """How items of a source are handled on their way in."""

    ip_kept = serializers.ChoiceField(
        choices=list(IpKept), help_text="How much of addresses is kept: of the connection, and `context.ip`."
    )
    fill_in = serializers.BooleanField(
        help_text="Fill in browser, system, device, language and campaign where the library sent none."
    )
    robots = serializers.ChoiceField(
        choices=list(Robots), help_text="`flag`: let in, marked, and no visit. `drop`: dropped and counted."
    )
    origins = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, max_length=50,
        help_text="Websites that may have the visitor cookie set, each as its origin: scheme, host, and port if any.",
    )  # fmt: skip


class SourceIn(Shape):
    """A new source."""

    name = serializers.CharField(max_length=120)
    kind = serializers.CharField(max_length=32, default="web", help_text="`web`, `mobile`, `server` and the like.")


class ProgressShape(Shape):
    """How far a job is; `total` is null while it is not known."""

    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    stage = serializers.CharField(allow_blank=True)


class JobShape(Shape):
    """Long work with its progress."""

    id = Id(source="pk")
    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=["running", "succeeded", "failed", "cancelled"])
    progress = ProgressShape(source="*")
    counts = Anything()
    error = serializers.CharField(allow_blank=True)
    started_at = Instant()
    finished_at = Instant(allow_null=True)


class PolicyShape(Shape):
    """One version of the identity policy."""

    version = serializers.IntegerField()
    active = serializers.BooleanField()
    spec = Anything()
    note = serializers.CharField(allow_blank=True)
    created_at = Instant(allow_null=True)
    created_by = serializers.CharField(allow_blank=True)


class SimulateIn(Shape):
    """A changed policy to try on the real data without writing; keys that are left out stay as they are."""

    spec = serializers.DictField()


class SimulationShape(Shape):
    """What the changed policy would do."""

    profiles = serializers.IntegerField(help_text="How many there are now.")
    merges = serializers.IntegerField()
    splits = serializers.IntegerField()
    profiles_affected = serializers.IntegerField()
    identifiers_moved = serializers.IntegerField()
    links_refused = serializers.IntegerField()
    links_no_longer_refused = serializers.IntegerField()
    traits_changed = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.DictField())
