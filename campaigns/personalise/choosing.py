"""What a slot shows to somebody: the first rule that holds and has something to show. Pure; what experiments, bandits
and recommendations say comes from the `Offers` that are given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from campaigns.experiments.assigning import share
from campaigns.personalise.shapes import Answer, Show, SlotContent, SlotDocument, SlotView, Step, When
from segments import selectors as segments


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who asks. `unit` is what draws are made by: the profile, or the identifier of whom nobody knows yet."""

    unit: str
    profile_id: int | None = None
    traits: Mapping[str, Any] = field(default_factory=dict)
    bits: bytes = b""


@dataclass(frozen=True, slots=True)
class Given:
    """What an experiment or a bandit gives: a variant and its own content, and whether that was put in the log."""

    variant: str
    content: Any = None
    exposed: bool = False


class Offers(Protocol):
    """What has to be asked elsewhere. None: nothing for this person; `Trouble`: it could not be asked."""

    def experiment(self, slug: str) -> Given | None: ...

    def bandit(self, slug: str) -> Given | None: ...

    def recommend(self, most: int) -> tuple[Sequence[Mapping[str, Any]], bool] | None: ...


class Trouble(RuntimeError):
    """A component did not answer; the rule is passed over."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a rule that holds; nothing is shown where `content` is None."""

    words: str
    content: dict[str, Any] | None = None
    content_key: str = ""
    experiment: str = ""
    bandit: str = ""
    variant: str = ""
    items: tuple[dict[str, Any], ...] = ()
    fallback: bool = False
    exposed: bool = False
    trouble: bool = False


def choose(
    slot: SlotView, who: Somebody, offers: Offers, *, segment_ids: Mapping[str, int], held_out: bool, now: datetime
) -> Answer:
    """The answer with every step in words. Whoever is held out, or meets no rule, gets the default content."""
    if held_out:
        return default(slot, "held_out", "Held out from everything that is personal, to measure what it does.")
    steps: list[Step] = []
    troubled = False
    for rule in slot.document.rules:
        met, condition = _holds(rule.when, who, segment_ids, now)
        if not met:
            steps.append(Step(rule.name, condition, False, ""))
            continue
        found = _outcome(rule.show, slot, who, offers, now)
        steps.append(Step(rule.name, condition, True, found.words))
        troubled |= found.trouble
        if found.content is not None:
            return Answer(
                slot.slug, slot.version, found.content, "rule", f"{rule.name}: {condition}. {found.words}",
                found.fallback, rule.name, found.content_key, found.experiment, found.bandit, found.variant,
                found.items, tuple(steps), found.exposed,
            )  # fmt: skip
    if troubled:
        return default(slot, "unavailable", "What a rule wanted to show could not be asked.", steps)
    if who.profile_id is None:
        return default(slot, "unknown_person", "Nobody is known by these identifiers.", steps)
    return default(slot, "default", "No rule holds that has something to show.", steps)


def default(slot: SlotView, reason: Any, why: str, steps: Sequence[Step] = ()) -> Answer:
    """The default content, and why."""
    return Answer(slot.slug, slot.version, slot.document.default, reason, why, fallback=True, steps=tuple(steps))


def _holds(when: When | None, who: Somebody, segment_ids: Mapping[str, int], now: datetime) -> tuple[bool, str]:
    if when is None:
        return True, "everybody"
    if when.segment:
        known = segment_ids.get(when.segment)
        member = known is not None and segments.in_segment(who.bits, known)
        return member, f"{'in' if member else 'not in'} the segment {when.segment}"
    if when.rule is not None:
        rule = segments.trait_rule(when.rule)
        met = who.profile_id is not None and segments.meets(rule, profile_id=who.profile_id, traits=who.traits, now=now)
        return met, f"{segments.describe(rule)}: {'yes' if met else 'no'}"
    return _scored(when, who.traits.get(when.score))


def _scored(when: When, value: Any) -> tuple[bool, str]:
    edges = [f"at least {when.at_least:g}"] if when.at_least is not None else []
    edges += [f"below {when.below:g}"] if when.below is not None else []
    asked = f"{when.score} {' and '.join(edges)}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False, f"{asked}: there is no number"
    met = (when.at_least is None or value >= when.at_least) and (when.below is None or value < when.below)
    return met, f"{asked}: {'yes' if met else 'no'}"


def _outcome(show: Show, slot: SlotView, who: Somebody, offers: Offers, now: datetime) -> Outcome:
    try:
        if show.contents:
            return _of_contents(show.contents, slot, who, now)
        if show.recommend:
            return _of_recommendations(show.recommend, slot.document, offers)
        given = offers.experiment(show.experiment) if show.experiment else offers.bandit(show.bandit)
    except Trouble as why:
        return Outcome(f"Passed over: {why}", trouble=True)
    asked = f"the experiment {show.experiment}" if show.experiment else f"the bandit {show.bandit}"
    if given is None:
        return Outcome(f"Takes no part in {asked}.")
    content, key = _content_of(given, slot.document, now)
    return Outcome(
        f"The variant {given.variant} of {asked}.", content, key, show.experiment, show.bandit, given.variant,
        exposed=given.exposed,
    )  # fmt: skip


def _of_contents(keys: Sequence[str], slot: SlotView, who: Somebody, now: datetime) -> Outcome:
    """One of the contents whose time it is, drawn by weight; the same for the same person."""
    able = [one for one in slot.document.contents if one.key in keys and live(one, now)]
    if not able:
        return Outcome("It is not the time of any of its contents.")
    drawn = share(slot.slug, "content", who.unit) * sum(one.weight for one in able)
    chosen = able[-1]
    for one in able:
        drawn -= one.weight
        if drawn < 0:
            chosen = one
            break
    return Outcome(f"The content {chosen.key}.", chosen.fields, chosen.key)


def _of_recommendations(most: int, document: SlotDocument, offers: Offers) -> Outcome:
    found = offers.recommend(most)
    if found is None or not found[0]:
        return Outcome("There is nothing to recommend.")
    items, popular = found
    told = "Items that many people like." if popular else f"{len(items)} items for this person."
    return Outcome(told, dict(document.default), items=tuple(map(dict, items)), fallback=popular)


def _content_of(given: Given, document: SlotDocument, now: datetime) -> tuple[dict[str, Any], str]:
    """The slot's content of the variant's key, else the fields of the variant's own, else the default."""
    own = next((one for one in document.contents if one.key == given.variant and live(one, now)), None)
    if own is not None:
        return own.fields, own.key
    if isinstance(given.content, Mapping):
        allowed = {name: value for name, value in given.content.items() if name in document.fields}
        if allowed:
            return allowed, ""
    return document.default, ""


def live(content: SlotContent, now: datetime) -> bool:
    """Whether it is the time of a content."""
    return (content.starts_at is None or content.starts_at <= now) and (
        content.ends_at is None or now < content.ends_at
    )
