"""DuckDB and Spark over a Parquet log: both show its files as `people` and `log`, with instants as microseconds."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from common import spark
from insights.bulk.contracts import BadLog
from insights.features.dialect import DUCKDB, SPARK, Dialect, Statement

_AT_ONCE = 50_000


class Engine(Protocol):
    """SQL over the log, with the answer as Arrow batches."""

    dialect: Dialect

    def answer(self, statement: Statement) -> Iterator[Any]:
        """The answer a batch at a time, in its order."""

    def close(self) -> None:
        """Let go of everything."""


def make_engine(name: str, folder: Path, scratch: Path, *, memory: str) -> Engine:
    """The engine of that name over the log in a folder. What does not fit into memory goes to `scratch`. Raises BadLog
    for what this machine lacks."""
    try:
        return SparkEngine(folder, scratch, memory=memory) if name == "spark" else DuckEngine(
            folder, scratch, memory=memory
        )  # fmt: skip
    except spark.NoSpark as lacks:
        raise BadLog(f"{lacks}. Or choose --engine duckdb.") from lacks


class DuckEngine:
    """DuckDB: one machine, with a limit of memory beyond which it spills to disk."""

    dialect = DUCKDB

    def __init__(self, folder: Path, scratch: Path, *, memory: str) -> None:
        import duckdb  # only who works out of files needs it

        self._db = duckdb.connect()
        try:
            self._db.execute(f"set memory_limit = '{_quoted(memory)}'")
        except duckdb.Error as error:
            raise BadLog(f"{memory} is no amount of memory: write it as 4GB.") from error
        self._db.execute(f"set temp_directory = '{_quoted(scratch / 'spill')}'")
        for name, columns in (("people", "*"), ("log", _log_columns("epoch_us", "* replace ({})"))):
            files = _quoted(folder / _FOLDERS[name] / "*.parquet")
            self._db.execute(f"create view {name} as select {columns} from read_parquet('{files}')")

    def answer(self, statement: Statement) -> Iterator[Any]:
        """The answer a batch at a time, in its order."""
        yield from self._db.sql(statement.text, params=_used(statement, "$")).to_arrow_reader(_AT_ONCE)

    def close(self) -> None:
        """Let go of everything."""
        self._db.close()


class SparkEngine:
    """Spark, here or on a cluster whose nodes all see the log's folder and the scratch one."""

    dialect = SPARK

    def __init__(self, folder: Path, scratch: Path, *, memory: str) -> None:
        self._scratch = scratch / "answer"
        self._session = spark.session("cdp-features", memory=memory)
        for name in ("people", "log"):
            frame = self._session.read.parquet(str(folder / _FOLDERS[name]))
            if name == "log":
                frame = frame.selectExpr(*(
                    f"unix_micros({column}) as {column}" if column in _INSTANTS else column for column in frame.columns
                ))  # fmt: skip
            frame.createOrReplaceTempView(name)

    def answer(self, statement: Statement) -> Iterator[Any]:
        """The answer a batch at a time, in its order; on its way it is a file, so that no process holds all of it."""
        import pyarrow.parquet as pq

        frame = self._session.sql(statement.text, args=_used(statement, ":"))
        frame.write.mode("overwrite").parquet(str(self._scratch))
        for path in sorted(self._scratch.glob("*.parquet")):
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(_AT_ONCE)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def close(self) -> None:
        """Let go of everything."""
        self._session.stop()


_FOLDERS = {"people": "people", "log": "events"}
_INSTANTS = ("occurred_at", "received_at")


def _log_columns(function: str, form: str) -> str:
    return form.format(", ".join(f"{function}({one}) as {one}" for one in _INSTANTS))


def _used(statement: Statement, mark: str) -> dict[str, Any]:
    """The values that the text names: engines refuse others."""
    named = set(re.findall(rf"{re.escape(mark)}(f\d+)\b", statement.text))
    return {name: value for name, value in statement.params.items() if name in named}


def _quoted(value: object) -> str:
    return str(value).replace("'", "''")
