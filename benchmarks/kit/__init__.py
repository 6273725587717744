"""What the benchmarks share. Importing it makes the project importable, so each script runs as `python FILE`."""

import sys
from pathlib import Path

_PROJECT = str(Path(__file__).resolve().parents[2])
if _PROJECT not in sys.path:
    sys.path.insert(0, _PROJECT)
