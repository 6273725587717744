"""The official libraries, unchanged, against the running server: nothing is lost and nothing is stored twice, also when
the server answers 500 first and when the connection breaks after it stored."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors.sources.services import create_source
from events.services import ensure_inbox
from tests.applying import apply_all
from tests.sdk.faults import FAULTS, FaultyProxy, proxy
from tests.server import end_family

HERE = Path(__file__).resolve().parent
COUNT = 20
SPOILED = 2
# What a library may take on a busy machine; nothing here waits longer.
TELLING_SECONDS = 300.0
ARRIVAL_SECONDS = 180.0

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules").is_dir(),
    reason="needs Node and `npm install --no-package-lock --ignore-scripts` in tests/sdk",
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")


@pytest.fixture
def key(web: int) -> str:
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    return create_source(name="SDK", kind="web", by="tests").write_key


def rows(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def told(run: str) -> list[int]:
    """The story's events in the log, by their numbers."""
    statement = "select (properties->>'n')::int from events_event where properties->>'run' = %s order by 1"
    return [row[0] for row in rows(statement, run)]


def people(run: str) -> list[tuple[Any, ...]]:
    return rows("select traits->>'plan' from identity_profile where traits->>'email' = %s", f"{run}@example.com")


def duplicates() -> int:
    """How many events came again and were dropped."""
    return int(rows("select coalesce(sum(duplicates), 0) from events_tally")[0][0])


def apply_until_told(run: str, between: FaultyProxy, *, patience: float) -> None:
    """Apply what comes in until the whole story and the repeats of what was cut off are there, or patience ends."""
    repeats = SPOILED if between.fault == "cut_after_storing" else 0
    applier = Applier()
    deadline = time.monotonic() + patience
    try:
        while True:
            apply_all(applier, now=clock.now())
            if (len(told(run)) >= COUNT and people(run) and duplicates() >= repeats) or time.monotonic() > deadline:
                return
            time.sleep(0.2)
    finally:
        applier.close()


def assert_story_is_whole(run: str) -> None:
    assert told(run) == list(range(COUNT))
    assert rows("select distinct properties->>'text' from events_event where name = 'Thing Done'") == [("Zoë 😀",)]
    assert rows("select count(*) from events_event where name = '$identify'") == [(1,)]
    assert people(run) == [("pro",)]
    assert rows("select count(*) from events_quarantineditem") == [(0,)]


def assert_fault_was_met(between: FaultyProxy) -> None:
    """The libraries did meet the fault, and what was stored before the break came again."""
    assert between.spoiled == (0 if between.fault == "none" else SPOILED)
    assert (duplicates() >= SPOILED) if between.fault == "cut_after_storing" else (duplicates() == 0)


def run_library(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    result = subprocess.run(
        command, cwd=HERE, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=TELLING_SECONDS, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def assert_library_tells_it_all(command: list[str], library: str, *, web: int, key: str, fault: str) -> None:
    run = f"{command[1].partition('.')[0]}-{library}-{fault}"
    with proxy(target=web, fault=fault, count=SPOILED) as between:
        run_library([*command, library, between.url, key, run, str(COUNT)])
        apply_until_told(run, between, patience=ARRIVAL_SECONDS)
    assert_story_is_whole(run)
    assert_fault_was_met(between)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", ["segment", "rudder"])
def test_python_libraries(web: int, key: str, library: str, fault: str) -> None:
    assert_library_tells_it_all([sys.executable, "send_python.py"], library, web=web, key=key, fault=fault)


@needs_node
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", ["segment", "rudder"])
def test_node_libraries(web: int, key: str, library: str, fault: str) -> None:
    assert_library_tells_it_all(["node", "send_node.mjs"], library, web=web, key=key, fault=fault)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the name is http.server's
        """Quiet."""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """Pages on another origin than the API, as real shops are."""
    handler = functools.partial(_Quiet, directory=str(HERE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/pages"
    server.shutdown()
    server.server_close()


@contextmanager
def open_page(url: str, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A page in Chromium that tells the story and stays open meanwhile."""
    assert CHROMIUM, "install Chromium: `apt-get install chromium`"
    script = [sys.executable, "send_browser.py", url, *words]
    page = subprocess.Popen(script, cwd=HERE, env=os.environ | {"CHROMIUM": CHROMIUM}, stdin=subprocess.PIPE)
    try:
        yield page
        page.communicate(timeout=120)  # the end of standard input closes the page
    finally:
        end_family(page, patience=5)


@needs_node
@pytest.mark.browser
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", ["segment", "rudder"])
def test_browser_libraries(web: int, key: str, shop: str, library: str, fault: str) -> None:
    run = f"browser-{library}-{fault}"
    with proxy(target=web, fault=fault, count=SPOILED) as between:
        with open_page(f"{shop}/{library}.html", between.url, key, run, str(COUNT)):
            apply_until_told(run, between, patience=ARRIVAL_SECONDS)
        apply_until_told(run, between, patience=0)
    assert_story_is_whole(run)
    assert_fault_was_met(between)
