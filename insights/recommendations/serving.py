"""Answering: what to offer one person now. Never fails for want of data: who is not known is offered what is popular.

The arrays of the live version stay in the memory of the process; of the person one row is read, and what they did
since.
"""

import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.clusters.grouping import Tampered
from insights.recommendations import packing, scoring
from insights.recommendations.catalogue import item_view
from insights.recommendations.contracts import (
    FEWEST_INTERACTIONS,
    MOST_RECOMMENDED,
    BadRecommendation,
    ItemView,
    Recommendations,
    RecommendationSetting,
    Recommended,
    Rules,
)
from insights.recommendations.models import Item, Recommender, Taste
from insights.recommendations.reading import Touch, fresh_of
from insights.recommendations.scoring import Floats, Ints
from insights.recommendations.settings import recommendation_setting
from insights.settings import setting
from segments import selectors as segments

log = logging.getLogger(__name__)

# So many of the best are looked at; if rules leave too few, more.
_LOOKED_AT, _NEWEST, _AT_LEAST = (200, 2_000, 20_000), 200, 10
# What somebody looks at now says more than what they touched before.
_CONTEXT_WEIGHT = 3.0
# The least share of what is alike where there are no factors, or where something is looked at.
_FILLS = 0.2
_POPULAR_WORDS = "Popular with everybody."
_NEW_WORDS = "New in the catalogue."


