"""What every benchmark prints: one JSON object, each row beside the reference measured in the same run."""

import json
import os
import platform
import sys
from dataclasses import dataclass, field
from typing import Any

import psutil


@dataclass
class Report:
    """Rows of one benchmark. `done` prints them and gives the exit code: 1 when a row misses its target."""

    name: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def row(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        reference: str = "",
        ratio: float | None = None,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """Add one figure; `ratio` is to the reference, `least` and `most` are its target."""
        ok = (least is None or value >= least) and (most is None or value <= most)
        target = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else ""
        self.rows.append(
            {
                "name": name, "value": round(value, 4), "unit": unit, "reference": reference,
                "ratio": None if ratio is None else round(ratio, 4), "target": target, "ok": ok,
            }
        )  # fmt: skip
        print(json.dumps(self.rows[-1]), file=sys.stderr, flush=True)

    def done(self) -> int:
        """Print the object on standard output."""
        print(json.dumps({"name": self.name, "machine": machine(), "rows": self.rows}, indent=1))
        return 0 if all(row["ok"] for row in self.rows) else 1


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was."""
    return {
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }
