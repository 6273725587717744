"""What a source keeps of how items came: addresses, what is filled in, robots."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import IpKept
from connectors.sources.ingestion import Ingestion
from connectors.sources.visitors import address_kept, filled_in, robot_of, user_agent, with_address_kept
from events import selectors as log
from events.contracts import Item, Received
from events.services import Batch, ensure_inbox, original
from identity import selectors as identity
from tests.applying import apply_all
from tests.ingestion.client import Caller

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile"
    " Safari/537.36"
)
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36"
)


def filled(context: dict[str, Any], received: Received | None = None) -> dict[str, Any]:
    sent = orjson.dumps(context)
    return dict(orjson.loads(filled_in(sent, user_agent(sent, received), received)))


def robot(context: dict[str, Any], received: Received | None = None) -> str:
    sent = orjson.dumps(context)
    return robot_of(sent, user_agent(sent, received))


def test_browser_system_and_device_are_read_from_the_user_agent() -> None:
    assert filled({"userAgent": PHONE}) == {
        "userAgent": PHONE, "browser": {"name": "Chrome Mobile", "version": "126.0.0"},
        "os": {"name": "Android", "version": "14"}, "device": {"manufacturer": "Google", "model": "Pixel 8"},
    }  # fmt: skip
    assert filled({}, Received(PHONE, "de-DE,de;q=0.9"))["locale"] == "de-DE"
    assert filled({}, Received(PHONE))["userAgent"] == PHONE
    assert filled({}, Received("", "*")) == {}
    assert filled({}, None) == {}


def test_what_the_library_sent_is_never_changed() -> None:
    context = {
        "userAgent": PHONE, "locale": "fr", "os": {"name": "KaiOS"}, "campaign": {"name": "own"},
        "device": {"id": "d1", "type": "android"}, "page": {"url": "https://x.org/?utm_campaign=spring"},
    }  # fmt: skip
    told = filled(context, Received(DESK, "de"))
    assert told.pop("browser") == {"name": "Chrome Mobile", "version": "126.0.0"}
    assert told == context | {"device": {**context["device"], "manufacturer": "Google", "model": "Pixel 8"}}  # type: ignore[dict-item]
    empty = {"userAgent": PHONE, "os": {"name": "", "version": ""}, "device": None}
    assert filled(empty)["os"] == {"name": "Android", "version": "14"}


def test_the_campaign_is_read_from_the_address_of_the_page() -> None:
    page = {"url": "https://x.org/?utm_source=mail&utm_medium=email&utm_campaign=spring%20sale&utm_id=7&q=1"}
    assert filled({"page": page})["campaign"] == {"source": "mail", "medium": "email", "name": "spring sale"}
    assert filled({"page": {"url": "https://[x/?utm_source=a"}}) == {"page": {"url": "https://[x/?utm_source=a"}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "utm_", "x", '"os"', PHONE, GOOGLE]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["os", "name", "robot", "id"]), inner),
    max_leaves=6,
)
CONTEXTS = st.dictionaries(
    st.sampled_from(["userAgent", "os", "device", "browser", "locale", "campaign", "page", "ip", "traits"]), JSON
)


def says_something(value: Any) -> bool:
    return any(map(says_something, value.values())) if isinstance(value, dict) else bool(value)


@given(
    context=CONTEXTS,
    received=st.none() | st.builds(Received, st.sampled_from(["", DESK]), st.sampled_from(["", "de"])),
)
def test_whatever_was_sent_stays_as_it_was(context: dict[str, Any], received: Received | None) -> None:
    told = filled(context, received)
    for name, value in context.items():
        if name == "device" and isinstance(value, dict):
            assert all(told[name][key] == one for key, one in value.items() if one)
        elif says_something(value):
            assert told[name] == value
    assert isinstance(robot(context, received), str)


@pytest.mark.parametrize(
    ("address", "truncated"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:1:2:3::4", "2001:db8:1::"), ("nonsense", None), (None, None)],
)
def test_an_address_is_kept_as_it_is_asked(address: str | None, truncated: str | None) -> None:
    assert address_kept(address, IpKept.FULL) == address
    assert address_kept(address, IpKept.TRUNCATED) == truncated
    assert address_kept(address, IpKept.OFF) is None
    sent = orjson.dumps({"ip": address, "locale": "de"})
    assert orjson.loads(with_address_kept(sent, IpKept.OFF)) == {"locale": "de"} | ({} if address else {"ip": None})


@pytest.mark.parametrize(
    ("agent", "name"),
    [(GOOGLE, "Googlebot"), (HEADLESS, "HeadlessChrome"), ("curl/8.5.0", "curl"), (PHONE, ""), (DESK, ""), ("", ""),
     ("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot"),
     ("Mozilla/5.0 (Linux; Android 13; CUBOT X30) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36", "")],
)  # fmt: skip
def test_robots_are_known_by_their_user_agent(agent: str, name: str) -> None:
    assert robot({}, Received(agent)) == name
    assert robot({"userAgent": agent}, Received(PHONE)) == name


def test_a_browser_that_a_program_drives_is_a_robot() -> None:
    assert robot({"userAgent": PHONE, "webdriver": True}) == "driven browser"
    assert robot({"userAgent": PHONE, "webdriver": False}) == ""


Seen = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def seen(transactional_db: None) -> Iterator[Seen]:
    """`seen(handling, agent, context…)` sends page views to a new website; what is stored of their contexts."""
    applier, doors = Applier(), Ingestion(nudge=lambda: None, key_seconds=0)
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())

    def send(handling: dict[str, Any], agent: str, *contexts: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        source = connector_services.create_source(name="Site", kind="web", by="ann", now=clock.now())
        usual = {"ip_kept": "off", "fill_in": True, "robots": "flag"}
        connector_services.keep_handling(source_id=source.id, by="ann", **{**usual, **handling})
        batch = [
            {"type": "page", "anonymousId": "b1", "messageId": f"{source.id}-{n}", "context": context}
            for n, context in enumerate(contexts)
        ]
        answer = Caller(doors)(
            "POST", "/v1/batch", {"writeKey": source.write_key, "batch": batch, **more},
            headers={"User-Agent": agent, "Accept-Language": "de-AT, de;q=0.8"},
        )  # fmt: skip
        assert answer.status == 200, answer
        apply_all(applier, now=clock.now())
        found = sorted(log.stream_events(source_id=source.id), key=lambda event: event.message_id)
        return [dict(event.envelope.get("context") or {}) for event in found]  # type: ignore[call-overload]

    yield send
    doors.close()
    applier.close()


def test_a_website_keeps_no_address_unless_it_is_asked_to(seen: Seen) -> None:
    told = {"ip": "198.51.100.9"}
    assert seen({}, DESK, {}, told) == [
        {"os": {"name": "Windows", "version": "10"}, "browser": {"name": "Firefox", "version": "127.0"},
         "locale": "de-AT", "userAgent": DESK}
    ] * 2  # fmt: skip
    assert [one["ip"] for one in seen({"ip_kept": "truncated"}, DESK, {}, told)] == ["192.0.2.0", "198.51.100.0"]
    assert [one["ip"] for one in seen({"ip_kept": "full"}, DESK, {}, told)] == ["192.0.2.7", "198.51.100.9"]
    assert seen({"fill_in": False, "robots": "allow"}, DESK, {}) == [{}]


def test_what_is_put_into_the_quarantine_has_no_address_either(transactional_db: None) -> None:
    source = connector_services.create_source(name="Site", kind="web", by="ann", now=clock.now())
    item = Item(type="page", messageId="m", context=msgspec.Raw(b'{"ip":"198.51.100.9","page":{}}'))
    batch = Batch([item], [source.id], [1], [1], ["$page"], ["m"], [None], [None], [b""], [bytes(item.context)], [None])
    with pg.connect(autocommit=True) as conn:
        arrived = connector_services.arrive(conn, batch).batch
    assert orjson.loads(original(arrived.items[0]))["context"] == {"page": {}}
    assert bytes(item.context) == batch.contexts[0], "the batch that came is as it was"


def test_robots_are_let_in_or_marked_or_dropped_and_counted(seen: Seen) -> None:
    contexts = ({"userAgent": PHONE}, {"userAgent": GOOGLE}, {"userAgent": PHONE, "webdriver": True})
    assert [one.get("robot") for one in seen({"robots": "allow"}, DESK, *contexts)] == [None, None, None]
    marked = seen({"robots": "flag"}, DESK, *contexts)
    assert [one.get("robot") for one in marked] == [None, "Googlebot", "driven browser"]
    assert len(seen({"robots": "drop"}, DESK, *contexts)) == 1
    assert sum(row[7] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 2
    assert seen({"robots": "drop"}, GOOGLE, {}) == [], "by the request, where the library tells nothing"


def test_visits_of_robots_do_not_count(seen: Seen) -> None:
    seen({"robots": "flag"}, DESK, {"userAgent": GOOGLE}, {"userAgent": PHONE, "traits": {"robot": "mine"}})
    person = identity.find_profile("anonymous_id", "b1")
    assert person is not None
    visits = log.sessions(
        identifier_ids=identity.identifier_ids(person), source_ids=connectors.visited_sources(),
        before=clock.now() + timedelta(days=1),
    )  # fmt: skip
    assert [one.events for one in visits] == [1]


@pytest.mark.parametrize("odd", [5, None, [], {"userAgent": 7}, "x"])
def test_nobody_disturbs_the_pipeline_by_a_member_of_our_name(seen: Seen, odd: Any) -> None:
    assert [one["userAgent"] for one in seen({}, DESK, {}, received=odd)] == [DESK]
    assert seen({"fill_in": False, "robots": "allow"}, DESK, {"a": json.dumps(odd)}, received=odd) != []
