"""Taking files in, checking them, and running them."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
import zstandard
from django.db import transaction

from common import audit, clock, jobs, pg
from connectors.imports.contracts import BadMapping, Counts, FileMapping, ImportView, Layout, UnreadableFile
from connectors.imports.mapping import read_mapping
from connectors.imports.models import Import
from connectors.imports.presets import PRESETS, recognised
from connectors.imports.reading import detect, table
from connectors.imports.selectors import view
from connectors.imports.suggesting import suggest
from connectors.imports.telling import MOST_TOLD, as_json, problem_lines
from connectors.storage.models import StoredFile
from connectors.storage.services import appending, delete_files, on_disk, store_file
from events import services as events
from identity import selectors as identity

log = logging.getLogger(__name__)

_SAMPLE = 1_000
# "impo" in ASCII; one worker at a time works at one import, and a killed one lets go of it.
_LOCK = 0x696D706F
_TELL = "update common_job set done = %s, updated_at = now() where id = %s returning cancel_requested"
_ADVANCE = "update connectors_import set next_row = %s, counts = %s where id = %s"


# By what the messages of a slice are known again when the import is undone.
_MARK = "insert into connectors_importslice (import_id, received_at, hashes) values (%s, %s, %s)"


class NotNow(ValueError):
    """The act does not fit the import's state; the message says why."""


class _Stopped(Exception):
    """Somebody asked the job to stop."""


def take_file(*, source_id: int, name: str, chunks: Iterable[bytes], by: str, now: datetime) -> ImportView:
    """Keep a file and look at it: a draft with layout, header and a suggested mapping. Raises UnreadableFile."""
    with closing(pg.connect(autocommit=True)) as conn:
        stored = store_file(conn, name=name, chunks=chunks, now=now)
    try:
        with on_disk(stored.pk) as path:
            layout = detect(path)
            header, sample = look(path, layout)
    except UnreadableFile:
        delete_files([stored.pk])
        raise
    fingerprint = _fingerprint(header)
    earlier = (
        Import.objects.filter(source_id=source_id, header_hash=fingerprint).exclude(mapping={}).order_by("-pk").first()
    )
    row = Import.objects.create(
        source_id=source_id, file=stored, file_name=stored.name, layout=_layout_json(layout), header=header,
        header_hash=fingerprint, mapping=earlier.mapping if earlier else guessed(header, sample), created_by=by,
        created_at=now,
    )  # fmt: skip
    return view(row)


def known_mapping(import_id: int) -> dict[str, Any] | None:
    """The mapping by which a file with the same header came into the same source last, or None."""
    row = Import.objects.get(pk=import_id)
    done = Import.objects.filter(source_id=row.source_id, header_hash=row.header_hash, state=Import.State.DONE)
    last = done.order_by("-pk").first()
    return dict(last.mapping) if last else None


def look(path: Path, layout: Layout) -> tuple[list[str], list[Any]]:
    """The header and some rows. Raises UnreadableFile."""
    with table(path, layout) as opened:
        return list(opened.header), list(islice(opened.rows, _SAMPLE))


def guessed(header: list[str], sample: list[Any]) -> dict[str, Any]:
    """The mapping of a file that is seen for the first time: its format when that is known, else a suggestion."""
    preset = recognised(header)
    return {"rows": "track", "columns": [], "preset": preset} if preset else suggested(header, sample)


def suggested(header: list[str], sample: list[Any]) -> dict[str, Any]:
    """A mapping for a file that is seen for the first time."""
    return suggest(header, sample, roles_of=identity.column_roles)


def sample_rows(import_id: int, *, most: int = 5) -> list[list[Any]]:
    """The first rows of the file, as they are in it. Empty when they cannot be read."""
    row = Import.objects.get(pk=import_id)
    if row.file_id is None:
        return []
    try:
        with on_disk(row.file_id) as path, table(path, layout_of(row)) as opened:
            return [list(one) for one in islice(opened.rows, most)]
    except UnreadableFile:
        return []


