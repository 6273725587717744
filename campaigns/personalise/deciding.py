"""What slots show to somebody, in time and whatever is away.

One function decides for the API, for browsers and for the preview. What has to be asked of PostgreSQL is asked by a
thread beside, for `SECONDS`; when there is no answer, every slot shows its default content.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import psycopg
import redis
from django.db import Error as DatabaseError

from campaigns.bandits.services import show_arm
from campaigns.experiments.deciding import decide_live, held_out
from campaigns.personalise.choosing import Given, Somebody, Trouble, choose, default
from campaigns.personalise.memberships import OLDEST, Memberships
from campaigns.personalise.shapes import Answer, Asked, SlotView
from campaigns.personalise.shelf import Shelf, Shelves
from common.outside import outside_settings
from common.patience import Away, Patience
from identity import selectors as identity
from insights import selectors as insights
from insights.contracts import Recommended

log = logging.getLogger(__name__)

SECONDS = 0.25
# For what is between the decision and the wire.
_ROOM = timedelta(milliseconds=50)
MOST_SLOTS = 50
_DATABASE = (DatabaseError, psycopg.Error, OSError)


class Decider:
    """Decides for one process."""

    def __init__(self, redis_url: str, *, seconds: float = SECONDS) -> None:
        client = redis.Redis.from_url(redis_url, socket_timeout=0.1, socket_connect_timeout=0.1)
        self._patience = Patience(seconds=seconds, threads=4, failures=_DATABASE)
        self._shelves = Shelves(self._patience.ask)
        self._memberships = Memberships(client, usable=OLDEST - timedelta(seconds=seconds) - _ROOM)

    def shelf(self) -> Shelf:
        """All that is known here beside people. Raises Unavailable."""
        return self._shelves.now()

    def slots(self) -> Mapping[str, SlotView]:
        """The slots as they are known here. Raises Unavailable."""
        return self._shelves.now().slots

    def decide(self, asked: Asked, *, now: datetime) -> list[Answer]:
        """One answer for each slot that there is, in the order they were asked for. Raises Unavailable."""
        shelf = self._shelves.now()
        wanted = [shelf.slots[slug] for slug in dict.fromkeys(asked.slots) if slug in shelf.slots]
        if not any(one.document.rules for one in wanted):
            return [default(one, "default", "It has no rules.") for one in wanted]
        try:
            return self._patience.ask(lambda: self.choose(wanted, asked, shelf, now))
        except Away as why:
            log.warning("default contents are shown: %s", why)
            return [default(one, "unavailable", "The database did not answer in time.") for one in wanted]

    def choose(self, wanted: Sequence[SlotView], asked: Asked, shelf: Shelf, now: datetime) -> list[Answer]:
        """`decide` without a limit of time, by the caller's own connection."""
        who = self._somebody(wanted, asked, now)
        held = _held_out(shelf, who, asked, now)
        offers = _Doors(who, asked, shelf, now)
        return [
            choose(one, who, offers, segment_ids=shelf.segment_ids, held_out=held, now=now) for one in wanted
        ]  # fmt: skip

    def _somebody(self, wanted: Sequence[SlotView], asked: Asked, now: datetime) -> Somebody:
        known: tuple[int, Mapping[str, Any]] | None = None
        if asked.profile_id is not None:
            seen = identity.profile_view(asked.profile_id)
            known = (seen.id, seen.traits) if seen is not None else None
        elif asked.keys:
            known = identity.person_of(asked.keys)
        if known is None:
            return Somebody(":".join(asked.keys[0]) if asked.keys else "")
        profile_id, traits = known
        member = any(rule.when is not None and rule.when.segment for one in wanted for rule in one.document.rules)
        bits = self._memberships.of(profile_id, now=now) if member else b""
        return Somebody(f"profile:{profile_id}", profile_id, traits, bits)

    def let_go(self) -> None:
        """End its threads and their connections."""
        self._patience.let_go()


