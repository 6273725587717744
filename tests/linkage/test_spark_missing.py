"""Without its extra, without Java or with a limit that is none, the Spark engine says what it needs."""

import sys
from pathlib import Path

import pytest

from common import spark
from identity.linkage.files_door import make_engine
from identity.linkage.unreadable import UnreadableFile


def test_without_pyspark_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UnreadableFile, match=r"pip install '\.\[spark\]', and Java 17"):
        make_engine("spark", tmp_path, "2GB")


def test_without_java_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="pip install '.[spark]'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UnreadableFile, match="no Java was found"):
        make_engine("spark", tmp_path, "2GB")


@pytest.mark.parametrize(
    ("said", "taken"), [("2GB", "2048m"), ("1.5 GiB", "1536m"), ("900mb", "900m"), ("1MB", "512m")]
)
def test_a_limit_of_memory_is_said_as_java_wants_it(said: str, taken: str) -> None:
    assert spark.heap(said) == taken


def test_a_limit_that_is_none_is_said_in_words() -> None:
    with pytest.raises(spark.NoSpark, match="no amount of memory"):
        spark.heap("plenty")


def test_only_a_master_on_this_machine_is_bound_to_it() -> None:
    assert spark.options("local[2]", "2048m")["spark.driver.host"] == "127.0.0.1"
    assert "spark.driver.host" not in spark.options("spark://elsewhere:7077", "2048m")
    assert "spark.sql.shuffle.partitions" not in spark.options("spark://elsewhere:7077", "2048m")