@transaction.atomic
def change_layout(*, import_id: int, encoding: str, delimiter: str, sheet: str) -> ImportView:
    """Read the file differently; the mapping is suggested anew when its columns are others. Raises UnreadableFile."""
    row = _draft(import_id)
    changed = {**row.layout, "encoding": encoding, "delimiter": delimiter, "sheet": sheet}
    with on_disk(row.file_id or 0) as path:
        header, sample = look(path, Layout(**{**changed, "sheets": tuple(changed["sheets"])}))
    if header != row.header:
        row.mapping = guessed(header, sample)
    row.layout, row.header, row.header_hash, row.checked = changed, header, _fingerprint(header), None
    row.save()
    return view(row)


@transaction.atomic
def request_run(*, import_id: int, mapping: Mapping[str, Any], dry: bool, by: str, now: datetime) -> ImportView:
    """Keep the mapping, and have the rows counted (`dry`) or taken in. Raises BadMapping or NotNow."""
    row = _draft(import_id)
    read_mapping(mapping, row.header, formats=True)
    what = "Check of" if dry else "Import of"
    total = row.checked["rows"] if row.checked else None
    row.mapping, row.dry, row.state, row.next_row = dict(mapping), dry, Import.State.WAITING, 0
    row.job_id, row.error = jobs.start("import", f"{what} {row.file_name}"[:200], total=total, by=by), ""
    row.save()
    if not dry:
        audit.record(
            actor=by, action="import.started", object_type="source", object_id=row.source_id, at=now,
            summary=f"Started the import of {row.file_name}", after={"import_id": row.pk, "mapping": row.mapping},
        )  # fmt: skip
    return view(row)


def _draft(import_id: int) -> Import:
    row = Import.objects.select_for_update().get(pk=import_id)
    if row.state != Import.State.DRAFT:
        raise NotNow(f"The import is {row.state}. Upload the file again to import it anew.")
    return row


def run_imports(*, now: datetime, after: Callable[[], None] = lambda: None, only: int | None = None) -> int:
    """Work at every import that waits, or that a process which died has left; answers how many came to an end.

    `after` is called whenever rows are durable in the inbox. `only` names a single import.
    """
    ended, ticker = 0, clock.Ticker(now)
    waiting = Import.objects.filter(state=Import.State.WAITING, **({} if only is None else {"pk": only}))
    for import_id in waiting.order_by("pk").values_list("pk", flat=True):
        with closing(pg.connect(autocommit=True)) as conn:
            mine = pg.try_lock(conn, _LOCK, import_id)
            row = Import.objects.filter(pk=import_id, state=Import.State.WAITING).first() if mine else None
            if row is not None:
                _work(row, conn, ticker, after)
                ended += 1
    return ended


def _work(row: Import, conn: psycopg.Connection[Any], ticker: clock.Ticker, after: Callable[[], None]) -> None:
    try:
        counts = _run(row, conn, ticker, after)
    except _Stopped:
        _end(row, Import.State.DRAFT if row.dry else Import.State.CANCELLED, at=ticker())
    except (UnreadableFile, BadMapping) as wrong:
        _end(row, Import.State.DRAFT if row.dry else Import.State.FAILED, at=ticker(), error=str(wrong))
    except Exception as error:
        log.exception("import %s failed", row.pk)
        _end(row, Import.State.FAILED, at=ticker(), error=f"It could not go on: {type(error).__name__}.")
    else:
        state = Import.State.DRAFT if row.dry else Import.State.DONE
        _end(row, state, at=ticker(), counts=counts)


