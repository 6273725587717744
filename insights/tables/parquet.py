"""Features of many people in a Parquet file, a batch at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from common.masking import mask, without_emails

_ROWS = 50_000


class FeatureWriter:
    """A file with the columns `profile_id`, `as_of`, and those named: numbers as doubles with null for what is not
    known; `texts` as they are when `personal`, else masked where they look personal. `told_as`: what a feature is
    called where it comes from, which says whether it is personal."""

    def __init__(
        self, path: Path, *, as_of: datetime, columns: Sequence[str], texts: Sequence[str],
        told_as: Mapping[str, str], personal: bool,
    ) -> None:  # fmt: skip
        import pyarrow as pa  # only who writes files needs it
        import pyarrow.parquet as pq

        self._as_of, self._told_as, self._personal = as_of, told_as, personal
        kinds = [(name, pa.string() if name in texts else pa.float64()) for name in columns]
        self._schema = pa.schema([("profile_id", pa.int64()), ("as_of", pa.timestamp("us", tz="UTC")), *kinds])
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, ids: Any, columns: Mapping[str, Any]) -> None:
        """So many people more."""
        import pyarrow as pa

        arrays = [pa.array(ids, pa.int64()), pa.array([self._as_of] * len(ids), pa.timestamp("us", tz="UTC"))]
        for field in list(self._schema)[2:]:
            values = columns[field.name]
            if isinstance(values, np.ndarray):
                arrays.append(pa.array(values, pa.float64(), from_pandas=True))
            else:
                shown = values if self._personal else [self._masked(field.name, one) for one in values]
                arrays.append(pa.array(shown, pa.string()))
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=_ROWS)

    def _masked(self, name: str, value: Any) -> str | None:
        return None if value is None else without_emails(mask(self._told_as.get(name, name), value))

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.close()
