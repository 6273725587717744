"""The entry of the container image: become one process of the product.

`python -m cdp.runner.role web | worker NAME | beat | migrate | manage WORDS...`
PostgreSQL and Redis are elsewhere here (CDP_DATABASE_URL, CDP_REDIS_URL), and the container engine restarts what dies.
"""

import os
import sys

from cdp.runner import children, report
from cdp.runner.children import python

USAGE = "choose a role: web, worker pipeline, worker work, worker linkage, beat, migrate, or manage and a command."


def command(words: list[str]) -> list[str] | None:
    """The program of a role; None when there is no such role."""
    match words:
        case ["web"]:
            return children.web().command
        case ["beat"]:
            return _named("beat")
        case ["worker", ("pipeline" | "work" | "linkage") as name]:
            return _named(name)
        case ["migrate"]:
            return python("manage.py", "migrate", "--noinput")
        case ["manage", *rest]:
            return python("manage.py", *rest)
        case _:
            return None


def _named(name: str) -> list[str]:
    return next(child.command for child in children.workers() if child.name == name)


def main(words: list[str]) -> int:
    """Replace this process, so that the container's signals reach the role itself."""
    program = command(words or ["web"])
    if program:
        os.execv(program[0], program)  # noqa: S606 - no shell is the point
    report.complain(f"cause: there is no role {' '.join(words)!r}. mend: {USAGE}")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
