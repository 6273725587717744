"""The same run with recordlinkage in the place of SQL for comparing: what the Celery tasks do, on whole files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from identity.linkage import comparing
from identity.linkage.bulk.comparing import pack
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.columns import BETWEEN
from identity.linkage.terms import LIST_OF
from identity.linkage.vocabulary import Texts, texts

_PAIRS = 250_000
# Columns of several names in one text.
_NAMES = frozenset(["kin", "formals", "others"])


class RecordLinkageEngine(DuckEngine):
    """DuckDB keeps the tables and finds candidates; `recordlinkage.Compare` compares them, a slice at a time."""

    def compare(self, pairs: str, comparisons: Sequence[str], name: str) -> None:
        """Make the table `name (l, r, pattern)` by recordlinkage."""
        wanted = comparing.needed_columns(comparisons)
        chosen = ", ".join(_chosen(column) for column in wanted)
        records = self.arrow(f"select id, {chosen} from records order by id")
        ids = records.column("id").to_numpy()
        held = comparing.encode_frame(
            {column: _values(column, records.column(column).to_pylist()) for column in wanted}
        )
        found = self.fetch(f"select l, r from {pairs} order by l, r")
        places = np.column_stack([np.searchsorted(ids, found[end]) for end in ("l", "r")])
        patterns = [
            pack(comparing.compare_columns(held, places[start : start + _PAIRS], comparisons))
            for start in range(0, len(places), _PAIRS)
        ] or [np.empty(0, dtype=np.int64)]
        table = pa.table({"l": found["l"], "r": found["r"], "pattern": np.concatenate(patterns)})
        self.load_arrow(name, table)


def _chosen(column: str) -> str:
    if column not in LIST_OF:
        return f'"{column}"'
    single = LIST_OF[column]
    if column in _NAMES:
        return f"coalesce({column}, {single}) as {column}"
    return f"case when {single} is null then {column} else coalesce({column}, [{single}]) end as {column}"


def _values(name: str, column: Sequence[Any]) -> Texts:
    """A column as comparing takes it: texts or tuples of them, empty where missing."""
    if name in _NAMES:
        return texts([tuple(value.split(BETWEEN)) if value else "" for value in column])
    return texts([tuple(value) if isinstance(value, list) else value or "" for value in column])
