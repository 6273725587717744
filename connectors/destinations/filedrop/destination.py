"""The file drop: each batch of a sync becomes one file, written whole or not at all."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from connectors.destinations.errors import Misconfigured, Temporary
from connectors.destinations.filedrop import rows
from connectors.destinations.kit import Account, Action, Delivered, Destination, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]{0,99}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,60}")


class AppendRows(Action):
    """Write the batch as one file. Idempotent: the file's name is that of the batch, so a repeat writes it again."""

    slug = "append_rows"
    label = "Write rows"
    description = "A file for each batch, with an operation column: add, update or remove."
    fields = {
        "key": Field(
            label="Key columns",
            type="object",
            key=True,
            required=True,
            default={
                "profile_id": path("profile.id"),
                "identifier_kind": path("target.kind"),
                "identifier": path("target.value"),
            },
            help="What tells the reader who is meant. A removal has these columns alone.",
        ),
        "columns": Field(label="Columns", type="object", default={"segment": path("segment.slug")}),
    }
    batch_size = 5_000
    calls_per_second = 100.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        lines = [rows.as_row(payload) for payload in payloads]
        file_format = account.settings.get("format", "csv")
        content = rows.as_csv(lines, rows.header(outside.mapping)) if file_format == "csv" else rows.as_ndjson(lines)
        name = file_name(account.settings.get("prefix", ""), outside.run_id, outside.batch, file_format)
        write_whole(folder_of(outside, account) / name, content)
        return [Delivered(code="written", message=name) for _ in payloads]


def file_name(prefix: str, run_id: int, batch: str, file_format: str) -> str:
    """`<prefix>-run000012-<batch>.csv`: sorts by run; equal for every try of the same batch and for nothing else."""
    start = f"{prefix}-" if prefix else ""
    return f"{start}run{run_id:09d}-{batch}.{file_format}"


def folder_of(outside: Outside, account: Account) -> Path:
    """The account's folder, made if need be, and certainly inside the base folder whatever links lie in between."""
    base = outside.drop_folder
    wanted = base / account.settings.get("folder", "")
    try:
        base.mkdir(parents=True, exist_ok=True)
        if not wanted.resolve().is_relative_to(base.resolve()):
            raise Misconfigured("The folder leads out of the drop folder.", code="folder_refused")
        wanted.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"The folder cannot be used: {error.strerror}.", code="folder_unusable") from error
    return wanted.resolve()


def write_whole(target: Path, content: bytes) -> None:
    """Write beside, flush to disk, rename: a reader sees the whole file or none. An equal file is left alone."""
    part = target.with_name(f".{target.name}.part")
    try:
        if target.exists() and target.read_bytes() == content:
            return
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise Temporary(f"The file could not be written: {error.strerror}.", code="write_failed") from error


def _sync_folder(folder: Path) -> None:
    # The rename itself must be on disk before we say that the rows are delivered.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def test(outside: Outside, account: Account) -> str:
    """Write a small file and take it away again."""
    folder = folder_of(outside, account)
    probe = folder / ".cdp-test"
    try:
        write_whole(probe, b"test\n")
    except Temporary as error:
        raise Misconfigured(error.message, code=error.code) from error
    probe.unlink(missing_ok=True)
    return f"Files can be written to {account.settings.get('folder') or 'the drop folder'}."


def check(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """Refuse every folder that is not a plain relative one, before it is stored."""
    found = []
    folder = str(settings.get("folder", ""))
    if folder and not all(_SEGMENT.fullmatch(part) for part in folder.split("/")):
        found.append(
            "folder: name folders below the drop folder, such as crm/daily; no dots in front, no absolute path."
        )
    if not _PREFIX.fullmatch(str(settings.get("prefix", ""))):
        found.append("prefix: use letters, digits, _ and - (at most 60).")
    return found


filedrop = Destination(
    slug="filedrop",
    label="File drop",
    description="CSV or NDJSON files in a folder of this server, for systems that read files.",
    settings={
        "folder": Field(label="Folder", default="", help="Below the drop folder of this installation, e.g. crm/daily."),
        "format": Field(
            label="Format", type="choice", default="csv", choices=(("csv", "CSV"), ("ndjson", "NDJSON (JSON lines)"))
        ),
        "prefix": Field(label="File name begins with", default=""),
    },
    actions={AppendRows.slug: AppendRows()},
    test=test,
    check=check,
)
