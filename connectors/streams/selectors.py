"""Reading streams' settings and lag."""

import json

from common import crypto
from connectors.streams.contracts import PartitionView, ShardView, StreamView
from connectors.streams.models import Stream


def stream(source_id: int) -> StreamView | None:
    """The stream of a source, or None."""
    row = Stream.objects.filter(source_id=source_id).first()
    return view(row) if row else None


def view(row: Stream) -> StreamView:
    """One row as it is handed out: which secrets are set, never what they are."""
    partitions = [
        PartitionView(one.partition, one.next_offset, one.end_offset, one.lost)
        for one in row.offsets.order_by("partition")
    ]
    shards = [
        ShardView(one.shard, one.behind_ms / 1000, one.records, one.done) for one in row.shards.order_by("shard")
    ]  # fmt: skip
    return StreamView(
        id=row.pk, source_id=row.source_id, kind=row.kind, settings=row.settings, secrets_set=_names(row),
        enabled=row.enabled, problem=row.problem, last_read_at=row.last_read_at, partitions=partitions, shards=shards,
    )  # fmt: skip


def _names(row: Stream) -> tuple[str, ...]:
    try:
        return tuple(json.loads(crypto.decrypt(row.secrets))) if row.secrets else ()
    except crypto.CannotDecrypt:
        return ()
