"""Files that came in through a source."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape


class Tally(Anything):
    """Counts of rows."""

    def to_representation(self, value: Any) -> Any:
        return asdict(value)


class ImportShape(Shape):
    """One file. `checked` is what was counted before, `counts` what came in, `undone` what an undo takes away."""

    id = Id()
    source_id = Id()
    file_name = serializers.CharField()
    state = serializers.ChoiceField(choices=["draft", "waiting", "done", "failed", "cancelled"])
    checked = Tally(allow_null=True, help_text="Rows, duplicates, refusals and what is pointed at, by reason.")
    counts = Tally(allow_null=True)
    job_id = Id(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    undo_state = serializers.ChoiceField(choices=["", "counting", "counted", "undoing", "undone"], allow_blank=True)
    undone = Anything(allow_null=True, help_text="Events, people, identifiers, links, claims, memberships.")
    undo_job_id = Id(allow_null=True)
    undo_error = serializers.CharField(allow_blank=True)
    can_be_undone = serializers.BooleanField()
    created_by = serializers.CharField()
    created_at = Instant()
    finished_at = Instant(allow_null=True)


class UndoIn(Shape):
    """How to undo."""

    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Only count what would go; `undone` then has the numbers."
    )
