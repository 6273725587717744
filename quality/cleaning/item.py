"""Rules over one item: what changes, what is counted, and where it stops. Pure.

Whatever was changed is noted in the item's context with the value as it came (`cdp_cleaned`), so that it can be
taken back: an item that comes with such notes is first made what it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from quality.cleaning.documents import EVERY, MISSING, Document, decoded, parts_of, pointer_of
from quality.cleaning.kinds import ALONE, Around
from quality.cleaning.reading import UNREADABLE
from quality.cleaning.rules import Step

NOTES = "cdp_cleaned"
MARK = f'"{NOTES}"'.encode()
_ROOTS = ("properties", "traits", "context")
_MOST_NOTES = 1000
_MEMO = 20_000
FINE = object()
_EMPTY = Document(b"")

# (rule, exact pointer) to what a person decided: accepted as it is, or the value that is right.
Decisions = Mapping[tuple[int, str], tuple[str, Any]]
_UNDECIDED: Decisions = {}


@dataclass(slots=True)
class Effect:
    """What a step did at one place."""

    step: Step
    pointer: str
    outcome: str
    before: Any
    after: Any


@dataclass(slots=True)
class Cleaned:
    """An item after the rules. `stopped` is the effect that sets it aside."""

    documents: dict[str, Document]
    effects: list[Effect] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    stopped: Effect | None = None


class _Around:
    """What stands around a value; see `kinds.Around`."""

    __slots__ = ("_document", "_place", "_rates", "day")

    def __init__(self, document: Document, place: Sequence[str], day: date, rates: Callable[[], Any]) -> None:
        self._document, self._place, self.day, self._rates = document, place, day, rates

    def sibling(self, pointer: str) -> Any:
        found = self._document.get(_beside(pointer, self._place))
        return None if found is MISSING else found

    def rates(self) -> Mapping[str, Decimal]:
        found: Mapping[str, Decimal] = self._rates()
        return found


def _beside(pointer: str, place: Sequence[str]) -> tuple[str, ...]:
    """A pointer whose `*` are the places in lists that the value has."""
    parts = parts_of(pointer)
    if EVERY not in parts:
        return parts
    numbers = iter([part for part in place if part.isdecimal()])
    return tuple(next(numbers, EVERY) if part == EVERY else part for part in parts)


def clean_item(
    steps: Sequence[Step], raw: Mapping[str, bytes], *, day: date, rates: Callable[[], Any], decisions: Decisions,
) -> Cleaned:  # fmt: skip
    """The steps over the item's objects, in order; the first that sets the item aside ends it."""
    done = Cleaned({})
    root, document = "", _EMPTY
    for step in steps:
        if step.root != root:
            root = step.root
            document = done.documents.get(root) or done.documents.setdefault(root, Document(raw.get(root, b"")))
        if step.key:
            # Most values were read before and are fine: this must cost no more than two look-ups.
            found = document.raw.get(step.key)
            if found is None or (step.memo.get(found) is FINE and not document.opened):
                continue
            _quick(done, document, step, decisions)
        elif document.raw:
            _each(done, document, step, day, rates, decisions)
        if done.stopped:
            break
    return done


def _each(
    done: Cleaned, document: Document, step: Step, day: date, rates: Callable[[], Any], decisions: Decisions
) -> None:  # fmt: skip
    """Everything that the step's pointer names."""
    for place, value in list(document.leaves(step.parts)):
        around = _Around(document, place, day, rates)
        if step.when is not None and not step.when(around):
            continue
        _judge(done, document, step, place, value, around, decisions)
        if done.stopped:
            break


def _quick(done: Cleaned, document: Document, step: Step, decisions: Decisions) -> None:
    """The common case: a value of its own, which says all by itself and was read before."""
    key = step.key
    raw = document.bytes_of(key)
    if raw is None:
        value = document.get(step.parts)
        if value is not MISSING:
            _judge(done, document, step, step.parts, value, ALONE, decisions)
        return
    known = step.memo.get(raw)
    if known is None:
        value = decoded(raw)
        known = _judge(done, document, step, step.parts, value, ALONE, decisions)
        if known is not None and len(raw) < 100:
            if len(step.memo) >= _MEMO:
                step.memo.clear()
            step.memo[raw] = FINE if known is FINE else (value, known[0], document.bytes_of(key))
    elif known is not FINE:
        before, after, written = known
        document.put_bytes(key, written)
        done.notes.append({"at": step.pointer, "was": before, "rule": step.rule_id, "version": step.version})
        done.effects.append(Effect(step, step.pointer, "corrected", before, after))


