"""Run one command while PostgreSQL and Valkey answer: `python -m cdp.runner.with_services COMMAND ...`.

Uses the tests' data folder unless CDP_DATA_DIR names another.
"""

import os
import subprocess
import sys

from cdp import environment
from cdp.runner import report, services
from cdp.runner.problems import StartProblem


def main(command: list[str]) -> int:
    """The command's exit code."""
    os.environ.setdefault("CDP_DATA_DIR", str(environment.PROJECT_FOLDER / ".cdp-test"))
    try:
        stop = services.ensure(environment.data_folder())
    except StartProblem as problem:
        report.complain(str(problem))
        return 1
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
