"""Changing the graph of a draft so that it stays one: putting steps in, taking them out, and moving them. Pure.

Documents are plain JSON here, as an editor has them; steps that have one way on name it `next`.
"""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]

# What a new step of each kind begins with.
NEW: dict[str, Document] = {
    "send": {"template": "", "channels": ["email"]},
    "wait": {"minutes": 60},
    "wait_event": {"event": "Order Completed", "minutes": 60},
    "wait_window": {},
    "branch": {"cases": [{"when": {"trait": "plan", "is": "exists"}}]},
    "split": {"parts": [{"weight": 1.0}, {"weight": 1.0}]},
    "experiment": {"experiment": "", "variants": {}},
    "list": {"list": ""},
    "trait": {"traits": {"campaign": "seen"}},
    "webhook": {"url": "https://example.org/hook"},
    "goal": {},
    "exit": {},
}


def targets(step: Document) -> Iterator[tuple[Any, str, str]]:
    """Every place of a step that names a next one: the object, the field, and the id ("" for the end)."""
    if step["kind"] == "exit":
        return
    if step["kind"] == "experiment":
        for key in step.get("variants", {}):
            yield step["variants"], key, step["variants"][key]
    for part in (*step.get("cases", ()), *step.get("parts", ())):
        yield part, "next", part.get("next", "")
    if step["kind"] not in ("branch", "split", "experiment"):
        yield step, "next", step.get("next", "")
    if step["kind"] in ("branch", "experiment", "wait_event"):
        yield step, "otherwise", step.get("otherwise", "")


def insert(document: Document, kind: str, after: str) -> str:
    """Put a new step behind another one's first way (every way that is open leads to it for the last of a fork), or in
    front with an empty `after`; answers its id."""
    steps = document.setdefault("steps", [])
    known = {step["id"] for step in steps}
    name = next(name for n in range(1, len(known) + 2) if (name := f"{kind.replace('_', '-')}-{n}") not in known)
    made: Document = {"kind": kind, "id": name, **_copy(NEW[kind])}
    before = next((step for step in steps if step["id"] == after), None)
    if before is None:
        _lead(made, steps[0]["id"] if steps else "")
        steps.insert(0, made)
        return name
    places = list(targets(before))
    old = places[0][2] if places else ""
    _lead(made, old)
    for place, (holder, field, target) in enumerate(places):
        if place == 0 or target == old == "":
            holder[field] = name
    steps.insert(steps.index(before) + 1, made)
    return name


def remove(document: Document, name: str) -> None:
    """Take a step out: whoever came to it goes on where its first way led."""
    steps = document["steps"]
    gone = next(step for step in steps if step["id"] == name)
    onward = next((target for _, _, target in targets(gone)), "")
    first = steps[0] is gone
    steps.remove(gone)
    for step in steps:
        for holder, field, target in list(targets(step)):
            if target == name:
                holder[field] = onward
    heir = next((step for step in steps if step["id"] == onward), None)
    if first and heir is not None:
        steps.remove(heir)
        steps.insert(0, heir)


def can_rise(document: Document, name: str) -> bool:
    """Whether a step may change places with the one before it: both have one way, and no other leads here."""
    return _pair(document, name) is not None


def rise(document: Document, name: str) -> None:
    """Let a step change places with the one before it."""
    found = _pair(document, name)
    if found is None:
        return
    before, step = found
    steps = document["steps"]
    for one in steps:
        for holder, field, target in list(targets(one)):
            if target == before["id"] and one is not step:
                holder[field] = name
    before["next"], step["next"] = step.get("next", ""), before["id"]
    a, b = steps.index(before), steps.index(step)
    steps[a], steps[b] = step, before


def _pair(document: Document, name: str) -> tuple[Document, Document] | None:
    steps = document.get("steps", [])
    step = next((one for one in steps if one["id"] == name), None)
    leading = [one for one in steps for _, _, target in targets(one) if target == name]
    if step is None or len(leading) != 1 or _ways(step) != ["next"] or _ways(leading[0]) != ["next"]:
        return None
    return leading[0], step


def _ways(step: Document) -> list[str]:
    return [field for _, field, _ in targets(step)]


def _lead(step: Document, to: str) -> None:
    """All ways of a new step lead on where the one before led."""
    for holder, field, _ in list(targets(step)):
        holder[field] = to


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value