def _held_out(shelf: Shelf, who: Somebody, asked: Asked, now: datetime) -> bool:
    kind, value = asked.keys[0] if asked.keys else ("", "")
    return held_out(
        shelf.holdouts, profile_id=who.profile_id, kind=kind, value=value, expose=asked.expose and bool(kind), now=now
    )  # fmt: skip


class _Doors:
    """What experiments, bandits and recommendations say of one person. Each is asked once, however many slots ask."""

    def __init__(self, who: Somebody, asked: Asked, shelf: Shelf, now: datetime) -> None:
        self._who = who
        self._asked = asked
        self._shelf = shelf
        self._now = now
        self._kind, self._value = asked.keys[0] if asked.keys else ("", "")
        # Somebody who is named by no identifier cannot be put into the log.
        self._expose = asked.expose and bool(self._kind)
        self._kept: dict[str, Given | None] = {}

    def experiment(self, slug: str) -> Given | None:
        return self._once(f"experiment {slug}", lambda: self._experiment(slug))

    def bandit(self, slug: str) -> Given | None:
        return self._once(f"bandit {slug}", lambda: self._bandit(slug))

    def recommend(self, most: int) -> tuple[Sequence[Mapping[str, Any]], bool] | None:
        looked_at = self._asked.context.get("items", ())
        items = [str(one) for one in looked_at] if isinstance(looked_at, list | tuple) else []
        try:
            found = insights.recommend(
                profile_id=self._who.profile_id, count=most, context=items[:100], now=self._now
            )  # fmt: skip
        except _DATABASE:
            raise
        except Exception as problem:
            log.exception("recommendations failed; the rule is passed over")
            raise Trouble("Recommendations failed.") from problem
        return [_item(one) for one in found.items], found.fallback

    def _experiment(self, slug: str) -> Given | None:
        experiment = self._shelf.experiments.get(slug)
        if experiment is None or not (self._kind or self._who.profile_id):
            return None
        found = decide_live(
            experiment, self._shelf.holdouts, profile_id=self._who.profile_id, kind=self._kind, value=self._value,
            expose=self._expose, now=self._now,
        )  # fmt: skip
        if not found.taking_part and found.reason != "winner":
            return None
        return Given(found.variant.key, found.variant.content, self._expose and found.taking_part)

    def _bandit(self, slug: str) -> Given | None:
        bandit = self._shelf.bandits.get(slug)
        if bandit is None or not (self._kind or self._who.profile_id):
            return None
        found = show_arm(
            bandit, profile_id=self._who.profile_id, kind=self._kind, value=self._value, traits=self._who.traits,
            context=self._asked.context, expose=self._expose, now=self._now,
        )  # fmt: skip
        return None if found is None else Given(found[0].key, found[0].content, found[1])

    def _once(self, name: str, work: Callable[[], Given | None]) -> Given | None:
        if name not in self._kept:
            self._kept[name] = work()
        return self._kept[name]


def _item(one: Recommended) -> dict[str, Any]:
    item = one.item
    return {
        "id": item.id, "name": item.name, "category": item.category, "price": item.price, "url": item.url,
        "image_url": item.image_url, "reason": one.reason,
    }  # fmt: skip


@lru_cache(maxsize=1)
def _decider(redis_url: str, seconds: float) -> Decider:
    return Decider(redis_url, seconds=seconds)


def decider() -> Decider:
    """This process's."""
    outside = outside_settings()
    return _decider(outside.redis_url, outside.personalise_seconds)


def personalise(asked: Asked, *, now: datetime) -> list[Answer]:
    """What each slot shows to somebody. With `expose`, what an experiment or a bandit shows is put into the log before
    it is answered. Raises Unavailable when not even the default contents are known."""
    return decider().decide(asked, now=now)


def slots_known() -> Mapping[str, SlotView]:
    """The slots by slug as this process knows them, at most two seconds old while the database answers. Raises
    Unavailable."""
    return decider().slots()


def let_go() -> None:
    """End the threads of this process's decider and their connections."""
    decider().let_go()
