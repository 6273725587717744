"""Asking for feature files, and writing those that were asked for."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from django.db import InterfaceError, OperationalError, transaction

from common import audit, jobs, pg, turns
from common.clock import Ticker
from connectors import selectors as files
from connectors import services as file_services
from insights.contracts import FeatureTable, NotPossible
from insights.features.contracts import BadFeature
from insights.features.reading import chosen, declared, expect_one_currency, features_of
from insights.settings import setting
from insights.tables.contracts import LABEL_DAYS, BadTable, FeatureFileView
from insights.tables.models import FeatureFile
from insights.tables.parquet import FeatureWriter

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
# "feat" in ASCII.
_LOCK = 0x66656174
_CHUNK = 1_000_000
_MOST = 200
_MEMBERS = """
select profile_id from segments_membership
where octet_length(bits) > %(id)s / 8 and get_bit(bits, %(id)s) = 1 order by profile_id
"""
_GONE = "select count(*) from identity_trait where profile_id = any(%(ids)s)"


class _Again(Exception):
    """Somebody was erased or merged while the file was written."""


@transaction.atomic
def request_table(
    *, features: Sequence[str], by: str, now: datetime, as_of: datetime | None = None, segment_id: int = 0,
    label_days: int = 0, personal: bool = False, via: str = "ui",
) -> FeatureFileView:  # fmt: skip
    """Have features written to a Parquet file by a worker. With `label_days` it is a training set: `as_of` lies that
    far back, and what was ordered since is told as labels. Raises BadTable.

    `personal`: texts as they are. Whoever calls this has checked that the asker may see them.
    """
    names = list(dict.fromkeys(features))
    if not 0 < len(names) <= _MOST:
        raise BadTable(f"features: choose 1 to {_MOST} of them.")
    try:
        chosen(names)
    except BadFeature as wrong:
        raise BadTable(f"features: {wrong}") from None
    if label_days not in LABEL_DAYS:
        raise BadTable(f"label_days: choose one of {', '.join(str(one) for one in LABEL_DAYS)}.")
    instant = as_of or now - timedelta(days=label_days)
    if instant + timedelta(days=label_days) > now:
        raise BadTable(f"as_of: {label_days or 'no'} days after it must have passed; choose an earlier instant.")
    title = f"{'Training set' if label_days else 'Features'} as Parquet"
    row = FeatureFile.objects.create(
        features=names, as_of=instant, segment_id=segment_id, label_days=label_days, personal=personal,
        job_id=jobs.start("export", title, by=by), requested_by=by, created_at=now,
    )  # fmt: skip
    audit.record(
        actor=by, via=via, action="features.requested", object_type="feature_file", object_id=row.pk, at=now,
        summary=title, after={"features": names, "label_days": label_days, "personal": personal},
    )  # fmt: skip
    return view(row)


def write_tables(*, now: datetime) -> int:
    """Write every file that waits, or that a process which died has left; answers how many are ready."""
    done, ticker = 0, Ticker(now)
    for file_id in FeatureFile.objects.filter(state="waiting").order_by("pk").values_list("pk", flat=True):
        with closing(pg.connect(autocommit=True)) as aside:
            mine = pg.try_lock(aside, _LOCK, file_id)
            row = FeatureFile.objects.filter(pk=file_id, state="waiting").first() if mine else None
            if row is not None:
                done += _write(row, ticker)
    return done


def _write(row: FeatureFile, ticker: Ticker) -> bool:
    try:
        jobs.go_on(row.job_id)
        table, labels = _read(row)
        jobs.progress(row.job_id, 0, total=len(table), stage="writing")
        with tempfile.NamedTemporaryFile(prefix="cdp-features-") as scratch:
            _to_parquet(Path(scratch.name), table, labels, personal=row.personal)
            _keep(row, Path(scratch.name), table, at=ticker())
    except jobs.Cancelled:
        _end(row, FeatureFile.State.CANCELLED, at=ticker())
    except (NotPossible, BadFeature) as wrong:
        _end(row, FeatureFile.State.FAILED, at=ticker(), error=str(wrong))
    except (_Again, InterfaceError, OperationalError, psycopg.InterfaceError, psycopg.OperationalError):
        log.info("feature file %s stays waiting", row.pk)
    except Exception as error:
        log.exception("feature file %s failed", row.pk)
        _end(row, FeatureFile.State.FAILED, at=ticker(), error=f"It could not be written: {type(error).__name__}.")
    else:
        return True
    return False


def _read(row: FeatureFile) -> tuple[FeatureTable, dict[str, Any]]:
    profiles = None
    if row.segment_id:
        with psycopg.Cursor(pg.raw()) as cursor:
            profiles = [one for (one,) in cursor.execute(_MEMBERS, {"id": row.segment_id}).fetchall()]
    table = features_of(row.features, as_of=row.as_of, profiles=profiles)
    if not row.label_days:
        return table, {}
    expect_one_currency(orders=setting().orders, as_of=row.as_of + timedelta(days=row.label_days))
    names = (f"orders_{row.label_days}d", f"revenue_{row.label_days}d")
    later = features_of(names, as_of=row.as_of + timedelta(days=row.label_days), profiles=table.profile_ids.tolist())
    # Between the two readings people may have been put together; only those of both are told.
    _, here, there = np.intersect1d(table.profile_ids, later.profile_ids, return_indices=True)
    kept = {name: _picked(values, here) for name, values in table.columns.items()}
    labels = {label: _picked(later.columns[name], there) for label, name in zip(
        ("label_orders", "label_revenue"), names, strict=True)}  # fmt: skip
    return FeatureTable(table.as_of, table.profile_ids[here], kept), labels


def _picked(values: Any, places: Any) -> Any:
    return values[places] if isinstance(values, np.ndarray) else [values[place] for place in places.tolist()]


def _to_parquet(path: Path, table: FeatureTable, labels: dict[str, Any], *, personal: bool) -> None:
    columns = {**table.columns, **labels}
    texts = [name for name, values in columns.items() if not isinstance(values, np.ndarray)]
    told_as = {name: one.property or name for name, one in declared().items()}
    with FeatureWriter(
        path, as_of=table.as_of, columns=list(columns), texts=texts, told_as=told_as, personal=personal
    ) as writer:
        writer.write(table.profile_ids, columns)


@transaction.atomic
def _keep(row: FeatureFile, path: Path, table: FeatureTable, *, at: datetime) -> None:
    """Store the file under the turn, unless one of its people is no more: an erasure has the turn, too, and takes away
    all files that are there."""
    turns.borrow(pg.raw())
    with psycopg.Cursor(pg.raw()) as cursor:
        found = cursor.execute(_GONE, {"ids": pg.int8s(table.profile_ids)}).fetchone()
    if found is None or found[0] != len(table):
        raise _Again
    file_id, size = file_services.keep_file(name=view(row).file_name, chunks=_chunks(path), now=at)
    FeatureFile.objects.filter(pk=row.pk).update(
        state=FeatureFile.State.DONE, file_id=file_id, size=size, rows=len(table), finished_at=at
    )
    jobs.finish(row.job_id, counts={"people": len(table)})


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as written:
        while piece := written.read(_CHUNK):
            yield piece


@transaction.atomic
def _end(row: FeatureFile, state: str, *, at: datetime, error: str = "") -> None:
    FeatureFile.objects.filter(pk=row.pk).update(state=state, error=error, finished_at=at)
    jobs.finish(row.job_id, error=error)


def tables(*, limit: int = 100) -> list[FeatureFileView]:
    """Feature files, the newest first."""
    return [view(row) for row in FeatureFile.objects.order_by("-pk")[:limit]]


def table(file_id: int) -> FeatureFileView | None:
    """One feature file."""
    row = FeatureFile.objects.filter(pk=file_id).first()
    return view(row) if row else None


def table_file(file_id: int) -> Iterator[bytes]:
    """The content, a part at a time; nothing when it is gone."""
    found = FeatureFile.objects.filter(pk=file_id, state="done").values_list("file_id", flat=True).first()
    return files.kept_file(found) if found else iter(())


def note_table_download(found: FeatureFileView, *, by: str, now: datetime, via: str = "ui") -> None:
    """Put into the audit log that somebody took the file."""
    audit.record(
        actor=by, via=via, action="features.downloaded", object_type="feature_file", object_id=found.id, at=now,
        summary=f"Took the file {found.file_name}", after={"rows": found.rows, "personal": found.personal},
    )  # fmt: skip


@transaction.atomic
def expire_tables(*, now: datetime) -> int:
    """Delete files that are older than a week; answers how many."""
    return _take_away(FeatureFile.objects.filter(state="done", finished_at__lt=now - KEPT))


@transaction.atomic
def erase_tables() -> dict[str, int]:
    """Delete every file that is there: any of them may hold whoever is being erased. The caller has the turn."""
    return {"insights_featurefile": _take_away(FeatureFile.objects.filter(state="done"))}


def _take_away(rows: Any) -> int:
    gone = dict(rows.values_list("pk", "file_id"))
    FeatureFile.objects.filter(pk__in=gone).update(state=FeatureFile.State.EXPIRED, file_id=None)
    file_services.drop_files([one for one in gone.values() if one])
    return len(gone)


def view(row: FeatureFile) -> FeatureFileView:
    """The contract of one row."""
    return FeatureFileView(
        row.pk, tuple(row.features), row.as_of, row.segment_id, row.label_days, row.personal, row.state, row.job_id,
        row.rows, row.size, row.error, row.requested_by, row.created_at, row.finished_at,
    )  # fmt: skip
