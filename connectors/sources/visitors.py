"""What of an item's context a source keeps, fills in and lets pass. Pure.

Nothing that the library sent is changed, but for the address, which is kept only where somebody asked for it.
"""

import ipaddress
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from connectors.sources.agents import read_agent
from connectors.sources.contracts import IpKept
from events.contracts import Received

_NAMED = b'"userAgent"'
_AGENT = re.compile(rb'"userAgent"\s*:\s*("(?:[^"\\]|\\.)*")')
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_FILLED = (b'"browser"', b'"os"', b'"device"', b'"campaign"')
_UTM = {
    "utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term",
    "utm_content": "content",
}  # fmt: skip
_WEBDRIVER = re.compile(rb'"webdriver"\s*:\s*true')


def user_agent(context: bytes, received: Received | None) -> str:
    """The browser's own name for itself: as the library told it, else as the request did."""
    place = context.find(_NAMED)
    found = _AGENT.match(context, place) if place >= 0 else None
    if found is not None:
        try:
            return str(orjson.loads(found[1]))
        except orjson.JSONDecodeError:
            return ""
    return received.userAgent if received else ""


def robot_of(context: bytes, agent: str) -> str:
    """The robot that sent an item, empty for people: by its user agent, or because a program drives the browser
    (`navigator.webdriver`, which our script sends)."""
    if agent and (robot := read_agent(agent).robot):
        return robot
    return "driven browser" if b'"webdriver"' in context and _WEBDRIVER.search(context) else ""


def address_kept(address: str | None, kept: IpKept) -> str | None:
    """An address as the source keeps it; truncated is its network of 24 bits, of IPv6 of 48."""
    if address is None or kept == IpKept.FULL:
        return address
    if kept == IpKept.OFF:
        return None
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False).network_address)


def with_address_kept(context: bytes, kept: IpKept) -> bytes:
    """The context with `ip` as the source keeps it."""
    if kept == IpKept.FULL or b'"ip"' not in context:
        return context
    told = _object(context)
    address = told.pop("ip", None) if told is not None else None
    if told is None or address is None:
        return context
    truncated = address_kept(address, kept) if isinstance(address, str) else None
    return orjson.dumps(told | ({"ip": truncated} if truncated else {}))


def with_robot(context: bytes, robot: str) -> bytes:
    """The context, marked as a robot's."""
    return _with(context, b'"robot":' + orjson.dumps(robot))


def filled_in(context: bytes, agent: str, received: Received | None) -> bytes:
    """The context with what the user agent, the request's language and the page's address tell, where it is missing."""
    language = _locale(received) if received and b'"locale"' not in context else ""
    if b"utm_" not in context and not any(mark in context for mark in _FILLED):
        pieces = [read_agent(agent).pieces] if agent else []
        if language:
            pieces.append(b'"locale":' + orjson.dumps(language))
        if agent and _NAMED not in context:
            pieces.append(_NAMED + b":" + orjson.dumps(agent))
        return _with(context, b",".join(piece for piece in pieces if piece))
    return _merged(context, agent, language)


def _merged(context: bytes, agent: str, language: str) -> bytes:
    """The same, member by member, for a context that has some of them."""
    told = _object(context)
    if told is None:
        return context
    facts: dict[str, Any] = {**read_agent(agent).facts, "userAgent": agent} if agent else {}
    facts |= {"locale": language, "campaign": _campaign(told)}
    missing = {name: fact for name, fact in facts.items() if fact and not _says_something(told.get(name))}
    device = told.get("device")
    if isinstance(device, dict) and device and "device" in facts:
        # A device that has an id, and no name.
        missing["device"] = device | {name: fact for name, fact in facts["device"].items() if not device.get(name)}
    return orjson.dumps(told | missing) if missing else context


def _says_something(value: object) -> bool:
    """Some libraries send `{"name": "", "version": ""}` where they know nothing."""
    return any(map(_says_something, value.values())) if isinstance(value, dict) else bool(value)


def _campaign(told: dict[str, Any]) -> dict[str, str]:
    page = told.get("page")
    address = page.get("url") if isinstance(page, dict) else None
    if not isinstance(address, str) or "utm_" not in address:
        return {}
    try:
        query = parse_qsl(urlsplit(address).query, max_num_fields=100)
    except ValueError:
        return {}
    return {_UTM[name]: value for name, value in query if name in _UTM and value}


def _locale(received: Received) -> str:
    first = received.language.split(",", 1)[0].split(";", 1)[0].strip()
    return first if _LOCALE.fullmatch(first) else ""


def _with(context: bytes, members: bytes) -> bytes:
    if not members:
        return context
    inner = context[1:].lstrip() if context[:1] == b"{" else b"}"
    return b"{" + members + (b"" if inner[:1] == b"}" else b",") + inner


def _object(context: bytes) -> dict[str, Any] | None:
    try:
        told = orjson.loads(context) if context else {}
    except orjson.JSONDecodeError:  # kept as it is
        return None
    return told if isinstance(told, dict) else None
