"""A real browser for the tests: a window of a signed-in person that notes everything that goes wrong."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, sync_playwright
from pytest_django.live_server_helper import LiveServer

PASSWORD = "correct horse battery"  # noqa: S105 - of people who exist in a test only
AXE = (Path(__file__).resolve().parent.parent / "data" / "axe" / "axe.min.js").read_text(encoding="utf-8")
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
CHROMIUM = os.environ.get("CDP_CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]  # fmt: skip
PATIENCE = 180_000  # milliseconds: what is waited for comes at once where the machine is not busy with others
# A theme changes colours and nothing else, and a width no colours: all rules are asked in one theme at each width, and
# the other theme's contrast of what is seen at this width alone. The window is made narrow once and wide once.
VARIANTS = [("light", 1280, RULES), ("dark", 320, RULES), ("light", 320, CONTRAST), ("dark", 1280, CONTRAST)]
# What is seen at a width, kept for the other one; and the uppermost of what is seen at this width and not at the other.
_SEES = """width => {
    window.seenAt = window.seenAt || {};
    const seen = window.seenAt[width] = new Set();
    const look = it => {
        const style = getComputedStyle(it), box = it.getBoundingClientRect();
        if (style.display == 'none' || style.visibility == 'hidden') return;
        if (style.position == 'absolute' && (style.clipPath != 'none' || box.width <= 1)) return;
        seen.add(it);
        for (const child of it.children) look(child);
    };
    look(document.body);
}"""
_ONLY_HERE = """([here, other]) => {
    const only = [...window.seenAt[here]].filter(it => !window.seenAt[other].has(it));
    window.onlyHere = only.filter(it => !only.includes(it.parentElement) && it.isConnected);
    return window.onlyHere.length;
}"""
# Whether style sheets lock a page upright is said by them alone, and reading them takes longer than most rules: once a
# sheet was looked at, it is not read again. Answers which sheets there are, or null where axe is not there yet.
# The rail and the bar at the top are on every page. Contrast is half of what axe costs: of such a part it is asked once
# for each theme, width and form of it (its HTML but for tokens), all other rules each time.
_AXE_RUNS = """([options, known, framed]) => {
    window.axeFound = null;
    if (typeof axe === 'undefined') return null;
    const hash = text => {
        let a = 0xdeadbeef, b = 0x41c6ce57;
        for (let at = 0; at < text.length; at++) {
            a = Math.imul(a ^ text.charCodeAt(at), 2654435761);
            b = Math.imul(b ^ text.charCodeAt(at), 1597334677);
        }
        return `${text.length}-${a >>> 0}-${b >>> 0}`;
    };
    const root = document.documentElement, frames = [];
    for (const part of document.querySelectorAll('#rail, header.top')) {
        part.removeAttribute('data-looked-at');
        const form = part.outerHTML.replace(/value="[A-Za-z0-9]{64}"/g, '');
        const seen = [options.runOnly.type, root.dataset.bsTheme, innerWidth, root.className, document.body.className];
        const one = hash([...seen, form].join());
        frames.push(one);
        if (framed.includes(one)) part.setAttribute('data-looked-at', '');
    }
    axe.configure({ rules: [{ id: 'color-contrast', selector: '*:not([data-looked-at] *)' }] });
    const sheets = [...document.styleSheets].map(it => it.href || 'of the page');
    if (options.runOnly.type == 'tag' && sheets.every(it => known.includes(it)))
        options.rules = { 'css-orientation-lock': { enabled: false } };
    const where = options.runOnly.type == 'tag' ? document : { include: window.onlyHere };
    void axe.run(where, options).then(found => { axeFound = found });
    return [sheets, frames];
}"""
_COMES_TO_REST = """theme => {
    document.documentElement.setAttribute('data-bs-theme', theme);
    window.drawn = false;
    setTimeout(() => { window.drawn = true }, 2000);
    requestAnimationFrame(() => setTimeout(() => { window.drawn = true }, 60));
}"""
_AT_REST = (
    "drawn && document.getAnimations().every(it => it.playState != 'running' || it.effect.getTiming().iterations =="
    " Infinity)"
)


class Visitor:
    """A browser window of a signed-in person that notes everything that goes wrong."""

    def __init__(self, page: Page, server: LiveServer) -> None:
        self.page = page
        self.base = server.url
        self.wrong: list[str] = []
        self._sheets: set[str] = set()
        self._frames: set[str] = set()
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda problem: self.wrong.append(str(problem)))
        # Told, not intercepted: a route of Playwright's turns off the browser's cache, and no name resolves (QUIET).
        page.context.on("request", self._stays_here)

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.wrong.append(text)

    def _stays_here(self, asked: Request) -> None:
        if urlsplit(asked.url).netloc != urlsplit(self.base).netloc and not asked.url.startswith(("data:", "blob:")):
            self.wrong.append(f"asked another host: {asked.url}")

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

    def barriers(self, rules: dict[str, Any] = RULES) -> list[str]:
        """What keeps somebody out, in axe's words; axe is evaluated by the debugger, so the page's policy stays."""
        asked = [{"runOnly": rules, "resultTypes": ["violations"]}, sorted(self._sheets), sorted(self._frames)]
        seen = self.page.evaluate(_AXE_RUNS, asked)
        if seen is None:
            self.page.evaluate(AXE)
            seen = self.page.evaluate(_AXE_RUNS, asked)
        found = self._told(self._until("axeFound"))
        sheets, frames = seen
        self._frames |= set(frames)
        if rules is RULES:
            self._sheets |= {one for one in sheets if one.startswith("http")}
        return found

    def barriers_in_every_view(self) -> list[str]:
        """What keeps somebody out of the present page in any theme and width; the window is wide again afterwards."""
        found: list[str] = []
        for theme, width, rules in VARIANTS:
            self._widen(width)
            self._comes_to_rest(theme)
            told = ["scrolls sideways"] if self.scrolls_sideways() else []
            if rules is RULES:
                self.page.evaluate(_SEES, width)
            if rules is RULES or self.page.evaluate(_ONLY_HERE, [width, 1600 - width]):
                told += self.barriers(rules)
            found += [f"{theme} {width}: {one}" for one in told]
        self._widen(1280)
        return found

    def _widen(self, width: int) -> None:
        if self.page.viewport_size != (size := {"width": width, "height": 800}):
            self.page.set_viewport_size(size)

    def _comes_to_rest(self, theme: str) -> None:
        """Charts are drawn anew and colours fade: what is looked at is what stays."""
        self.page.evaluate(_COMES_TO_REST, theme)
        self._until(_AT_REST)

    def _until(self, javascript: str) -> Any:
        """By asking again and again, less and less often: a promise that the browser forgets would hold the test for
        ever. Answers what came."""
        end, pause = time.monotonic() + PATIENCE / 1000, 20
        while not (found := self.page.evaluate(javascript)):
            assert time.monotonic() < end, f"{javascript} did not come on {self.page.url}"
            self.page.wait_for_timeout(pause)
            pause = min(2 * pause, 160)
        return found

    @staticmethod
    def _told(found: dict[str, Any]) -> list[str]:
        return [
            f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]} {one['nodes'][0]['failureSummary'][:200]}"
            for one in found["violations"]
        ]

    def scrolls_sideways(self) -> bool:
        """Looked at again for some seconds: charts follow the width of the window a little later."""
        end = time.monotonic() + 10
        while wide := bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")):
            if time.monotonic() > end:
                break
            self.page.wait_for_timeout(50)
        return wide


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    # Playwright runs an event loop in this thread, in which Django would otherwise refuse to use the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET, timeout=PATIENCE)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def visitor(chromium: Any, live_server: LiveServer, shop: Any) -> Iterator[Visitor]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield Visitor(context.new_page(), live_server)
    context.close()
