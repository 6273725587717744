"""Rules as they are written, checked, said in words, and made ready for the pipeline. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quality.cleaning.across import ACROSS
from quality.cleaning.checks import CHECKS
from quality.cleaning.conditions import Condition, checked_condition, condition_of, says_condition
from quality.cleaning.contracts import BadRule, Definition
from quality.cleaning.documents import EVERY, parts_of, pointer_of
from quality.cleaning.kinds import ALONE, Kind, Lists, Reader, Setting, below, checked_settings, pointers_of
from quality.cleaning.reading import UNREADABLE
from quality.cleaning.standards import ADDRESS_PARTS, STANDARDS

ADDRESS = Kind(
    "address", "Address",
    (*(Setting(name, f"Key of the {name.replace('_', ' ')}", default=name) for name, _, _ in ADDRESS_PARTS),
     Setting("home", "Country where none is said", hint="A code such as DE.")),
    lambda settings, lists: lambda value, around: value,
    lambda s: "has its country, state, postal code, city and street written in one form",
)  # fmt: skip
KINDS: Mapping[str, Kind] = {one.key: one for one in (*STANDARDS, ADDRESS, *CHECKS, *ACROSS)}
SCOPES = (("properties", "a property"), ("traits", "a trait"))
THEN = (
    ("flag", "Let it in, and count it"), ("remove", "Correct it: take the value out"),
    ("replace", "Correct it: put another value in its place"), ("quarantine", "Put the item into the quarantine"),
    ("review", "Have a person look at it"),
)  # fmt: skip
_SAYS = {
    "flag": "are let in and counted", "remove": "are taken out", "quarantine": "put the item into the quarantine",
    "review": "wait for a person to look at them",
}  # fmt: skip


@dataclass(slots=True)
class Step:
    """One reader of a rule at one place; `pointer` is the place with its root. `memo` remembers what became of a value
    by its bytes: nothing, or the value and bytes of its one form."""

    rule_id: int
    version: int
    then: str
    instead: Any
    root: str
    parts: tuple[str, ...]
    into: str
    reader: Reader
    checks: bool
    path: str
    pointer: str
    # The one key, where the answer depends on its value alone.
    key: str
    # Where the rule holds; None: everywhere.
    when: Condition | None
    # What it asks, in words.
    asks: str
    memo: dict[bytes, Any] = field(default_factory=dict)


def checked(told: Definition, *, lists: Lists) -> Definition:
    """The definition with its settings filled in. Raises BadRule."""
    kind = KINDS.get(told.kind)
    if kind is None:
        raise BadRule(f"There is no kind {told.kind!r}; choose one of {', '.join(KINDS)}.", "kind")
    for value, allowed, name in ((told.scope, SCOPES, "scope"), (told.then, THEN, "then")):
        if value not in dict(allowed):
            raise BadRule(f"{name}: choose one of {', '.join(dict(allowed))}.", name)
    if not told.name.strip() or len(told.name) > 200:
        raise BadRule("A rule has a name of at most 200 characters.", "name")
    _check_path(told)
    settings, when = checked_settings(kind, told.settings), checked_condition(told.when)
    _check_others(told, [*pointers_of(kind, settings), *([("when/path", when["path"])] if when else ())])
    reader = kind.build(settings, lists)
    if told.then == "replace" and (told.instead is None or (
        kind.alone(settings) and kind.key != "address" and reader(told.instead, ALONE) is UNREADABLE
    )):  # fmt: skip
        raise BadRule("The value that is put in its place must itself pass the rule.", "instead")
    return Definition(
        told.name.strip(), told.scope, told.path, told.kind, settings, told.source_id,
        told.event if told.scope == "properties" else "", told.then, told.instead if told.then == "replace" else None,
        when,
    )  # fmt: skip


def _check_path(told: Definition) -> None:
    if told.kind == "address" and told.path == "":
        return
    parts = parts_of(told.path)
    if not told.path.startswith("/") or parts[0] in ("", EVERY) or len(told.path) > 200:
        raise BadRule("Where it stands: a pointer such as /total, /address/city or /products/*/price.", "path")


def _check_others(told: Definition, others: Sequence[tuple[str, str]]) -> None:
    """Other places are of the same elements of lists as the value."""
    for name, pointer in others:
        if pointer.split("/").count(EVERY) > told.path.split("/").count(EVERY):
            raise BadRule(f"{pointer}: each * must be one of the place that the rule is about.", name)


def steps(rule_id: int, version: int, told: Definition, *, lists: Lists) -> list[Step]:
    """A rule made ready. One about traits looks into the context's traits, too."""
    found = []
    for kind, settings, path in _parts(told):
        reader, made = KINDS[kind].build(settings, lists), KINDS[kind]
        roots = ((told.scope, ()), *((("context", ("traits",)),) if told.scope == "traits" else ()))
        for root, above in roots:
            start = pointer_of(above)
            prefixed = below(made, settings, start) if start else settings
            when = condition_of({**told.when, "path": start + told.when["path"]}) if told.when else None
            found.append(Step(
                rule_id, version, told.then, told.instead, root, (*above, *parts_of(path)), prefixed.get("into", ""),
                reader if prefixed is settings else made.build(prefixed, lists), made.checks,
                path, pointer_of((root, *above, *parts_of(path))),
                parts_of(path)[0] if not above and path.count("/") == 1 and made.alone(settings) and not when else "",
                when, made.says(settings) + says_condition(told.when),
            ))  # fmt: skip
    return found


def _parts(told: Definition) -> list[tuple[str, Mapping[str, Any], str]]:
    if told.kind != "address":
        return [(told.kind, told.settings, told.path)]
    found: list[tuple[str, Mapping[str, Any], str]] = []
    for name, kind, settings in ADDRESS_PARTS:
        more = {"country_path": f"{told.path}/{told.settings['country']}", "country": told.settings["home"]}
        found.append((kind, {**settings, **(more if kind == "state" else {})}, f"{told.path}/{told.settings[name]}"))
    return found


def says(told: Definition, *, source: str = "") -> str:
    """The rule as a sentence."""
    where = f"the trait {told.path}" if told.scope == "traits" else f"the property {told.path or '/'}"
    of = f"of “{told.event}”" if told.event else "of every event" if told.scope == "properties" else ""
    origin = "from every source" if told.source_id is None else f"from {source or f'source {told.source_id}'}"
    kind = KINDS[told.kind]
    first = " ".join(part for part in (where, of, origin) if part)
    other = f"are replaced by {told.instead!r}" if told.then == "replace" else _SAYS[told.then]
    return (
        f"{first[:1].upper()}{first[1:]} {kind.says(told.settings)}{says_condition(told.when)}. Other values {other}."
    )
