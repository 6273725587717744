"""Opens a page in Chromium, tells the story and keeps the page open until standard input ends:
`send_browser.py PAGE HOST WRITE_KEY RUN COUNT`. A process of its own: Playwright's loop and Django do not mix."""

import os
import select
import sys

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--disable-sync",
]  # fmt: skip
PATIENCE = 180_000  # milliseconds


def tell(page_url: str, host: str, key: str, run: str, count: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS, timeout=PATIENCE)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: sys.stderr.write(message.text + "\n"))
        page.goto(page_url)
        page.evaluate("([host, key, run, count]) => { window.tell(host, key, run, count) }", [host, key, run, count])
        while not select.select([sys.stdin], [], [], 0)[0]:
            page.wait_for_timeout(100)  # Playwright's loop runs in here: what the page says is heard
        browser.close()


tell(*sys.argv[1:5], int(sys.argv[5]))