def _judge(
    done: Cleaned, document: Document, step: Step, place: tuple[str, ...], value: Any, around: Around,
    decisions: Decisions,
) -> Any:  # fmt: skip
    if value is None or (isinstance(value, str) and not step.checks and not value.strip()):
        return FINE
    after = UNREADABLE if value is MISSING else step.reader(value, around)
    if after is value and not step.into:
        return FINE
    pointer = step.pointer if place is step.parts else pointer_of((step.root, *place))
    if after is UNREADABLE:
        _unreadable(done, document, step, place, pointer, value, around, decisions)
        return None
    if step.into:
        place = _beside(step.into, place)
        value, pointer = document.get(place), pointer_of((step.root, *place))
    if type(after) is type(value) and after == value:
        return FINE
    _put(done, document, step, place, pointer, value, after, "corrected")
    return (after,)


def _unreadable(
    done: Cleaned, document: Document, step: Step, place: tuple[str, ...], pointer: str, value: Any,
    around: Around, decisions: Decisions,
) -> None:  # fmt: skip
    shown = None if value is MISSING else value
    decided = decisions.get((step.rule_id, pointer)) if step.then == "review" else None
    if decided is not None and decided[0] == "accepted":
        done.effects.append(Effect(step, pointer, "accepted", shown, shown))
    elif decided is not None:
        _put(done, document, step, place, pointer, value, decided[1], "decided")
        # What the person gave is read like any other value; it may go elsewhere, as amounts do.
        _judge(done, document, step, place, decided[1], around, _UNDECIDED)
    elif step.then in ("remove", "replace") and value is not MISSING:
        after = MISSING if step.then == "remove" else step.instead
        _put(done, document, step, place, pointer, value, after, f"{step.then}d")
    elif step.then in ("quarantine", "review"):
        done.stopped = Effect(step, pointer, "quarantined" if step.then == "quarantine" else "review", shown, None)
        done.effects.append(done.stopped)
    else:
        done.effects.append(Effect(step, pointer, "flagged", shown, shown))


def _put(
    done: Cleaned, document: Document, step: Step, place: tuple[str, ...], pointer: str, before: Any, after: Any,
    outcome: str,
) -> None:  # fmt: skip
    shown = [None if one is MISSING else one for one in (before, after)]
    if not document.put(place, after):
        done.effects.append(Effect(step, pointer, "flagged", shown[0], shown[0]))
        return
    done.notes.append({
        "at": pointer, **({} if before is MISSING else {"was": before}), "rule": step.rule_id, "version": step.version,
    })  # fmt: skip
    done.effects.append(Effect(step, pointer, outcome, shown[0], shown[1]))


def noted(context: bytes, notes: Sequence[Mapping[str, Any]]) -> bytes:
    """The context with these notes."""
    document = Document(context or b"{}")
    document.put((NOTES,), list(notes))
    return document.dump()


def as_it_came(raw: Mapping[str, bytes]) -> dict[str, bytes]:
    """The objects of an item before rules changed them, without the notes. What the notes do not tell stays."""
    documents = {root: Document(raw.get(root, b"")) for root in _ROOTS}
    notes = documents["context"].get((NOTES,))
    for note in reversed(notes[:_MOST_NOTES]) if isinstance(notes, list) else ():
        at = note.get("at") if isinstance(note, dict) else None
        place = parts_of(at) if isinstance(at, str) else ()
        if len(place) > 1 and place[0] in documents and place[1] != NOTES:
            documents[place[0]].put(place[1:], note.get("was", MISSING))
    documents["context"].put((NOTES,), MISSING)
    return {
        root: document.dump() if document.changed else raw.get(root, b"") for root, document in documents.items()
    }  # fmt: skip
