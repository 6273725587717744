"""Our own browser script in real Chromium: small, nothing lost, nothing twice, and an id that outlives storage."""

import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors.contracts import SourceView
from connectors.services import create_source, keep_handling
from connectors.sources import ingestion
from events import selectors as log
from events.contracts import EventView
from events.services import ensure_inbox
from identity import selectors as identity
from tests.applying import apply_all
from tests.ingestion.client import Caller
from tests.sdk.faults import FAULTS, proxy

HERE = Path(__file__).resolve().parent
PATIENCE = 180.0
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
SENT = "localStorage.getItem(`cdp.${told.get('key')}.queue`) === '[]'"

pytestmark = [
    pytest.mark.slow, pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]  # fmt: skip


@pytest.fixture
def shop(web: int) -> SourceView:
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    return create_source(name="Shop", kind="web", by="tests")


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Another website on loopback, whose pages carry the script."""
    handler = functools.partial(_Quiet, directory=str(HERE / "pages"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


def address(site: str, host: str, source: SourceView, more: str = "") -> str:
    return f"{site}/cdp.html?host={quote(host, safe='')}&key={source.write_key}{more}"


def drive(*steps: tuple[str, ...]) -> list[Any]:
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, str(HERE / "drive_script.py"), json.dumps(steps)],
        env=environment | {"CHROMIUM": str(CHROMIUM)}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def arrived(source: SourceView, *, least: int) -> list[EventView]:
    """What is stored of a source, in the order of time, once there is as much."""
    applier, deadline = Applier(), time.monotonic() + PATIENCE
    try:
        while True:
            apply_all(applier, now=clock.now())
            found = sorted(log.stream_events(source_id=source.id), key=lambda event: event.occurred_at)
            if len(found) >= least or time.monotonic() > deadline:
                return found
            time.sleep(0.1)
    finally:
        applier.close()


def test_it_is_small() -> None:
    script = Path(ingestion.__file__).with_name("cdp.js").read_bytes()
    assert len(gzip.compress(script)) < 5_000


@pytest.mark.parametrize("fault", FAULTS)
def test_what_happens_on_a_page_is_told_once_whatever_the_network_does(
    web: int, shop: SourceView, site: str, fault: str
) -> None:
    with proxy(target=web, fault=fault, count=2) as between:
        wrong = drive(
            ("open", address(site, between.url, shop)),
            ("run", "cdp.identify('u1', {email: 'zoe@example.org', plan: 'pro'})"),
            ("run", "cdp.track('Order Completed', {total: 4.5, text: 'Zoë 😀'})"),
            ("run", "cdp.group('g1', {name: 'Acme'})"),
            ("run", "cdp.consent({Advertising: false})"),
            ("run", "cdp.page('Basket', {n: 1})"),
            ("wait", SENT),
        )  # fmt: skip
    assert [one for one in wrong if one] == []
    found = arrived(shop, least=7)
    assert sorted(event.name for event in found) == sorted([
        "$page", "Called Early", "$identify", "Order Completed", "$group", "Segment Consent Preference Updated",
        "$page",
    ])  # fmt: skip
    by_name = {event.name: event for event in found}
    assert by_name["Order Completed"].properties == {"total": 4.5, "text": "Zoë 😀"}
    context: Any = by_name["Order Completed"].envelope["context"]
    assert context["page"]["title"] == "Shop"
    assert (context["library"]["name"], context["webdriver"], context["robot"]) == ("cdp.js", True, "HeadlessChrome")
    person = identity.find_profile("user_id", "u1")
    profile = identity.profile_view(person or 0)
    assert profile is not None
    assert profile.traits == {"email": "zoe@example.org", "plan": "pro", "consent_advertising": False}
    assert {one.kind for one in profile.identifiers} == {"user_id", "anonymous_id", "email"}
    assert [event.envelope.get("name") for event in found if event.properties.get("n") == 1] == ["Basket"]


def test_what_was_not_sent_when_the_page_was_left_is_sent_with_the_next(web: int, shop: SourceView, site: str) -> None:
    host = f"http://127.0.0.1:{web}"
    drive(
        ("open", address(site, host, shop)), ("wait", SENT),
        ("run", "cdp.track('Last Click', {n: 1})"), ("leave",),
        ("open", address(site, host, shop)), ("wait", SENT),
    )  # fmt: skip
    found = arrived(shop, least=5)
    assert sorted(event.name for event in found) == ["$page", "$page", "Called Early", "Called Early", "Last Click"]


def test_people_who_log_out_begin_anew_and_an_alias_joins(web: int, shop: SourceView, site: str) -> None:
    host = f"http://127.0.0.1:{web}"
    before, after, _ = (
        one for one in drive(
            ("open", address(site, host, shop)), ("run", "cdp.identify('u1')"), ("run", "cdp.anonymousId()"),
            ("run", "cdp.reset()"), ("run", "cdp.anonymousId()"), ("run", "cdp.track('After')"),
            ("run", "cdp.alias('u2')"), ("wait", SENT), ("run", "1"),
        ) if one
    )  # fmt: skip
    assert before != after
    found = {event.name: event.envelope for event in arrived(shop, least=5)}
    assert "userId" not in found["After"]
    assert (found["After"]["anonymousId"], found["$alias"]["previousId"]) == (after, after)
    assert identity.find_profile("user_id", "u2") == identity.find_profile("anonymous_id", after)
    assert identity.find_profile("user_id", "u1") == identity.find_profile("anonymous_id", before)


def test_the_server_keeps_the_id_when_the_browser_forgets_what_scripts_kept(
    web: int, shop: SourceView, site: str
) -> None:
    keep_handling(source_id=shop.id, ip_kept="off", fill_in=True, robots="flag", origins=[site], by="tests")
    page = address(site, f"http://127.0.0.1:{web}", shop, "&cookie=1")
    before, cookies, after = drive(
        ("open", page), ("wait", SENT), ("run", "cdp.anonymousId()"), ("cookies",), ("forget",),
        ("open", page), ("wait", SENT), ("run", "cdp.anonymousId()"),
    )  # fmt: skip
    assert cookies == [[f"cdp_visitor_{shop.id}", True, "Lax"]]
    assert after == before
    assert {event.envelope["anonymousId"] for event in arrived(shop, least=4)} == {before}


@pytest.fixture
def door(transactional_db: None) -> Iterator[Caller]:
    application = ingestion.Ingestion(nudge=lambda: None, behind_proxy=True, key_seconds=0)
    yield Caller(application)
    application.close()


def test_only_websites_that_the_source_lists_have_the_cookie_set(door: Caller) -> None:
    source = create_source(name="Shop", kind="web", by="tests")
    keep_handling(
        source_id=source.id, ip_kept="off", fill_in=True, robots="flag", origins=["https://www.shop.org"], by="tests"
    )
    query = f"writeKey={source.write_key}"
    ours = {"Origin": "https://www.shop.org", "X-Forwarded-Proto": "https"}
    for origin in ("https://evil.org", "https://www.shop.org.evil.org", "null", ""):
        refused = door("POST", "/v1/visitor", b"", query=query, headers={"Origin": origin})
        assert (refused.status, refused.json["code"]) == (403, "origin_not_allowed")
        assert "Set-Cookie" not in refused.headers
    assert door("POST", "/v1/visitor", b"", query="writeKey=nobody", headers=ours).status == 401
    assert door("GET", "/v1/visitor", query=query, headers=ours).status == 405
    made = door("POST", "/v1/visitor", {"anonymousId": "browser-0001"}, query=query, headers=ours)
    assert made.json == {"anonymousId": "browser-0001"}
    assert made.headers["Set-Cookie"] == (
        f"cdp_visitor_{source.id}=browser-0001; Max-Age=34560000; Path=/v1/visitor; HttpOnly; SameSite=Lax; Secure"
    )
    assert made.headers["Access-Control-Allow-Origin"] == "https://www.shop.org"
    assert made.headers["Access-Control-Allow-Credentials"] == "true"
    kept = {**ours, "Cookie": f"other=1; cdp_visitor_{source.id}=browser-0001"}
    again = door("POST", "/v1/visitor", {"anonymousId": "browser-0002"}, query=query, headers=kept)
    assert again.json == {"anonymousId": "browser-0001"}
    anew = door("POST", "/v1/visitor", {"anonymousId": "browser-0002"}, query=f"{query}&new=1", headers=kept)
    assert anew.json == {"anonymousId": "browser-0002"}
    for odd in (b"", b"{", b'{"anonymousId": 7}', b'{"anonymousId": "a b; Domain=x"}', b"\xff"):
        assert len(door("POST", "/v1/visitor", odd, query=query, headers=ours).json["anonymousId"]) == 36


def test_the_script_is_kept_by_browsers_and_known_again(web: int) -> None:
    script = httpx.get(f"http://127.0.0.1:{web}/cdp.js")
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert script.headers["cache-control"] == "public, max-age=3600"
    again = httpx.get(f"http://127.0.0.1:{web}/cdp.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