@dataclass(frozen=True, slots=True)
class _Version:
    """The live version in memory. `popular_in`: by segment, the smallest first."""

    version: int
    as_of: datetime
    alpha: float
    mix: Sequence[float]
    arrays: dict[str, packing.Array]
    popular_in: Sequence[str]

    def places(self, item_ids: npt.NDArray[np.int64]) -> Ints:
        """The places of these items; -1 for those that came later."""
        ids = self.arrays["items"]
        if not len(ids):
            return np.full(len(item_ids), -1, dtype=np.int32)
        found = np.minimum(np.searchsorted(ids, item_ids), len(ids) - 1)
        return np.where(ids[found] == item_ids, found, -1).astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Person:
    """What is known of the person: factors if they touched enough, items they have, and places that say what goes
    together with them, with weights."""

    vector: Floats | None
    consumed: frozenset[int]
    places: Ints
    weights: Floats


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An item that may be offered. `place`: where it stands in the arrays when the person led to it, else -1."""

    item_id: int
    score: float
    reason: str = ""
    place: int = -1


@dataclass(frozen=True, slots=True)
class _Scores:
    """Of every item: what each part says, and all together."""

    parts: Sequence[Floats]
    total: Floats


_lock = threading.Lock()
_loaded: dict[int, _Version] = {}


def recommend(
    *, profile_id: int | None = None, count: int = 10, context: Sequence[str] = (), filters: Rules | None = None,
    segment: str = "", now: datetime,
) -> Recommendations:  # fmt: skip
    """What to offer, the best first, and at most `count` (1 to 100) items.

    `profile_id`: a present profile, or None for somebody who is not known. `context`: ids of items that are looked at
    now, such as that of the page or those in the cart; they are not offered. `filters`: rules in place of those of the
    setting (`Rules.from_json(told, over=selectors.recommendation_setting().rules)` changes single ones). `segment`: the
    slug of the segment whose popular items come first when nothing is known of the person; else it is the smallest one
    that the person is in.

    Unknown people, unknown items, an empty catalogue and a missing model are no errors: the answer has what is popular
    or new with `fallback` true, and may be empty. Raises BadRecommendation for a count out of bounds only.
    """
    if not 1 <= count <= MOST_RECOMMENDED:
        raise BadRecommendation(f"count: between 1 and {MOST_RECOMMENDED}.")
    wanted = recommendation_setting()
    rules = filters or wanted.rules
    live = _live()
    shown = dict(Item.objects.filter(key__in=list(context)[:100]).values_list("key", "pk")) if context else {}
    looked_at = [shown[one] for one in dict.fromkeys(context) if one in shown]
    person = _person(profile_id, live, wanted, looked_at, now)
    never = frozenset(looked_at) | (person.consumed if rules.exclude_consumed else frozenset())
    chosen: list[tuple[_Candidate, ItemView]] = []
    scores = None
    if live is not None:
        if person.vector is not None or len(person.places) >= FEWEST_INTERACTIONS or looked_at:
            scores = _scored(live, person)
            chosen = _allowed(_own(live, scores, never), rules, never, count)
        if len(chosen) < count:
            popular = _popular(live, profile_id, segment)
            chosen += _allowed(popular, rules, never, count - len(chosen), known=chosen)
    own = sum(1 for candidate, _ in chosen if candidate.place >= 0)
    if len(chosen) < count:
        chosen += _allowed(_newest(), rules, never, count - len(chosen), known=chosen)
    items = _explained(chosen, live, person, scores)
    return Recommendations(items, not own, live.version if live else None, live.as_of if live else None)


def _live() -> _Version | None:
    """The live version, read again only when there is another."""
    number = Recommender.objects.filter(live=True).values_list("pk", flat=True).first()
    if number is None:
        return None
    found = _loaded.get(number)
    if found is None:
        with _lock:
            found = _loaded.get(number) or _load(Recommender.objects.get(pk=number))
            if found is not None:
                _loaded.clear()
                _loaded[number] = found
    return found


def _load(row: Recommender) -> _Version | None:
    try:
        arrays = packing.unpack(bytes(row.body), row.sha256)
    except Tampered:
        log.exception("version %s of recommendations is not used", row.version)
        return None
    told = row.figures["params"]
    sizes: dict[str, int] = row.figures["segments"]
    return _Version(
        row.version, row.as_of, told["alpha"], tuple(told["mix"]), arrays, sorted(sizes, key=lambda one: sizes[one])
    )


def _person(
    profile_id: int | None, live: _Version | None, wanted: RecommendationSetting, looked_at: list[int], now: datetime
) -> _Person:  # fmt: skip
    taste = Taste.objects.filter(pk=profile_id).first() if profile_id is not None else None
    if taste is not None and not _whole(taste):
        log.error("what is kept of profile %s is not used: its digest differs", profile_id)
        taste = None
    since = live.as_of if live is not None and taste is not None else None
    fresh: list[Touch] = []
    if profile_id is not None:
        fresh = fresh_of(profile_id, orders=setting().orders, setting=wanted, since=since, now=now)
    consumed = _ids(taste.consumed if taste else b"")
    before = _ids(taste.latest if taste else b"")
    weights: dict[int, float] = dict.fromkeys(before.tolist()[: scoring.LATEST], 1.0)
    weights = {**dict.fromkeys((one.item_id for one in fresh if one.weight > 0), 1.0), **weights}
    weights = {**dict.fromkeys(looked_at, _CONTEXT_WEIGHT), **dict(list(weights.items())[: scoring.LATEST])}
    has = frozenset(consumed.tolist()) | {one.item_id for one in fresh if one.consumes}
    if live is None:
        return _Person(None, has, np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
    places = live.places(np.array(list(weights), dtype=np.int64))
    there = places >= 0
    much = np.array(list(weights.values()), dtype=np.float32)[there]
    return _Person(_vector(live, taste, fresh), has, places[there], much)


def _vector(live: _Version, taste: Taste | None, fresh: Sequence[Touch]) -> Floats | None:
    """The stored factors; of whoever came since, those that the same formula gives for what they touched."""
    if taste is not None and taste.version == live.version:
        return np.frombuffer(bytes(taste.vector), dtype="<f4") if taste.vector else None
    # Of a person without a row, or with that of a version that is being written.
    weights: dict[int, float] = dict.fromkeys(_ids(taste.latest).tolist() if taste else (), 1.0)
    for one in fresh:
        if one.weight > 0:
            weights[one.item_id] = weights.get(one.item_id, 0.0) + one.weight
    places = live.places(np.array(list(weights), dtype=np.int64))
    if int((places >= 0).sum()) < FEWEST_INTERACTIONS:
        return None
    sure = scoring.confidence(np.array(list(weights.values())), live.alpha)
    return scoring.fold_in(live.arrays["factors"], live.arrays["gram"], places[places >= 0], sure[places >= 0])


def _whole(taste: Taste) -> bool:
    parts = (bytes(taste.vector), bytes(taste.consumed), bytes(taste.latest))
    return packing.digest(*parts) == bytes(taste.digest)


def _ids(data: Any) -> npt.NDArray[np.int64]:
    return np.frombuffer(bytes(data), dtype="<i8")


def _scored(live: _Version, person: _Person) -> _Scores:
    arrays = live.arrays
    count = len(arrays["items"])
    none = np.zeros(count, dtype=np.float32)
    own = none if person.vector is None else scoring.liked(arrays["factors"], person.vector)
    near = scoring.gather(arrays["near"], arrays["near_scores"], person.places, person.weights, count=count)
    close = scoring.gather(arrays["alike"], arrays["alike_scores"], person.places, person.weights, count=count)
    mix = list(live.mix)
    if person.vector is None:
        # Without factors, what goes together leads and what is alike fills.
        mix = [0.0, 1.0, max(mix[2], _FILLS)]
    elif person.weights.max(initial=0) > 1:
        mix = [mix[0], max(mix[1], 1.0), max(mix[2], _FILLS)]
    parts = scoring.mixed([own, near, close], mix)
    return _Scores(parts, np.sum(parts, axis=0))


def _own(live: _Version, scores: _Scores, never: Collection[int]) -> Iterator[_Candidate]:
    """What something of the person leads to, the best first. More are looked at only when rules leave too few."""
    total, ids = scores.total.copy(), live.arrays["items"]
    out = live.places(np.array(sorted(never), dtype=np.int64))
    total[out[out >= 0]] = -np.inf
    told = 0
    for most in _LOOKED_AT:
        for place in scoring.best(total, most)[told:].tolist():
            if total[place] <= 0:
                return
            yield _Candidate(int(ids[place]), float(total[place]), place=place)
        told = most


def _popular(live: _Version, profile_id: int | None, segment: str) -> Iterator[_Candidate]:
    """What is popular in the segment that says most of the person, then with everybody."""
    own = segments.slugs_of([profile_id]).get(profile_id, []) if profile_id is not None and live.popular_in else []
    inside = next((one for one in live.popular_in if one == segment or (not segment and one in own)), None)
    lists = [(f"popular:{inside}", f"Popular in the segment {inside}.")] if inside else []
    for name, words in [*lists, ("popular", _POPULAR_WORDS)]:
        ids = live.arrays["items"][live.arrays[name]]
        for rank, item_id in enumerate(ids.tolist()):
            yield _Candidate(item_id, 1 / (rank + 1), words)


def _newest() -> Iterator[_Candidate]:
    for one in Item.objects.order_by("-updated_at", "-pk").values_list("pk", flat=True)[:_NEWEST]:
        yield _Candidate(one, 0.0, _NEW_WORDS)


def _allowed(
    candidates: Iterator[_Candidate], rules: Rules, never: Collection[int], count: int,
    known: Sequence[tuple[_Candidate, ItemView]] = (),
) -> list[tuple[_Candidate, ItemView]]:  # fmt: skip
    """The first `count` candidates that the catalogue still has and rules allow."""
    told = {candidate.item_id for candidate, _ in known} | set(never)
    found: list[tuple[_Candidate, ItemView]] = []
    while some := list(islice(candidates, 2 * count + _AT_LEAST)):
        views = _views({one.item_id for one in some} - told)
        for one in some:
            item = views.get(one.item_id)
            if item is None or one.item_id in told or not rules.allow(item):
                continue
            told.add(one.item_id)
            found.append((one, item))
            if len(found) == count:
                return found
    return found


def _explained(
    chosen: Sequence[tuple[_Candidate, ItemView]], live: _Version | None, person: _Person, scores: _Scores | None
) -> list[Recommended]:  # fmt: skip
    """Each with the part of the score that led most, and the item that it came from."""
    led: dict[int, tuple[str, int]] = {}
    if live is not None and scores is not None:
        for one, _ in chosen:
            if one.place >= 0:
                led[one.place] = _led(live, person, scores, one.place)
    views = _views({item_id for _, item_id in led.values() if item_id})
    found = []
    for one, item in chosen:
        words, item_id = led.get(one.place, (one.reason, 0))
        because = views.get(item_id)
        reason = words.format(because.name or because.id if because else "what was chosen before")
        found.append(Recommended(item, one.score, reason, because.id if because else "", one.place < 0))
    return found


def _led(live: _Version, person: _Person, scores: _Scores, place: int) -> tuple[str, int]:
    kind = int(np.argmax([part[place] for part in scores.parts]))
    if not kind:
        return "People with similar taste like it.", 0
    name, words = (("near", "Often together with {}."), ("alike", "Like {}."))[kind - 1]
    found = scoring.because(live.arrays[name], live.arrays[f"{name}_scores"], person.places, place)
    return words, int(live.arrays["items"][found]) if found >= 0 else 0


def _views(item_ids: Collection[int]) -> dict[int, ItemView]:
    return {row.pk: item_view(row) for row in Item.objects.filter(pk__in=item_ids)} if item_ids else {}
