"""What an event tells of consent: in its context, where Segment's tools put it, or as traits of an identify. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from events.contracts import Item
from identity.contracts import CONSENT_PREFIX, ConsentMeans

# https://www.twilio.com/docs/segment/privacy/consent-management/consent-in-unify: sent when somebody chose; every other
# event repeats the present choice.
CHOSEN = "Segment Consent Preference Updated"
_MARK = (b'"categoryPreferences"', b'"channelPreferences"')
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_MOST = 100
_MOST_VERSION = 2**31 - 1


class Choice(NamedTuple):
    """One yes or no, with what the event shows of it."""

    purpose: str
    channel: str
    granted: bool
    means: str
    text_version: int | None = None
    ip: str = ""


def chosen(item: Item, context: bytes, traits: Mapping[str, Any]) -> Iterator[Choice]:
    """The choices that an event tells of; anything that is no yes or no is passed over.

    `context.consent.categoryPreferences` is Segment's. Beside it we read `channelPreferences`, an object of such
    objects by channel, and `textVersion`, the number of the wording that was shown.
    """
    if any(mark in context for mark in _MARK):
        yield from _in_context(item, context)
    for name, value in traits.items():
        if is_choice(name, value):
            purpose, _, channel = name[len(CONSENT_PREFIX) :].partition(".")
            yield Choice(word(purpose), word(channel), value, ConsentMeans.TRAIT)


def is_choice(name: str, value: object) -> bool:
    """Whether a trait is an answer to a purpose (`consent_newsletter: true`, `consent_newsletter.email: false`)."""
    return isinstance(value, bool) and name.startswith(CONSENT_PREFIX) and bool(word(name[len(CONSENT_PREFIX) :]))


def word(name: str) -> str:
    """A purpose or channel as it is known here: `Sale of Data` is `sale_of_data`."""
    return _NOT_WORD.sub("_", name.strip().lower()).strip("_")[:64]


def _in_context(item: Item, context: bytes) -> Iterator[Choice]:
    try:
        loaded = orjson.loads(context)
    except orjson.JSONDecodeError:  # kept in the log, unread
        return
    consent = loaded.get("consent") if isinstance(loaded, dict) else None
    if not isinstance(consent, dict):
        return
    means = ConsentMeans.EVENT if item.type == "track" and item.event == CHOSEN else ConsentMeans.STAMP
    version, ip = consent.get("textVersion"), loaded.get("ip")
    shown = version if isinstance(version, int) and 0 <= version <= _MOST_VERSION else None
    address = ip[:64] if isinstance(ip, str) else ""
    by_channel = consent.get("channelPreferences")
    preferences = [("", consent.get("categoryPreferences"))]
    preferences += list(by_channel.items())[:_MOST] if isinstance(by_channel, dict) else []
    for channel, chosen_of in preferences:
        for name, value in list(chosen_of.items())[:_MOST] if isinstance(chosen_of, dict) else ():
            if isinstance(value, bool) and word(name) and bool(channel) == bool(word(channel)):
                yield Choice(word(name), word(channel), value, means, shown, address)
