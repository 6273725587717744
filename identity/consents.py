"""What a person chose, from all that was said of it. Pure.

A word is one saying of yes or no to a purpose, of all channels or of one. It is explicit (somebody chose: a consent
event, a form, an API call, a row of a file), or a stamp: libraries repeat the present choice of a browser on every
event (https://www.twilio.com/docs/segment/privacy/consent-management/consent-in-segment-connections).

1. The latest word counts, by the time at which it was said; of two at the same time the refusal.
2. A stamp lifts no explicit refusal: an old browser that goes on saying yes is no new choice. It may refuse.
3. What was said of one channel counts there before what was said of all, until a later explicit refusal of all.

Each rule looks at the latest word of a kind, so the answer depends on neither the order nor the number of words.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

PREFIX = "consent_"
ALL_CHANNELS = ""


class Means(StrEnum):
    """How a word came: on any event, by an event that tells of a choice, as a trait, by a person here, by the API."""

    STAMP = "stamp"
    EVENT = "event"
    TRAIT = "trait"
    FORM = "form"
    API = "api"


# Words that come again and again without anybody having chosen again: repeats are folded into one record.
REPEATED = (Means.STAMP, Means.TRAIT)
FROM_EVENTS = (*REPEATED, Means.EVENT)


class Word(NamedTuple):
    """One saying. `channel` is empty for all channels."""

    channel: str
    granted: bool
    explicit: bool
    at_us: int


def answer(words: Iterable[Word], channel: str = ALL_CHANNELS) -> bool | None:
    """Whether these words about one purpose of one person are a consent for a channel; None: nothing was said."""
    told = list(words)
    general = [word for word in told if word.channel == ALL_CHANNELS]
    own = [word for word in told if channel and word.channel == channel]
    found = _latest(own)
    if found is None:
        return _latest(general)
    if found:
        consented = max(word.at_us for word in own if word.granted)
        withdrawn = (word.at_us for word in general if word.explicit and not word.granted)
        if max(withdrawn, default=consented) > consented:
            return _latest(general)
    return found


def _latest(words: Sequence[Word]) -> bool | None:
    explicit = max(map(_rank, (word for word in words if word.explicit)), default=None)
    stamped = max(map(_rank, (word for word in words if not word.explicit)), default=None)
    if explicit is None:
        return None if stamped is None else not stamped[1]
    refused = explicit[1] or (stamped is not None and stamped[1] and stamped[0] >= explicit[0])
    return not refused


def _rank(word: Word) -> tuple[int, bool]:
    return (word.at_us, not word.granted)


def trait_of(purpose: str, channel: str = ALL_CHANNELS) -> str:
    """The trait that says it: `consent_newsletter`, of one channel `consent_newsletter.email`."""
    return f"{PREFIX}{purpose}.{channel}" if channel else PREFIX + purpose


def purpose_and_channel(trait: str) -> tuple[str, str]:
    """The way back from `trait_of`."""
    purpose, _, channel = trait.removeprefix(PREFIX).partition(".")
    return purpose, channel


def consented(traits: Mapping[str, object], purpose: str, channel: str = ALL_CHANNELS) -> bool:
    """Whether a profile's traits hold a consent; no answer is none."""
    told = traits.get(trait_of(purpose, channel)) if channel else None
    return (traits.get(trait_of(purpose)) if told is None else told) is True


class Told(NamedTuple):
    """A word as it is stored: who, of what, by which way, when first and when last."""

    identifier_id: int
    purpose: str
    channel: str
    source_id: int
    means: str
    granted: bool
    said_us: int
    repeated_us: int

    @property
    def slot(self) -> tuple[int, str, str, int, str]:
        """Within which repeats are one record."""
        return self[:5]


def fold(stored: Iterable[Told], incoming: Iterable[Told]) -> tuple[dict[int, int], dict[int, int]]:
    """What to write: places of `incoming` that need a record, with the time of their latest repeat, and places of
    `stored` that were repeated at a later time.

    A word that a record tells already says nothing new: the log can be read again. A stamp or trait that says again
    what the latest of its slot said is a repeat. However words are folded, the latest yes and the latest no of a slot
    keep their times, on which alone `answer` depends.
    """
    known = list(stored)
    slots: dict[tuple[int, str, str, int, str], dict[int, Told]] = defaultdict(dict)
    for place, told in enumerate(known):
        slots[told.slot][place] = told
    records: dict[int, int] = {}
    repeats: dict[int, int] = {}
    for place, told in sorted(enumerate(incoming), key=lambda one: (one[1].said_us, not one[1].granted)):
        slot = slots[told.slot] if told.means in FROM_EVENTS else {}
        if any(one.granted == told.granted and one.said_us <= told.said_us <= one.repeated_us for one in slot.values()):
            continue
        at, latest = max(slot.items(), key=lambda one: (one[1].repeated_us, not one[1].granted), default=(-1, None))
        if latest and told.means in REPEATED and latest.granted == told.granted and told.said_us > latest.repeated_us:
            slot[at] = latest._replace(repeated_us=told.said_us)
            if at < len(known):
                repeats[at] = told.said_us
            else:
                records[at - len(known)] = told.said_us
        else:
            records[place] = told.said_us
            slot[len(known) + place] = told
    return records, repeats
