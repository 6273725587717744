"""What came of the rows of a file, as it is kept: counts, and the problems one by one. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from connectors.destinations.files.rows import cell
from connectors.imports.contracts import Counts, Problem

# So many problems are told one by one; all are counted.
MOST_TOLD = 200_000


def as_json(counts: Counts) -> dict[str, Any]:
    """Counts as they are kept."""
    return asdict(counts)


def problem_lines(problems: Sequence[Problem], *, head: bool) -> bytes:
    """The problems as lines of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if head:
        writer.writerow(["row", "column", "value", "reason", "came in"])
    writer.writerows(
        [one.row, one.column, cell(one.value), one.reason, "no" if one.refused else "yes"] for one in problems
    )
    return text.getvalue().encode()