def _run(row: Import, conn: psycopg.Connection[Any], ticker: clock.Ticker, after: Callable[[], None]) -> Counts:
    """Go through the rows; those before `next_row` are in already and only counted."""
    from connectors.imports import running  # pyarrow and numpy's functions are for the worker that reads

    mapping = read_mapping(row.mapping, row.header, formats=True)
    problems = _Problems(row, conn, ticker)
    compressor = zstandard.ZstdCompressor(level=1)
    begun = row.next_row
    with on_disk(row.file_id or 0) as path, table(path, layout_of(row), also=_also(mapping)) as opened:
        judge = running.Judge(opened, mapping)
        for piece in judge.slices():
            if piece.last_row > begun and not row.dry:
                with conn.transaction():
                    if piece.items:
                        at = ticker()
                        events.store(
                            conn, source_id=row.source_id, document=piece.document, events=piece.items, client_ip=None,
                            received_at=at, compressor=compressor,
                        )  # fmt: skip
                        conn.execute(_MARK, (row.pk, at, _hashes(row.source_id, piece.message_ids)))
                    problems.tell(piece.problems)
                    conn.execute(_ADVANCE, (piece.last_row, _json(judge.counts), row.pk))
                after()
            elif row.dry:
                problems.tell(piece.problems)
            told = conn.execute(_TELL, (piece.last_row, row.job_id)).fetchone()
            if told and told[0]:
                raise _Stopped
    return judge.counts


class _Problems:
    """The file of problems, a part a slice. One that a killed run left goes on where its last part ends."""

    def __init__(self, row: Import, conn: psycopg.Connection[Any], ticker: clock.Ticker) -> None:
        if row.problems_id and row.next_row == 0:
            delete_files([row.problems_id])
            row.problems_id = None
        if row.problems_id is None:
            row.problems = StoredFile.objects.create(name=f"problems of {row.file_name}"[:255], created_at=ticker())
            row.save(update_fields=["problems"])
        parts = row.problems.parts if row.problems else None
        first = parts.count() if parts else 0
        self._keep, self._head, self._left = (
            appending(conn, row.problems_id or 0, first=first),
            first == 0,
            MOST_TOLD,
        )

    def tell(self, problems: list[Any]) -> None:
        shown = problems[: max(self._left, 0)]
        self._left -= len(shown)
        if shown:
            self._keep(problem_lines(shown, head=self._head))
            self._head = False


@transaction.atomic
def _end(row: Import, state: str, *, at: datetime, error: str = "", counts: Counts | None = None) -> None:
    changes: dict[str, Any] = {"state": state, "error": error, "finished_at": at}
    if counts is not None:
        changes["checked" if row.dry else "counts"] = as_json(counts)
    Import.objects.filter(pk=row.pk).update(**changes)
    if state != Import.State.DRAFT and row.file_id:
        delete_files([row.file_id])
    if row.job_id:
        told = {"rows": counts.rows, "good": counts.good} if counts else {}
        jobs.finish(row.job_id, counts=told, error=error)


def suggested_mapping(path: Path) -> dict[str, Any]:
    """The mapping that is guessed for a file on this machine. Raises UnreadableFile."""
    return guessed(*look(path, detect(path)))


def check_file(path: Path, *, mapping: Mapping[str, Any] | None = None) -> Counts:
    """Count what an import of a file on this machine would do; without a mapping, by the guessed one."""
    from connectors.imports import running

    layout = detect(path)
    header, sample = look(path, layout)
    read: FileMapping = read_mapping(mapping or guessed(header, sample), header, formats=True)
    with table(path, layout, also=_also(read)) as opened:
        judge = running.Judge(opened, read)
        for _ in judge.slices():
            pass
    return judge.counts


def layout_of(row: Import) -> Layout:
    """As it was kept."""
    return Layout(**{**row.layout, "sheets": tuple(row.layout.get("sheets", ()))})


def _layout_json(layout: Layout) -> dict[str, Any]:
    return {name: getattr(layout, name) for name in layout.__slots__}


def _fingerprint(header: Iterable[str]) -> str:
    return hashlib.blake2b("\0".join(header).encode(), digest_size=16).hexdigest()


def _also(mapping: FileMapping) -> Sequence[str]:
    preset = PRESETS.get(mapping.preset)
    return (*preset.known_by, *preset.also) if preset else ()


def _hashes(source_id: int, message_ids: list[str]) -> bytes:
    made = (events.message_hash(source_id, one) for one in message_ids)
    return np.fromiter(made, dtype=np.uint64, count=len(message_ids)).tobytes()


def _json(counts: Counts) -> str:
    return orjson.dumps(as_json(counts)).decode()
