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
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors.sources.services import create_source
from events.services import ensure_inbox
from tests.sdk.faults import FAULTS, proxy

HERE = Path(__file__).resolve().parent
COUNT = 20
BROWSER_PATIENCE = 40.0

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules").is_dir(),
    reason="needs Node and `npm install --no-package-lock` in tests/sdk",
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")


@pytest.fixture
def key(web: int) -> str:
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    return create_source(name="SDK", kind="web", by="tests").write_key


def applied(run: str, *, patience: float) -> list[int]:
    """The story's events in the log, applied until all are there or patience ends."""
    applier = Applier()
    deadline = time.monotonic() + patience
    try:
        while True:
            while applier.apply_batch(now=clock.now()).taken:
                pass
            with connection.cursor() as cursor:
                cursor.execute(
                    "select (properties->>'n')::int from events_event where properties->>'run' = %s order by 1", [run]
                )
                found = [row[0] for row in cursor.fetchall()]
            if len(found) >= COUNT or time.monotonic() > deadline:
                return found
            time.sleep(0.5)
    finally:
        applier.close()


def assert_story_is_whole(run: str, *, patience: float = 10.0) -> None:
    assert applied(run, patience=patience) == list(range(COUNT))
    with connection.cursor() as cursor:
        cursor.execute("select distinct properties->>'text' from events_event where name = 'Thing Done'")
        assert cursor.fetchall() == [("Zoë 😀",)]
        cursor.execute("select traits from identity_profile where traits->>'email' = %s", [f"{run}@example.com"])
        assert len(cursor.fetchall()) == 1


def run_library(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    result = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", ["segment", "rudder"])
def test_python_libraries(web: int, key: str, library: str, fault: str) -> None:
    run = f"python-{library}-{fault}"
    with proxy(target=web, fault=fault) as between:
        host = f"http://127.0.0.1:{between.server_address[1]}"
        run_library([sys.executable, "send_python.py", library, host, key, run, str(COUNT)])
        assert between.spoiled == (0 if fault == "none" else 2) or between.left > 0
    assert_story_is_whole(run)


@needs_node
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", ["segment", "rudder"])
def test_node_libraries(web: int, key: str, library: str, fault: str) -> None:
    run = f"node-{library}-{fault}"
    with proxy(target=web, fault=fault) as between:
        host = f"http://127.0.0.1:{between.server_address[1]}"
        run_library(["node", "send_node.mjs", library, host, key, run, str(COUNT)])
    assert_story_is_whole(run)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the name is http.server's
        """Quiet."""


@pytest.fixture
def shop() -> Iterator[str]:
    """A page on another origin than the API, as real shops are."""
    handler = functools.partial(_Quiet, directory=str(HERE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/pages"
    server.shutdown()
    server.server_close()


@needs_node
@pytest.mark.browser
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("library", ["segment", "rudder"])
def test_browser_libraries(web: int, key: str, shop: str, library: str, fault: str, tmp_path: Path) -> None:
    run = f"browser-{library}-{fault}"
    with proxy(target=web, fault=fault) as between:
        host = f"http://127.0.0.1:{between.server_address[1]}"
        script = [sys.executable, "send_browser.py", f"{shop}/{library}.html", host, key, run, str(COUNT)]
        assert CHROMIUM, "install Chromium: `apt-get install chromium`"
        environment = os.environ | {"CHROMIUM": CHROMIUM}
        with subprocess.Popen(script, cwd=HERE, env=environment, stdin=subprocess.PIPE) as page:
            try:
                assert_story_is_whole(run, patience=BROWSER_PATIENCE)
            finally:
                page.communicate(b"close\n", timeout=20)
