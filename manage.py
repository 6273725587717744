#!/usr/bin/env python
"""The one command line of the product: `python manage.py help` lists what it can do."""

import os
import sys

OLDEST_PYTHON = (3, 11)


def main() -> int:
    """Run one command. `up` runs without loading Django, so that the supervisor of the process tree stays small."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        print(
            f"cause: this is Python {found}, and 3.11 or newer is needed. mend: install it, then run `make run` again.",
            file=sys.stderr,
        )
        return 1
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    if sys.argv[1:2] == ["up"]:
        from cdp.runner import up

        return up.main(sys.argv[2:])
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        print(
            f"cause: the Python module {error.name!r} is missing. mend: run `make install`; use `.venv/bin/python`.",
            file=sys.stderr,
        )
        return 1
    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
