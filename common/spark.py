"""A session of Spark, for whatever outgrows one machine. Needs the extra `spark` and Java 17 or later."""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

USUAL_MEMORY = "2GB"
_PROJECT = Path(__file__).resolve().parents[1]
_NEEDS = "Spark needs its extra and Java: pip install '.[spark]', and Java 17 or later"
# Spark does not start with less; and it is what it takes unasked.
_LEAST_HEAP = 512
_MEBIBYTES = {"K": 2**-10, "M": 1, "G": 2**10, "T": 2**20}


class NoSpark(Exception):
    """Spark cannot be had here; the message says what is missing."""


def session(name: str, *, master: str | None = None, memory: str = USUAL_MEMORY) -> Any:
    """Spark at `master`, else at CDP_SPARK_MASTER, else with two threads of this machine. Raises NoSpark."""
    limit = heap(memory)
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise NoSpark(_NEEDS) from error
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise NoSpark(f"{_NEEDS}; no Java was found")
    # Spark's own workers run this Python with these modules.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    known = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != str(_PROJECT)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_PROJECT), *known])
    place = master or os.environ.get("CDP_SPARK_MASTER") or "local[2]"
    builder = SparkSession.builder.appName(name).master(place)
    for option, value in options(place, limit).items():
        builder = builder.config(option, value)
    try:
        found = builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise NoSpark(f"{_NEEDS}; Spark did not start: {error}") from error
    found.sparkContext.setLogLevel("ERROR")
    return found


def heap(memory: str) -> str:
    """A limit as DuckDB takes it ("2GB"), as Java takes it."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT])i?B?\s*", memory, re.IGNORECASE)
    if found is None:
        raise NoSpark(f"{memory} is no amount of memory: write it as 4GB")
    return f"{max(_LEAST_HEAP, int(float(found[1]) * _MEBIBYTES[found[2].upper()]))}m"


def options(master: str, limit: str) -> dict[str, str]:
    """How Spark is set up for us."""
    found = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.session.timeZone": "UTC",
        # Any smaller limit makes Spark measure the whole batch again with every row: twenty times the time.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.driver.memory": limit,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        # Executors on other machines could not call the driver there, and want more partitions.
        alone = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
        found |= {**alone, "spark.sql.shuffle.partitions": "8"}
    return found
