"""Slots of a page in real Chromium: filled before they are seen or left as they are, with text and nothing else."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from campaigns import services as campaigns
from connectors.contracts import SourceView
from tests.sdk.test_script import CHROMIUM, arrived, drive, shop, site

__all__ = ["shop", "site"]

pytestmark = [
    pytest.mark.slow, pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]  # fmt: skip
SEEN = "JSON.stringify(seen)"
FILLED = "document.querySelector('[data-cdp-slot]').dataset.cdpFilled"
# Settled, and a frame was drawn since: what is seen is written down frame by frame.
SETTLED = f"['personal', 'default', 'seen'].includes({FILLED}) && seen.length > 0"


@pytest.fixture
def banner(shop: SourceView) -> SourceView:
    """Everybody whom a script of ours told of gets a title that looks like markup, and a link that is none."""
    mine = {"title": "Anna's 20 % & more", "label": "Look", "link": "javascript:alert(1)",
            "things": [{"name": "Tea < coffee"}, {"name": "Cake"}]}  # fmt: skip
    campaigns.create_slot(name="Banner", by="ann", now=shop.created_at, document={
        "default": {"title": "As told by default"}, "fields": ["title", "label", "link", "things"], "public": True,
        "sources": [shop.id], "contents": [{"key": "mine", "fields": mine}],
        "rules": [{"name": "Known", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}},
                   "show": {"contents": ["mine"]}}],
    })  # fmt: skip
    return shop


def page(site: str, web: int, source: SourceView, *, host: str = "", visitor: str = "device-1", more: str = "") -> str:
    script = quote(f"http://127.0.0.1:{web}", safe="")
    where = quote(host, safe="") if host else script
    return f"{site}/slots.html?script={script}&host={where}&key={source.write_key}&visitor={visitor}{more}"


def known(web: int, source: SourceView, site: str) -> None:
    drive(
        ("open", page(site, web, source)), ("run", "cdp.identify('u1', {plan: 'pro'})"),
        ("wait", "localStorage.getItem(`cdp.${told.get('key')}.queue`) === '[]'"),
    )  # fmt: skip
    arrived(source, least=2)


def test_a_slot_is_filled_before_it_is_seen_and_an_answer_brings_no_markup_and_no_script(
    web: int, banner: SourceView, site: str
) -> None:
    known(web, banner, site)
    patient = page(site, web, banner, more="&hidden=1&patient=1")
    seen, filled, markup, things = drive(
        ("open", patient), ("wait", SETTLED), ("run", SEEN), ("run", FILLED),
        ("run", "document.querySelector('[data-cdp-slot]').innerHTML"),
        ("run", "[...document.querySelectorAll('li')].map((one) => one.textContent)"),
    )  # fmt: skip
    assert (filled, seen) == ("personal", '["Anna\'s 20 % & more"]')
    assert things == ["Tea < coffee", "Cake"]
    assert 'href="/all"' in markup
    assert "onclick" not in markup.replace("onclick: link", "")
    assert "javascript" not in markup


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers when nobody waits any more: once somebody has asked for `/go`."""

    go = threading.Event()

    def do_POST(self) -> None:
        self.go.wait(600)
        self._say(b'{"slots": {"banner": {"content": {"title": "Too late"}, "fallback": false}}}')

    def do_GET(self) -> None:
        self.go.set()
        self._say(b"")

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    _Slow.go.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        _Slow.go.set()
        server.shutdown()


def test_a_server_that_is_slow_leaves_the_page_as_it_is(web: int, banner: SourceView, site: str, slow: str) -> None:
    came = "performance.getEntriesByType('resource').some((one) => one.name.endsWith('/v1/personalise'))"
    drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    seen, filled, _, _, later = drive(
        ("open", page(site, web, banner, host=slow, more="&hidden=1")), ("wait", SETTLED), ("run", SEEN),
        ("run", FILLED), ("run", f"fetch('{slow}/go').then((answer) => answer.ok)"), ("wait", came), ("run", drawn),
        ("run", SEEN),
    )  # fmt: skip
    assert (filled, seen, later) == ("default", '["As always"]', '["As always"]')


def test_a_server_that_is_away_leaves_the_page_as_it_is(web: int, banner: SourceView, site: str) -> None:
    away = page(site, web, banner, host="http://127.0.0.1:1", more="&hidden=1&patient=1")
    seen, filled = drive(("open", away), ("wait", SETTLED), ("run", SEEN), ("run", FILLED))
    assert (filled, seen) == ("default", '["As always"]')


def test_a_page_asks_again_when_something_has_happened(web: int, banner: SourceView, site: str) -> None:
    known(web, banner, site)
    items = "[...document.querySelectorAll('li')].map((one) => one.textContent).join()"
    before, own, after, told, mine, back = drive(
        ("open", page(site, web, banner, visitor="device-2")), ("wait", SETTLED),
        ("run", "document.querySelector('h1').textContent"), ("run", items),
        ("wait", "localStorage.setItem(`cdp.${told.get('key')}.anonymous`, '\"device-1\"') || true"),
        ("wait", "cdp.slots().then(() => true)"),
        ("run", "document.querySelector('h1').textContent"), ("run", "event_detail.fallback"),
        ("run", items), ("wait", "localStorage.setItem(`cdp.${told.get('key')}.anonymous`, '\"device-3\"') || true"),
        ("wait", "cdp.slots().then(() => true)"), ("run", items),
    )  # fmt: skip
    assert before in ("As told by default", "As always")
    assert (after, told, mine) == ("Anna's 20 % & more", False, "Tea < coffee,Cake")
    # Where nothing is told in their place, the page's own items stay, or come back.
    assert (own, back) == ("One thing", "One thing")
