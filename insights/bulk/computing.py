"""Features of everybody into a Parquet file, by the engine that is asked for."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from common import spark
from insights.bulk.contracts import about, expect_known
from insights.bulk.engines import make_engine
from insights.features.compile import compile_features
from insights.features.contracts import DeclaredView, Feature
from insights.features.reading import chosen, declared, features, features_of
from insights.features.sentiment import sentiment
from insights.tables.parquet import FeatureWriter

# The file is there whole or not at all.
_WHOLE = "features.parquet"


def features_of_database(
    out: Path, *, names: Sequence[str] = (), as_of: datetime, personal: bool = False
) -> int:  # fmt: skip
    """Write features at an instant as the database has them; answers of how many people. Raises BadFeature."""
    wanted = chosen(list(names) or list(features()))
    table = features_of([one.name for one in wanted], as_of=as_of)
    with _scratch(out) as scratch:
        with _writer(scratch / _WHOLE, wanted, declared(), as_of, personal=personal) as writer:
            writer.write(table.profile_ids, table.columns)
        (scratch / _WHOLE).replace(out)
    return len(table)


def features_of_log(
    folder: Path, out: Path, *, engine: str, names: Sequence[str] = (), as_of: datetime | None = None,
    personal: bool = False, memory: str = spark.USUAL_MEMORY,
) -> int:  # fmt: skip
    """Write features at an instant (when the log was made, unless said otherwise) as a Parquet log has them; answers of
    how many people. Needs no database. Raises BadLog and BadFeature."""
    view = about(folder)
    instant = as_of or view.made_at
    expect_known(view, instant)
    wanted = view.chosen(list(names) or list(view.features))
    people = 0
    with _scratch(out) as scratch:
        working = make_engine(engine, folder, scratch, memory=memory)
        try:
            statement = compile_features(
                wanted, declared=view.declared, orders=view.orders, as_of=instant, dialect=working.dialect,
                properties=view.properties,
            )  # fmt: skip
            with _writer(scratch / _WHOLE, wanted, view.declared, instant, personal=personal) as writer:
                for batch in working.answer(statement):
                    writer.write(*_columns(wanted, batch))
                    people += len(batch)
        finally:
            working.close()
        (scratch / _WHOLE).replace(out)
    return people


def _columns(wanted: Sequence[Feature], batch: Any) -> tuple[Any, dict[str, Any]]:
    found: dict[str, Any] = {}
    for place, one in enumerate(wanted, start=1):
        column = batch.column(place)
        if one.type == "text":
            found[one.name] = column.to_pylist()
        elif one.texts:
            found[one.name] = np.array([sentiment(value or ()) for value in column.to_pylist()], dtype=np.float64)
        else:
            found[one.name] = column.to_numpy(zero_copy_only=False)
    return batch.column(0).to_numpy(), found


def _writer(
    path: Path, wanted: Sequence[Feature], views: Mapping[str, DeclaredView], as_of: datetime, *, personal: bool
) -> FeatureWriter:
    return FeatureWriter(
        path, as_of=as_of, columns=[one.name for one in wanted],
        texts=[one.name for one in wanted if one.type == "text"],
        told_as={name: one.property or name for name, one in views.items()}, personal=personal,
    )  # fmt: skip


@contextmanager
def _scratch(out: Path) -> Iterator[Path]:
    """A folder beside a file, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".cdp-features-", dir=out.parent) as folder:
        yield Path(folder)
