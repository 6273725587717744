"""The kit: what a provider declares, what it is given, and what can go wrong. The class of an error says what follows.

Whether a message is sent at most once or at least once is decided by what is known of a try:

- `Temporary`: surely not taken. Tried again.
- `Doubtful`: it may have been taken. Where a repeat with the same key reaches the person once (`repeats_are_safe`), it
  is tried again; elsewhere transactional messages are (at least once), and marketing is not (at most once).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from common.http import AddressRefused, Answer, Http, Unreachable
from connectors.contracts import Field

_LONGEST_REST = timedelta(hours=6)
# The connection was never made: nothing was sent.
_SURELY_NOT = frozenset({"dns_failed", "connect_failed"})


class HandingError(Exception):
    """The message is for the person who set the channel up; it quotes no person and no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Temporary(HandingError):
    """Surely not taken; tried again with growing pauses."""


class Resting(Temporary):
    """As Temporary; and the whole channel rests, for as long as the provider asked."""

    def __init__(self, message: str, *, rest: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(message)
        self.rest = rest


class Doubtful(HandingError):
    """The provider may have taken it."""


class BadContact(HandingError):
    """The address does not work, or asked for nothing more: it is not written to again."""

    def __init__(self, message: str, *, reason: str = "bounced") -> None:
        super().__init__(message)
        self.reason = reason


class Rejected(HandingError):
    """This message will never be taken; others are."""


class Misconfigured(HandingError):
    """Nothing will be taken before somebody mends the settings: the channel is paused, and the messages wait."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way. `key` is the same at every try. `address` is the address, number or token; for web push
    the subscription as JSON."""

    key: str
    channel: str
    address: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    language: str
    marketing: bool
    unsubscribe_url: str = field(default="", repr=False)
    origin: str = ""
    status_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A channel's settings, with its secrets in clear for the moment of a call."""

    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a provider may touch."""

    http: Http
    now: Callable[[], datetime]


# Hands one letter over and answers by what the provider knows it. Raises HandingError.
Hand = Callable[[Letter], str]


@dataclass(frozen=True, slots=True)
class Provider:
    """A way to send by some channels. `open` may keep a connection for several letters."""

    slug: str
    label: str
    channels: tuple[str, ...]
    settings: Mapping[str, Field]
    open: Callable[[Account, Outside], AbstractContextManager[Hand]]
    repeats_are_safe: bool = False


def call(
    outside: Outside, url: str, *, json: Any = None, form: Mapping[str, str] | None = None, content: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:  # fmt: skip
    """One POST. Raises Misconfigured, Temporary when it surely did not arrive, or Doubtful."""
    sent = {"user-agent": "cdp/1", "accept": "application/json", **(headers or {})}
    if json is not None:
        content, sent["content-type"] = orjson.dumps(json), "application/json"
    elif form is not None:
        content, sent["content-type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
    try:
        return outside.http.post(url, content=content, headers=sent)
    except AddressRefused as error:
        raise Misconfigured(str(error)) from error
    except Unreachable as error:
        kind = Temporary if error.code in _SURELY_NOT else Doubtful
        raise kind(str(error)) from error


def refusal(answer: Answer, vendor: str, now: datetime, said: str = "") -> HandingError:
    """What a status that is no success means, unless the vendor says more. `said` is a code, never a sentence."""
    words = f"{vendor} answered {answer.status}{f' ({said})' if said else ''}."
    if answer.status in (401, 403):
        return Misconfigured(f"{words} Look at the credentials.")
    if answer.status == 429 or (answer.status == 503 and answer.headers.get("retry-after")):
        return Resting(words, rest=_wait(answer.headers.get("retry-after", ""), now))
    if answer.status in (408, 425, 503):
        return Temporary(words)
    if answer.status >= 500:
        return Doubtful(words)
    if 300 <= answer.status < 400:
        return Misconfigured(f"{words} Redirects are not followed: enter the final address.")
    return Rejected(words)


def _wait(told: str, now: datetime) -> timedelta:
    """Retry-After as seconds or as a date (RFC 9110 section 10.2.3)."""
    if told.isdecimal():
        return min(timedelta(seconds=int(told)), _LONGEST_REST)
    try:
        wait = parsedate_to_datetime(told).astimezone(UTC) - now
    except (ValueError, TypeError):
        return timedelta(seconds=30)
    return min(max(wait, timedelta(seconds=1)), _LONGEST_REST)


def read(answer: Answer, *path: str | int) -> Any:
    """The value at a path of the answer's JSON; None where it ends."""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    for step in path:
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and len(found) > step else None
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found
