"""Link files without a database: CSV, Parquet and NDJSON in, clusters and scored pairs out.

A file is read as text by DuckDB, its columns are recognised or told by a map, and the rows become the same records
that profiles become.
"""

import codecs
import gc
import gzip
import multiprocessing
import os
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from identity.linkage import columns, roles, whole_columns
from identity.linkage.fields import Record, make_record
from identity.linkage.role_names import ROLES
from identity.linkage.unreadable import UnreadableFile

CHUNK = 20_000
_CHUNK_BYTES = 1 << 20
# Below so many rows a second process costs more than it saves.
_ALONE = 60_000
_READERS = {
    ".csv": "read_csv(?, all_varchar = true, header = true, sample_size = -1, null_padding = true, encoding = ?)",
    ".tsv": "read_csv(?, all_varchar = true, header = true, delim = '\\t', null_padding = true, encoding = ?)",
    ".parquet": "read_parquet(?)",
    ".ndjson": "read_json(?, format = 'newline_delimited', maximum_object_size = 10000000)",
    ".jsonl": "read_json(?, format = 'newline_delimited', maximum_object_size = 10000000)",
}
_ROLES = frozenset(ROLES) | {roles.IGNORE, roles.FURTHER, roles.KEY, roles.SOURCE}


@dataclass(frozen=True, slots=True)
class Source:
    """One file, with the role of each of its columns and how that was found."""

    path: Path
    guesses: Mapping[str, roles.Guess]
    rows: int
    # What each further column can tell, by its name.
    information: Mapping[str, float]

    @property
    def others(self) -> list[str]:
        """The columns that are compared as they are."""
        return [name for name, guess in self.guesses.items() if guess.role == roles.FURTHER]

    @property
    def named(self) -> bool:
        """Whether a column holds names: without any nobody is merged unasked."""
        return any(guess.role in roles.NAME_ROLES for guess in self.guesses.values())


def open_source(path: Path, told: Mapping[str, str] | None = None) -> Source:
    """Recognise the columns of a file; `told` maps columns to roles and wins.

    Raises:
        UnreadableFile: the file is missing, empty or of an unknown kind, or the map names unknown columns or roles.
    """
    sample = _columns(path, limit=roles.SAMPLE)
    if not sample or not any(sample.values()):
        raise UnreadableFile(f"{path} has no rows")
    wrong = [f"{name}: {role}" for name, role in (told or {}).items() if role not in _ROLES]
    if wrong:
        raise UnreadableFile(f"the map gives unknown roles: {', '.join(wrong)}; known are {', '.join(sorted(_ROLES))}")
    guesses = roles.recognise(sample)
    for name, role in (told or {}).items():
        if name in guesses:
            guesses[name] = roles.Guess(role, "map")
    unique, rows = _unique(path, [name for name, guess in guesses.items() if guess == (roles.FURTHER, "")])
    for name in unique:
        guesses[name] = roles.Guess(roles.IGNORE, "values")
    further = [name for name, guess in guesses.items() if guess.role == roles.FURTHER]
    return Source(path, guesses, rows, {name: roles.information(sample[name]) for name in further})


def choose_further(sources: Sequence[Source], most: int) -> list[str]:
    """Of the further columns of all files so many that tell most, by name; what only one of two files has tells
    nothing of a pair between them, and what the map asks for goes first."""

    def telling(name: str) -> tuple[bool, float, str]:
        told = any(source.guesses.get(name) == (roles.FURTHER, "map") for source in sources)
        return not told, -min(source.information.get(name, 0.0) for source in sources), name

    return sorted(sorted({name for source in sources for name in source.others}, key=telling)[:most])


def _query(path: Path, select: str) -> duckdb.DuckDBPyRelation:
    endings = [one.lower() for one in path.suffixes]
    ending = endings[-2] if endings[-1:] == [".gz"] and len(endings) > 1 else path.suffix.lower()
    reader = _READERS.get(ending)
    if reader is None:
        raise UnreadableFile(f"{path} is none of {', '.join(_READERS)}; convert it, or rename it if it is one of them")
    if not path.exists():
        raise UnreadableFile(f"{path} does not exist")
    params = [str(path)]
    if "encoding" in reader:
        params.append(_encoding(path, path.stat().st_mtime_ns))
    try:
        return duckdb.connect().sql(f"select {select} from {reader}", params=params)
    except duckdb.Error as error:
        told = " ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())
        raise UnreadableFile(f"{path} cannot be read: {told}") from error


