"""A pytest plugin: PostgreSQL and Valkey run before Django reads its settings, and stop after the last test.

The data folder is CDP_DATA_DIR, by default `.cdp-test/` in the project folder, so that tests never meet real data.
Servers that already answer there are used and left alone.
"""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from cdp import environment
from cdp.runner import services

os.environ.setdefault("CDP_DATA_DIR", str(Path(__file__).resolve().parent.parent / ".cdp-test"))
_stop: list[Callable[[], None]] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    # A wrapper runs before pytest-django's own hook, which loads the settings.
    _stop.append(services.ensure(environment.data_folder()))
    return (yield)


def pytest_unconfigure() -> None:
    while _stop:
        _stop.pop()()
