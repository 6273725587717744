"""Writing, reading and deleting stored files."""

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from common import pg
from connectors.storage.models import FilePart, StoredFile

PART_BYTES = 1_000_000
_ADD = "insert into connectors_filepart (file_id, number, content) values (%s, %s, %s)"

Keep = Callable[[bytes], None]


class Parts(io.RawIOBase):
    """A file to write to, which hands its content on in parts of a megabyte. `size` is what was written so far."""

    def __init__(self, keep: Keep) -> None:
        self._keep, self._held, self.size = keep, bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]
        self._held += piece
        self.size += len(piece)
        while len(self._held) >= PART_BYTES:
            self._hand_on(PART_BYTES)
        return len(piece)

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        if not self.closed and self._held:
            self._hand_on(len(self._held))
        super().close()

    def _hand_on(self, size: int) -> None:
        self._keep(bytes(self._held[:size]))
        del self._held[:size]


def appending(conn: psycopg.Connection[Any], file_id: int, *, first: int = 0) -> Keep:
    """What adds parts to a file, numbered from `first`, on a connection of the caller's."""
    number = first

    def keep(content: bytes) -> None:
        nonlocal number
        conn.execute(_ADD, (file_id, number, content))
        number += 1

    return keep


def store_file(conn: psycopg.Connection[Any], *, name: str, chunks: Iterable[bytes], now: datetime) -> StoredFile:
    """Keep a whole file."""
    made = StoredFile.objects.create(name=name[:255], created_at=now)
    out = Parts(appending(conn, made.pk))
    for chunk in chunks:
        out.write(chunk)
    out.close()
    made.size = out.size
    made.save(update_fields=["size"])
    return made


def read_file(file_id: int) -> Iterator[bytes]:
    """The file, a part at a time; nothing when it is gone."""
    number = 0
    while (part := FilePart.objects.filter(file_id=file_id, number=number).first()) is not None:
        yield bytes(part.content)
        number += 1


@contextmanager
def on_disk(file_id: int) -> Iterator[Path]:
    """The file as one on this machine's disk, for readers that jump about in it; gone afterwards."""
    with tempfile.NamedTemporaryFile(prefix="cdp-file-") as copy:
        for part in read_file(file_id):
            copy.write(part)
        copy.flush()
        yield Path(copy.name)


def delete_files(ids: Iterable[int]) -> int:
    """Delete files with their parts; answers how many there were."""
    wanted = list(ids)
    # By statements of our own: Django would read a gigabyte of parts to delete them.
    FilePart.objects.filter(file_id__in=wanted)._raw_delete("default")
    return StoredFile.objects.filter(pk__in=wanted).delete()[0]


def keep_file(*, name: str, chunks: Iterable[bytes], now: datetime) -> tuple[int, int]:
    """Keep a whole file in the caller's transaction, for another app; answers its id and its size in bytes."""
    made = store_file(pg.raw(), name=name, chunks=chunks, now=now)
    return made.pk, made.size or 0