@lru_cache(maxsize=16)
def _encoding(path: Path, changed: int) -> str:  # noqa: ARG001 - a file that is written anew is looked at anew
    """UTF-16 as spreadsheets mark it; UTF-8 where all of it is; else Latin-1, in which anything can be read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK_BYTES):
                if file.tell() == len(chunk) and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    return "utf-16"
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(f"{path} cannot be unpacked: {error}") from error
    return "utf-8"


def _columns(path: Path, *, limit: int) -> dict[str, list[str]]:
    found = _table(path, limit)
    return {name: [_text(value) for value in found.column(name).to_pylist()] for name in found.column_names}


def _table(path: Path, limit: int) -> pa.Table:
    return _query(path, "*").to_arrow_reader(limit).read_all().slice(0, limit)


def _texts(column: pa.Array) -> list[str]:
    if not pa.types.is_string(column.type):
        return [_text(value) for value in column.to_pylist()]
    # Of values that repeat each is one object, whose hash is computed once however often it is looked up.
    encoded = column.dictionary_encode()
    if 2 * len(encoded.dictionary) > len(column):
        return [value.strip()[:200] if value else "" for value in column.to_pylist()]
    distinct = [value.strip()[:200] for value in encoded.dictionary.to_pylist()]
    places = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    return list(map([*distinct, ""].__getitem__, places.tolist()))


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()[:200]


def _unique(path: Path, names: Sequence[str]) -> tuple[list[str], int]:
    """Of these columns the ones in which no value comes twice, a key rather than a fact; and the number of rows."""
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    counts = ", ".join(f"count({name}) - count(distinct {name}), count({name})" for name in quoted)
    row = _query(path, f"count(*){', ' + counts if counts else ''}").fetchall()[0]
    twice, filled = row[1::2], row[2::2]
    return [name for name, extra, count in zip(names, twice, filled, strict=True) if extra == 0 and count > 20], row[0]


def key_values(path: Path, key: str, value: str) -> dict[str, str]:
    """Two columns of a file as a mapping, for instance the true entity of each record.

    Raises:
        UnreadableFile: one of the columns is not there.
    """
    found = _columns(path, limit=2**31)
    missing = [name for name in (key, value) if name not in found]
    if missing:
        raise UnreadableFile(f"{path} has no column {' or '.join(missing)}; it has {', '.join(found)}")
    return {k: v for k, v in zip(found[key], found[value], strict=True) if k and v}


def read(source: Source, *, first_id: int, number: int, others: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a file as records under ids from `first_id`, a chunk at a time.

    Rows without a key column are known by their number, from 1. Large files are cleaned by two processes.
    """
    by_column = {name: guess.role or roles.IGNORE for name, guess in source.guesses.items()}
    work = _work(source.path, Plan(by_column, first_id, number, tuple(others)))
    if source.rows < _ALONE:
        yield from map(_make, work)
        return
    # Started anew rather than forked: DuckDB and Arrow have threads, whose locks a fork would copy as they are.
    with multiprocessing.get_context("spawn").Pool(2, initializer=_begin) as pool:
        yield from pool.imap(_make, work)


def _begin() -> None:
    """What a process that cleans begins with."""
    # Nothing that cleaning makes refers back to itself, and what it remembers would be searched again and again.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the process that asked for this one does, however it ends: nobody would read the answer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Plan(NamedTuple):
    """How to make records of a batch: the role of each column, the id of the first row, the number of the source."""

    by_column: dict[str, str]
    first_id: int
    number: int
    others: tuple[str, ...]


def _work(path: Path, plan: Plan) -> Iterator[tuple[pa.RecordBatch, Plan, int]]:
    place = 0
    for batch in _query(path, "*").to_arrow_reader(CHUNK):
        yield batch, plan, place
        place += batch.num_rows


def _make(work: tuple[pa.RecordBatch, Plan, int]) -> pa.RecordBatch:
    batch, plan, place = work
    columns_ = {name: _texts(batch.column(name)) for name in plan.by_column}
    keys = next((columns_[name] for name, role in plan.by_column.items() if role == roles.KEY), None)
    ids = range(plan.first_id + place, plan.first_id + place + batch.num_rows)
    named = keys if keys is not None else [str(place + n + 1) for n in range(batch.num_rows)]
    if whole_columns.possible(plan.by_column.values()):
        raw = {role: columns_[name] for name, role in plan.by_column.items() if role in ROLES}
        further = {name: columns_[name] for name, role in plan.by_column.items() if role == roles.FURTHER}
        return whole_columns.batch(raw, further, ids, plan.number, plan.others, named)
    records = [_record(row, plan.by_column) for row in zip(*columns_.values(), strict=True)]
    return columns.batch(ids, plan.number, records, plan.others, named)


def _record(row: Sequence[str], by_column: Mapping[str, str]) -> Record:
    by_role: dict[str, list[str]] = {}
    others: dict[str, str] = {}
    for (name, role), value in zip(by_column.items(), row, strict=True):
        if not value:
            continue
        if role in ROLES:
            by_role.setdefault(role, []).append(value)
        elif role == roles.FURTHER:
            others[name] = value
    return make_record(by_role, others)
