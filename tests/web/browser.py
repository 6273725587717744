"""A real browser for the tests: a window of a signed-in person that notes everything that goes wrong."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, sync_playwright
from pytest_django.live_server_helper import LiveServer

PASSWORD = "correct horse battery"  # noqa: S105 - of people who exist in a test only
AXE = (Path(__file__).resolve().parent.parent / "data" / "axe" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHROMIUM = os.environ.get("CDP_CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--disable-sync",
]  # fmt: skip
VARIANTS = [("light", 1280), ("light", 320), ("dark", 1280), ("dark", 320)]


class Visitor:
    """A browser window of a signed-in person that notes everything that goes wrong."""

    def __init__(self, page: Page, server: LiveServer) -> None:
        self.page = page
        self.base = server.url
        self.wrong: list[str] = []
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda problem: self.wrong.append(str(problem)))
        page.context.route("**/*", self._stay_here)

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.wrong.append(text)

    def _stay_here(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(self.base).netloc or route.request.url.startswith("data:"):
            route.continue_()
        else:
            self.wrong.append(f"asked another host: {route.request.url}")
            route.abort()

    def sign_in(self, role: str) -> None:
        self.open("/login/")
        self.page.fill("#email", f"{role}@example.org")
        self.page.fill("#password", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.base}/")

    def open(self, where: str) -> None:
        response = self.page.goto(self.base + where)
        assert response is not None
        assert response.ok, f"{where}: {response.status}"

    def barriers(self) -> list[str]:
        """What keeps somebody out, in axe's words; axe is evaluated by the debugger, so the page's policy stays."""
        if self.page.evaluate("typeof axe === 'undefined'"):
            self.page.evaluate(AXE)
        options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
        # Not awaited in the page: a promise that the browser forgets would hold the test for ever.
        self.page.evaluate(f"window.axeFound = null; void axe.run(document, {options}).then(it => axeFound = it)")
        for _ in range(1200):
            if found := self.page.evaluate("axeFound"):
                return self._told(found)
            self.page.wait_for_timeout(50)
        raise AssertionError(f"axe did not come to an end within a minute on {self.page.url}")

    @staticmethod
    def _told(found: dict[str, Any]) -> list[str]:
        return [
            f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]} {one['nodes'][0]['failureSummary'][:200]}"
            for one in found["violations"]
        ]

    def scrolls_sideways(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    # Playwright runs an event loop in this thread, in which Django would otherwise refuse to use the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def visitor(chromium: Any, live_server: LiveServer, shop: Any) -> Iterator[Visitor]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    yield Visitor(context.new_page(), live_server)
    context.close()
