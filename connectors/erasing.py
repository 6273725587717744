"""Erasing people from what waits for channels, and from files that hold them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from connectors.exports.models import Export
from connectors.imports.models import Import
from connectors.imports.searching import names_any
from connectors.storage.services import delete_files
from connectors.syncs.contracts import ChannelStanding

# What each channel has of the person, and what is on its way there.
_STANDING = """
select y.id, y.name, d.name, y.state,
       (select count(*) from connectors_sent s where s.sync_id = y.id and s.profile_id = any(%(profiles)s)),
       (select count(*) from connectors_delivery e where e.sync_id = y.id and e.profile_id = any(%(profiles)s)
           and e.state in ('pending', 'in_flight')),
       (select count(*) from connectors_delivery e where e.sync_id = y.id and e.profile_id = any(%(profiles)s)
           and e.state in ('failed', 'dead')
           and exists (select from connectors_sent s where s.sync_id = y.id
                       and s.identifier_hash = e.identifier_hash)),
       (select count(*) from connectors_delivery e where e.sync_id = y.id and e.profile_id = any(%(profiles)s)
           and e.state = 'delivered' and e.operation = 'remove')
from connectors_sync y join connectors_destination d on d.id = y.destination_id
where exists (select from connectors_sent s where s.sync_id = y.id and s.profile_id = any(%(profiles)s))
   or exists (select from connectors_delivery e where e.sync_id = y.id and e.profile_id = any(%(profiles)s))
order by y.id
"""
_FORGET = {
    "connectors_delivery": "profile_id = any(%(profiles)s)",
    "connectors_sent": "profile_id = any(%(profiles)s)",
    "connectors_touched": "profile_id = any(%(profiles)s)",
    "connectors_unreached": "profile_id = any(%(profiles)s)",
}


def channel_standings(conn: psycopg.Connection[Any], *, profile_ids: Sequence[int]) -> list[ChannelStanding]:
    """For each sync that has, had or waits with anything of these profiles, how far their removal is."""
    rows = conn.execute(_STANDING, {"profiles": list(profile_ids)}).fetchall()
    return [ChannelStanding(*row) for row in rows]


def forget_deliveries(conn: psycopg.Connection[Any], *, profile_ids: Sequence[int]) -> dict[str, int]:
    """Delete what was kept to deliver these profiles. Runs keep their numbers."""
    given = {"profiles": pg.int8s(profile_ids)}
    with psycopg.Cursor(conn) as cursor:
        return {
            table: cursor.execute(f"delete from {table} where {which}", given).rowcount
            for table, which in _FORGET.items()
        }


def erase_files(*, segment_ids: Sequence[int], values: Sequence[str], now: datetime) -> dict[str, int]:
    """Delete the files of exports of these segments, and files that were handed in and name one of the values.

    A file whose rows are just coming in is left: it goes when they are in, and rows of the suppressed are dropped.
    """
    exports = Export.objects.filter(segment_id__in=segment_ids).exclude(file=None)
    files: list[int | None] = list(exports.values_list("file_id", flat=True))
    exported = exports.update(state=Export.State.EXPIRED, file=None)
    handed_in = Import.objects.exclude(file=None, problems=None).exclude(state=Import.State.WAITING)
    named = [row for row in handed_in if names_any(row, values)]
    for row in named:
        files += [row.file_id, row.problems_id]
        ended = {} if row.finished_at else {"state": Import.State.CANCELLED, "finished_at": now}
        Import.objects.filter(pk=row.pk).update(file=None, problems=None, **ended)
    delete_files([one for one in files if one])
    return {"connectors_export": exported, "connectors_import": len(named)}


def imports_under_way() -> bool:
    """Whether rows of a file are coming in now."""
    return Import.objects.filter(state=Import.State.WAITING, dry=False).exists()
