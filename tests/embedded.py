"""A pytest plugin: PostgreSQL and Valkey run before Django reads its settings, and stop after the last test.

The data folder is CDP_DATA_DIR, by default `.cdp-test/` in the project folder, so that tests never meet real data.
Servers that already answer there are used and left alone. Each of several workers (`-n 2`) has servers of its own, in a
folder beside.
"""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest

from cdp import environment
from cdp.runner import services

_OWN = Path(__file__).resolve().parent.parent / ".cdp-test"
os.environ.setdefault("CDP_DATA_DIR", str(_OWN))
# No test asserts a time: on a busy machine slots must not show their default content because of it.
os.environ.setdefault("CDP_PERSONALISE_SECONDS", "30")
# A worker is given the folder of the process that started it.
os.environ["CDP_DATA_DIR"] += f"-{_WORKER}" if (_WORKER := os.environ.get("PYTEST_XDIST_WORKER")) else ""
_stop: list[Callable[[], None]] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    # A wrapper runs before pytest-django's own hook, which loads the settings.
    folder = environment.data_folder()
    _stop.append(services.ensure(folder))
    if folder.parent == _OWN.parent and folder.name.startswith(_OWN.name):
        _suit_tests(environment.embedded_services(folder)["database_url"])
    return (yield)


def _suit_tests(url: str) -> None:
    """What the tests store need not survive a power cut, and each test empties its tables. What was accepted waits for
    transactions that began earlier, those of the autovacuum too, so a batch would be empty by chance. The tests that
    kill processes run the product in folders of their own, where nothing of this holds."""
    with psycopg.connect(url, autocommit=True) as conn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            conn.execute(f"alter system set {setting} = off")
        conn.execute("select pg_reload_conf()")


def pytest_unconfigure() -> None:
    while _stop:
        _stop.pop()()
