"""Whether a slot can be shown as it is described. Pure, but for the names that are given to it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec

from campaigns.personalise.shapes import InvalidSlot, Show, SlotContent, SlotDocument, SlotRule, When
from segments import selectors as segments

MOST_CONTENTS, MOST_RULES, MOST_FIELDS, MOST_ITEMS = 50, 30, 30, 24
_MOST_BYTES = 20_000
_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")
# What begins an element, a comment or a declaration in the HTML standard, 13.2.5.6 (tag open state).
_MARKUP = re.compile(r"<[A-Za-z/!?]")


class Known(msgspec.Struct, frozen=True):
    """The names that there are: slugs of segments, experiments and bandits, ids of web and mobile sources."""

    segments: frozenset[str]
    experiments: frozenset[str]
    bandits: frozenset[str]
    sources: frozenset[int]


def read_document(given: Any, known: Callable[[], Known]) -> SlotDocument:
    """The document of a JSON object. Raises InvalidSlot with every mistake that was found."""
    try:
        found = msgspec.convert(given, SlotDocument)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$")
        raise InvalidSlot({_pointer(where): f"{text}."}) from None
    if len(msgspec.json.encode(found)) > _MOST_BYTES * 10:
        raise InvalidSlot({"/contents": "All contents together take more than 200 kB. Make several slots."})
    wrong = dict(_faults(found, known()))
    if wrong:
        raise InvalidSlot(wrong)
    return found


def _faults(document: SlotDocument, known: Known) -> Iterator[tuple[str, str]]:
    yield from _field_faults(document.fields)
    yield from _fields_of("/default", document.default, document.fields)
    if unknown := sorted(set(document.sources) - known.sources):
        yield "/sources", f"There is no website or app with the id {unknown[0]}."
    if document.public and not document.sources:
        yield "/sources", "A public slot needs the source whose write key may ask for it."
    if len(document.contents) > MOST_CONTENTS or len(document.rules) > MOST_RULES:
        yield "/rules", f"A slot has at most {MOST_CONTENTS} contents and {MOST_RULES} rules."
    keys = [one.key for one in document.contents]
    if len(set(keys)) < len(keys):
        yield "/contents", "Two contents have the same key."
    for place, content in enumerate(document.contents):
        yield from _content_faults(f"/contents/{place}", content, document.fields)
    for place, rule in enumerate(document.rules):
        yield from _rule_faults(f"/rules/{place}", rule, set(keys), known)


def _rule_faults(at: str, rule: SlotRule, keys: Collection[str], known: Known) -> Iterator[tuple[str, str]]:
    if not 1 <= len(rule.name.strip()) <= 120:
        yield f"{at}/name", "Give it a name of at most 120 characters."
    if rule.when is not None:
        yield from _when_faults(f"{at}/when", rule.when, known)
    yield from _show_faults(f"{at}/show", rule.show, keys, known)


def _field_faults(fields: Collection[str]) -> Iterator[tuple[str, str]]:
    if not 1 <= len(fields) <= MOST_FIELDS or len(set(fields)) < len(fields):
        yield "/fields", f"Give 1 to {MOST_FIELDS} names of fields, each once."
    for place, field in enumerate(fields):
        if not _FIELD.fullmatch(field):
            yield f"/fields/{place}", "Give small letters, digits and underscores, a letter first."


def _content_faults(at: str, content: SlotContent, fields: Collection[str]) -> Iterator[tuple[str, str]]:
    if not _KEY.fullmatch(content.key):
        yield f"{at}/key", "Give small letters, digits, dashes and underscores, 40 at the most."
    if not 0 < content.weight <= 1_000_000:
        yield f"{at}/weight", "Give a number above zero."
    times = [one for one in (content.starts_at, content.ends_at) if one is not None]
    if any(one.tzinfo is None for one in times):
        yield f"{at}/starts_at", "Give times with their offset, such as 2026-12-01T00:00:00Z."
    elif len(times) == 2 and times[0] >= times[1]:
        yield f"{at}/ends_at", "It must end after it starts."
    yield from _fields_of(f"{at}/fields", content.fields, fields)


def _when_faults(at: str, when: When, known: Known) -> Iterator[tuple[str, str]]:
    if sum((bool(when.segment), when.rule is not None, bool(when.score))) != 1:
        yield at, "Give one of `segment`, `rule` and `score`."
    if when.segment and when.segment not in known.segments:
        yield f"{at}/segment", "There is no such segment."
    if when.rule is not None:
        try:
            segments.trait_rule(when.rule)
        except ValueError as wrong:
            yield f"{at}/rule", str(wrong)
    if when.score and when.at_least is None and when.below is None:
        yield f"{at}/at_least", "Give `at_least`, `below`, or both."


def _show_faults(at: str, show: Show, keys: Collection[str], known: Known) -> Iterator[tuple[str, str]]:
    if sum((bool(show.contents), bool(show.experiment), bool(show.bandit), bool(show.recommend))) != 1:
        yield at, "Give one of `contents`, `experiment`, `bandit` and `recommend`."
    if missing := [one for one in show.contents if one not in keys]:
        yield f"{at}/contents", f"There is no content {missing[0]}."
    if show.experiment and show.experiment not in known.experiments:
        yield f"{at}/experiment", "There is no such experiment."
    if show.bandit and show.bandit not in known.bandits:
        yield f"{at}/bandit", "There is no such bandit."
    if not 0 <= show.recommend <= MOST_ITEMS:
        yield f"{at}/recommend", f"Give 1 to {MOST_ITEMS} items."


def _fields_of(at: str, content: Mapping[str, Any], fields: Collection[str]) -> Iterator[tuple[str, str]]:
    if unknown := sorted(set(content) - set(fields)):
        yield at, f"Not among the fields of this slot: {', '.join(unknown)}."
    if len(msgspec.json.encode(content)) > _MOST_BYTES:
        yield at, "A content takes at most 20 kB."
    for name, value in content.items():
        if any(_MARKUP.search(text) for text in _texts(value)):
            yield f"{at}/{name}", "Give text without markup. Whoever shows it makes the elements."


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _pointer(path: str) -> str:
    """msgspec's `.rules[0].show` as a JSON pointer."""
    return re.sub(r"[.\[]", "/", path.rstrip("`").replace("]", "")) or "/"
