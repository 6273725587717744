"""The same run with recordlinkage in the place of SQL for comparing: what the Celery tasks do, on whole files."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from identity.linkage import comparing
from identity.linkage.bulk.comparing import pack
from identity.linkage.bulk.engines import DuckEngine

_PAIRS = 250_000


class RecordLinkageEngine(DuckEngine):
    """DuckDB keeps the tables and finds candidates; `recordlinkage.Compare` compares them, a slice at a time."""

    def compare(self, pairs: str, comparisons: Sequence[str], name: str) -> None:
        """Make the table `name (l, r, pattern)` by recordlinkage."""
        wanted = comparing.needed_columns(comparisons)
        chosen = ", ".join(_chosen(column) for column in wanted)
        records = self.arrow(f"select id, {chosen} from records order by id")
        ids = records.column("id").to_numpy()
        frame = {column: _texts(records.column(column)) for column in wanted}
        found = self.fetch(f"select l, r from {pairs} order by l, r")
        places = np.column_stack([np.searchsorted(ids, found[end]) for end in ("l", "r")])
        patterns = [
            pack(comparing.compare_frame(frame, places[start : start + _PAIRS], comparisons))
            for start in range(0, len(places), _PAIRS)
        ] or [np.empty(0, dtype=np.int64)]
        table = pa.table({"l": found["l"], "r": found["r"], "pattern": np.concatenate(patterns)})
        self.load_arrow(name, table)


# A list is kept only where it says more than the single value beside it.
_LISTS = {"kin": "given", "emails": "email", "phones": "phone", "numbers": "number"}


def _chosen(column: str) -> str:
    if column not in _LISTS:
        return f'"{column}"'
    single = _LISTS[column]
    return f"case when {single} is null then {column} else coalesce({column}, [{single}]) end as {column}"


def _texts(column: pa.ChunkedArray) -> comparing.Texts:
    values = np.empty(len(column), dtype=object)
    values[:] = [comparing.as_bytes(value if value is not None else "") for value in column.to_pylist()]
    return values
