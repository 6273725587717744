"""What a user agent says of browser, system and device, and whether it is a robot's. Pure, and remembered.

By ua-parser, whose patterns (uap-core) name crawlers as devices of the brand Spider. A text that was not met before
costs a tenth of a millisecond; the same few hundred come again and again.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from ua_parser import parse

_REMEMBERED = 20_000
_LONGEST = 1_000
_HEADLESS = frozenset({"HeadlessChrome", "PhantomJS", "Electron Headless"})
# Programs that fetch pages. Apps that use such a library name themselves before it.
_PROGRAMS = frozenset({"curl", "Wget", "Python Requests", "Go-http-client", "axios"})


@dataclass(frozen=True, slots=True)
class Agent:
    """One user agent. `robot` names the robot, and is empty for people. `facts` are the members of `context` that it
    gives (`browser`, `os`, `device`), `pieces` each of them as JSON."""

    robot: str
    facts: dict[str, dict[str, str]]
    pieces: bytes


@lru_cache(maxsize=_REMEMBERED)
def read_agent(text: str) -> Agent:
    """What a user agent says; an unknown one says nothing."""
    found = parse(text[:_LONGEST])
    browser, system, device = found.user_agent, found.os, found.device
    facts = {
        "browser": _named(browser.family if browser else None, _version(browser)),
        "os": _named(system.family if system else None, _version(system)),
        "device": _members(manufacturer=device.brand if device else None, model=device.model if device else None),
    }
    robot = _robot(browser.family if browser else "", device.brand if device else "", text)
    told = {} if robot else {name: fact for name, fact in facts.items() if fact}
    return Agent(robot, told, orjson.dumps(told)[1:-1])


def _robot(browser: str, brand: str | None, text: str) -> str:
    if brand == "Spider":
        return browser or "robot"
    if browser in _HEADLESS or "Headless" in text:
        return browser or "headless browser"
    return browser if browser in _PROGRAMS else ""


def _named(name: str | None, version: str) -> dict[str, str]:
    return _members(name=name if name != "Other" else None, version=version)


def _members(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value}


def _version(found: Any) -> str:
    parts = (found.major, found.minor, found.patch) if found else ()
    return ".".join(part for part in parts if part)
