"""Visits a page with our script in Chromium: `drive_script.py STEPS`, a JSON list of steps; what they give, as JSON.

`["open", url]`, `["run", javascript]` (its value is kept), `["wait", javascript]` (until it is true), `["cookies"]`,
`["forget"]` (what scripts keep, as a browser does after seven days), `["leave"]`. A process of its own: Playwright's
loop and Django do not mix.
"""

import json
import os
import sys
import time

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--disable-sync",
]  # fmt: skip
PATIENCE = 180_000  # milliseconds


def drive(steps: list[list[str]]) -> list[object]:
    found: list[object] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS, timeout=PATIENCE)
        context = browser.new_context()
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda problem: found.append(f"wrong: {problem}"))
        for step, *more in steps:
            if step == "open":
                page.goto(more[0])
                page.wait_for_function("window.cdp && !Array.isArray(window.cdp)")
            elif step == "run":
                found.append(page.evaluate(more[0]))
            elif step == "wait":
                _until(page, more[0])
            elif step == "cookies":
                found.append([[one["name"], one["httpOnly"], one["sameSite"]] for one in context.cookies()])
            elif step == "forget":
                page.evaluate("localStorage.clear()")
            elif step == "leave":
                page.goto("about:blank")
        browser.close()
    return found


def _until(page: Page, javascript: str) -> None:
    """By asking again and again: Playwright's own waiting needs `eval`, which a strict policy of the page forbids."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(javascript):
        if time.monotonic() > deadline:
            raise TimeoutError(javascript)
        page.wait_for_timeout(50)


json.dump(drive(json.loads(sys.argv[1])), sys.stdout)
