"""One JSON object a line."""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

_LINES = 500


def write(out: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows, many at a time. A reader that has seen enough (`| head`) ends it quietly."""
    lines: list[str] = []
    try:
        for row in rows:
            # Not orjson: a trait may hold a number of any length, which PostgreSQL keeps exactly.
            lines.append(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
            if len(lines) == _LINES:
                out.write("\n".join(lines))
                lines.clear()
        if lines:
            out.write("\n".join(lines))
        out.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at its end; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
