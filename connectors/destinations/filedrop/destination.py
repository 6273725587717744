"""The file drop: each batch of a sync becomes one file in a folder of this server, written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from connectors.destinations.errors import Misconfigured, Temporary
from connectors.destinations.files.action import FORMAT, LAYOUT, PREFIX, WriteRows, place_problems
from connectors.destinations.kit import Account, Destination, Field, Outside


class DropFile(WriteRows):
    """Files below the drop folder of this installation."""

    def put(self, outside: Outside, account: Account, name: str, content: bytes) -> None:
        target = folder_of(outside, account) / name
        try:
            target.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise Temporary(f"The folder could not be made: {error.strerror}.", code="write_failed") from error
        write_whole(target, content)


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


filedrop = Destination(
    slug="filedrop",
    label="File drop",
    description="CSV, NDJSON or Parquet files in a folder of this server, for systems that read files.",
    settings={
        "folder": Field(label="Folder", default="", help="Below the drop folder of this installation, e.g. crm/daily."),
        "format": FORMAT,
        "layout": LAYOUT,
        "prefix": PREFIX,
    },
    actions={DropFile.slug: DropFile()},
    test=test,
    check=lambda settings, secrets: place_problems(settings),
)
