"""A rule while somebody edits it: a tree of texts as typed, finished or not. Pure.

`from_rule` and `to_rule` translate from and to the JSON of a rule; `from_form` reads the posted fields, whose names are
`PATH:FIELD`. The root's path is `r`, its children are `r.0`, `r.1`, filters of an event `r.1.w.0`. What has no fields
here is a condition of the kind `text`, written in the language of rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segments.contracts import RuleError
from segments.selectors import parse_rule, read_rule, write_rule

MAX_CHILDREN = 50
MAX_DEPTH = 5
GROUP_KEYS = {"all": ("all", False), "any": ("any", False), "none": ("any", True), "not_all": ("all", True)}
UNITS = ("minutes", "hours", "days")
WITHOUT_VALUE = ("exists", "missing")
WITH_LENGTH = ("within_last", "more_than_ago", "within_next")
DATES = ("before", "after")
MOMENTS = ("first", "last")
OF_PROPERTY = ("sum", "avg", "min", "max", "distinct")
WITH_NUMBER = ("lt", "lte", "gt", "gte")
# In the place of a node whose text cannot be read: the reason.
UNREADABLE = "unreadable"
FIRST_TEXTS: dict[str, dict[str, str]] = {
    "group": {"mode": "any"},
    "trait": {"trait": "", "is": "eq", "value": "", "unit": "days", "zone": ""},
    "event": {"event": "", "measure": "count", "property": "", "is": "gte", "value": "1", "unit": "days", "zone": "",
              "length": "", "length_unit": "days"},
    "segment": {"segment": "", "inside": "yes"},
    "text": {"text": ""},
    "absent": {"absent": "", "after": "", "length": "30", "length_unit": "minutes"},
    "where": {"property": "", "is": "eq", "value": "", "unit": "days", "zone": ""},
}  # fmt: skip


@dataclass(slots=True)
class Draft:
    """One group or condition; `filters` are the property filters of an event."""

    kind: str
    texts: dict[str, str]
    children: list["Draft"] = field(default_factory=list)
    filters: list["Draft"] = field(default_factory=list)

    @classmethod
    def new(cls, kind: str, **texts: str) -> "Draft":
        """A fresh node with the usual first choices."""
        return cls(kind, {**FIRST_TEXTS[kind], **texts})


# -- from the posted form


def from_form(posted: Mapping[str, str]) -> Draft:
    """The tree in the posted fields. Anything missing gets its first choice, so that half a form is still a draft."""
    if posted.get("r:kind") != "group":
        return Draft.new("group", mode="all")
    return _read(posted, "r", 1)


def _read(posted: Mapping[str, str], path: str, depth: int) -> Draft:
    kind = posted.get(f"{path}:kind", "trait")
    kind = kind if kind in FIRST_TEXTS else "trait"
    node = Draft(kind, {name: posted.get(f"{path}:{name}", first) for name, first in FIRST_TEXTS[kind].items()})
    if kind == "group" and depth < MAX_DEPTH:
        node.children = [_read(posted, place, depth + 1) for place in _places(posted, path)]
    if kind == "event":
        node.filters = [_read(posted, place, depth) for place in _places(posted, f"{path}.w")]
    return node


def _places(posted: Mapping[str, str], path: str) -> list[str]:
    places = (f"{path}.{index}" for index in range(MAX_CHILDREN))
    return [place for place in places if f"{place}:kind" in posted]


# -- what the buttons do


def apply(root: Draft, command: str) -> str:
    """Do what a button says (`add-trait@r.0`, `remove@r.1`, `up@r.2`) and return the path to focus."""
    verb, _, path = command.partition("@")
    if verb.startswith("add-"):
        return _add(root, verb.removeprefix("add-"), path)
    act = {"remove": _remove, "up": _move_up, "down": _move_down}.get(verb)
    return act(root, path) if act else ""


def _add(root: Draft, kind: str, path: str) -> str:
    node = _at(root, path)
    if node is None or kind not in FIRST_TEXTS:
        return ""
    into, place = (node.filters, f"{path}.w") if kind == "where" else (node.children, path)
    fits = kind == "where" if node.kind == "event" else node.kind == "group" and kind != "where"
    if not fits or len(into) >= MAX_CHILDREN or (kind == "group" and path.count(".") >= MAX_DEPTH - 2):
        return path
    into.append(Draft.new(kind))
    if kind == "group":
        into[-1].children.append(Draft.new("trait"))
    return f"{place}.{len(into) - 1}"


def _siblings(root: Draft, path: str) -> tuple[list[Draft], int, str]:
    """The list a node stands in, its index there, and the path of the node that owns the list."""
    owner, _, last = path.rpartition(".")
    filters = owner.endswith(".w")
    owner = owner.removesuffix(".w")
    parent = _at(root, owner) if owner else None
    if parent is None or not last.isdecimal():
        return [], 0, ""
    return (parent.filters if filters else parent.children), int(last), owner


def _remove(root: Draft, path: str) -> str:
    nodes, index, owner = _siblings(root, path)
    if index < len(nodes):
        del nodes[index]
    return owner or "r"


def _move_up(root: Draft, path: str) -> str:
    return _swap(root, path, -1)


def _move_down(root: Draft, path: str) -> str:
    return _swap(root, path, 1)


def _swap(root: Draft, path: str, step: int) -> str:
    nodes, index, _ = _siblings(root, path)
    if not (0 <= index < len(nodes) and 0 <= index + step < len(nodes)):
        return path
    nodes[index], nodes[index + step] = nodes[index + step], nodes[index]
    return f"{path.rpartition('.')[0]}.{index + step}"


def _at(root: Draft, path: str) -> Draft | None:
    parts = path.split(".")
    if parts[0] != "r":
        return None
    node, inside = root, "children"
    for part in parts[1:]:
        if part == "w":
            inside = "filters"
            continue
        nodes: list[Draft] = getattr(node, inside)
        if not part.isdecimal() or int(part) >= len(nodes):
            return None
        node, inside = nodes[int(part)], "children"
    return node


# -- to the rule


def to_rule(root: Draft) -> tuple[dict[str, Any], dict[str, str]]:
    """The JSON of the rule, and for each JSON pointer in it the path of the form node it came from."""
    places: dict[str, str] = {}
    return _WRITERS[root.kind](root, "", "r", places), places


def _group(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    key, negated = GROUP_KEYS.get(node.texts["mode"], ("all", False))
    if negated and len(node.children) == 1 and node.texts["mode"] == "none":
        child = node.children[0]
        return {"not": _WRITERS[child.kind](child, f"{at}/not", f"{path}.0", places)}
    inner = f"{at}/not/{key}" if negated else f"{at}/{key}"
    children = [
        _WRITERS[child.kind](child, f"{inner}/{index}", f"{path}.{index}", places)
        for index, child in enumerate(node.children)
    ]
    return {"not": {key: children}} if negated else {key: children}


def _trait(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    return {"trait": node.texts["trait"].strip(), **_comparison(node.texts)}


def _where(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    return {"property": node.texts["property"].strip(), **_comparison(node.texts)}


def _event(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    texts, measure = node.texts, node.texts["measure"]
    rule: dict[str, Any] = {"event": texts["event"].strip()}
    if measure in MOMENTS:
        rule[measure] = _comparison(texts)
    else:
        amount: dict[str, Any] = {"is": texts["is"], "value": _number(texts["value"])}
        rule[measure] = {"property": texts["property"].strip(), **amount} if measure in OF_PROPERTY else amount
        if texts["length"].strip():
            rule["within"] = _length(texts["length"], texts["length_unit"])
    if node.filters:
        rule["where"] = [
            _where(one, f"{at}/where/{index}", f"{path}.w.{index}", places) for index, one in enumerate(node.filters)
        ]
    return rule


def _absent(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    texts = node.texts
    length = _length(texts["length"], texts["length_unit"])
    return {"absent": texts["absent"].strip(), "after": texts["after"].strip(), "for": length}


def _segment(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    found = {"segment": node.texts["segment"].strip()}
    return found if node.texts["inside"] == "yes" else {"not": found}


def _text(node: Draft, at: str, path: str, places: dict[str, str]) -> dict[str, Any]:
    places[at] = path
    try:
        return read_rule(node.texts["text"]).to_json()
    except RuleError as wrong:
        # Whoever judges the rule says what is wrong with this place.
        return {UNREADABLE: wrong.problems[0].message}


_WRITERS: dict[str, Callable[[Draft, str, str, dict[str, str]], dict[str, Any]]] = {
    "group": _group, "trait": _trait, "event": _event, "absent": _absent, "where": _where, "segment": _segment,
    "text": _text,
}  # fmt: skip


def _comparison(texts: Mapping[str, str]) -> dict[str, Any]:
    op, text = texts["is"], texts["value"].strip()
    if op in WITHOUT_VALUE:
        return {"is": op}
    if op in WITH_LENGTH:
        # An event's own time needs no zone to be so long ago.
        return {"is": op, "value": _length(text, texts["unit"]), **({} if "measure" in texts else _zone(texts))}
    if op == "in":
        return {"is": op, "value": [_scalar(one.strip()) for one in text.split(",") if one.strip()]}
    if op in WITH_NUMBER:
        return {"is": op, "value": _number(text)}
    zone = _zone(texts) if op in DATES else {}
    return {"is": op, "value": _scalar(text) if op in ("eq", "ne", "contains") else text, **zone}


def _zone(texts: Mapping[str, str]) -> dict[str, str]:
    return {"zone": texts["zone"].strip()} if texts["zone"].strip() else {}


def _length(text: str, unit: str) -> dict[str, Any]:
    text = text.strip()
    return {unit if unit in UNITS else "days": int(text) if text.isdecimal() else text}


def _number(text: str) -> Any:
    text = text.strip()
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return text


def _scalar(text: str) -> Any:
    """A number when it is written as one (`42`, `9.5`); what only looks like one (`007`) stays a text."""
    found = _number(text)
    return found if not isinstance(found, str) and str(found) == text else text


# -- from the rule


def from_rule(rule: Mapping[str, Any]) -> Draft:
    """The draft that shows a stored rule. The root is always a group."""
    node = _show(rule)
    return node if node.kind == "group" else Draft("group", {"mode": "all"}, [node])


def _show(rule: Mapping[str, Any]) -> Draft:
    if "not" in rule:
        return _show_not(rule["not"])
    for key in ("all", "any"):
        if key in rule:
            return Draft("group", {"mode": key}, [_show(child) for child in rule[key]])
    return _show_condition(rule)


def _show_not(inner: Mapping[str, Any]) -> Draft:
    if "segment" in inner:
        return Draft.new("segment", segment=inner["segment"], inside="no")
    for mode, (key, negated) in GROUP_KEYS.items():
        if negated and key in inner:
            return Draft("group", {"mode": mode}, [_show(child) for child in inner[key]])
    return Draft("group", {"mode": "none"}, [_show(inner)])


def _show_condition(rule: Mapping[str, Any]) -> Draft:
    if "trait" in rule:
        return Draft.new("trait", trait=rule["trait"], **_shown(rule))
    if "absent" in rule:
        return Draft.new("absent", absent=rule["absent"], after=rule["after"], **_shown_length(rule["for"]))
    if "segment" in rule:
        return Draft.new("segment", segment=rule["segment"])
    return _show_event(rule) if "event" in rule else Draft.new("text", text=write_rule(parse_rule(rule)))


def _show_event(rule: Mapping[str, Any]) -> Draft:
    measure = next(key for key in ("count", *OF_PROPERTY, *MOMENTS) if key in rule)
    node = Draft.new("event", event=rule["event"], measure=measure, **_shown(rule[measure]))
    node.texts["property"] = rule[measure].get("property", "")
    node.texts.update(_shown_length(rule["within"]) if rule.get("within") else {"length": ""})
    node.filters = [Draft.new("where", property=one["property"], **_shown(one)) for one in rule.get("where", ())]
    return node


def _shown(comparison: Mapping[str, Any]) -> dict[str, str]:
    value = comparison.get("value")
    texts = {"is": comparison["is"], "value": "", "zone": comparison.get("zone", "")}
    if isinstance(value, Mapping):
        shown = _shown_length(value)
        return {**texts, "value": shown["length"], "unit": shown["length_unit"]}
    if isinstance(value, list | tuple):
        return {**texts, "value": ", ".join(str(one) for one in value)}
    if value is not None:
        texts["value"] = str(value).lower() if isinstance(value, bool) else str(value)
    return texts


def _shown_length(length: Mapping[str, Any]) -> dict[str, str]:
    ((unit, amount),) = length.items()
    return {"length": str(amount), "length_unit": str(unit)}
