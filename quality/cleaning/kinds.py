"""The kinds of rules: what each asks to be set, what it says, and the reader it makes. Pure.

A reader takes a value and what stands around it, and answers the value in its one form, or UNREADABLE. A check is a
reader that changes nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from quality.cleaning.contracts import BadRule


class Around(Protocol):
    """What a reader may ask besides the value."""

    day: Any

    def sibling(self, pointer: str) -> Any:
        """The value at a pointer of the same document, with the same places in lists."""

    def rates(self) -> Mapping[str, Decimal]:
        """Units of each currency for one euro, on the day of the event."""


class _Alone:
    """What stands around a value whose reader asks for nothing."""

    day = None

    def sibling(self, pointer: str) -> Any:
        return None

    def rates(self) -> Mapping[str, Decimal]:
        return {}


ALONE = _Alone()
Reader = Callable[[Any, Around], Any]
Lists = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a kind asks. `form`: text, choice, words (one a line), table (a JSON object), number, pointer,
    pointers (one a line)."""

    name: str
    label: str
    form: str = "text"
    default: Any = ""
    choices: Sequence[tuple[str, str]] = ()
    required: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule. `alone`: the answer depends on the value only, so it may be remembered. `writes`: the setting
    that names where else the answer goes."""

    key: str
    label: str
    settings: Sequence[Setting]
    build: Callable[[Mapping[str, Any], Lists], Reader]
    says: Callable[[Mapping[str, Any]], str]
    checks: bool = False
    # It holds the value against others.
    across: bool = False
    alone: Callable[[Mapping[str, Any]], bool] = lambda settings: True


def pointers_of(kind: Kind, settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(setting, pointer) of the other places that a kind's settings name."""
    return [
        (one.name, pointer) for one in kind.settings if one.form in ("pointer", "pointers")
        for pointer in ([settings[one.name]] if one.form == "pointer" else settings[one.name]) if pointer
    ]  # fmt: skip


def below(kind: Kind, settings: Mapping[str, Any], start: str) -> Mapping[str, Any]:
    """The settings with their pointers as they are below another one."""
    found = dict(settings)
    for one in kind.settings:
        value = settings[one.name]
        if one.form == "pointer" and value:
            found[one.name] = start + value
        elif one.form == "pointers":
            found[one.name] = [start + pointer for pointer in value]
    return found


def checked_settings(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with defaults filled in. Raises BadRule that names the setting."""
    unknown = sorted(set(given) - {one.name for one in kind.settings})
    if unknown:
        raise BadRule(f"{kind.label} has no setting {unknown[0]!r}.", "settings")
    return {one.name: _checked(one, given.get(one.name)) for one in kind.settings}


def _checked(one: Setting, value: Any) -> Any:
    if value is None or value == "" or value == []:
        if one.required:
            raise BadRule(f"{one.label}: this is needed.", one.name)
        return one.default
    if one.form == "choice" and value not in {key for key, _ in one.choices}:
        raise BadRule(f"{one.label}: choose one of {', '.join(key for key, _ in one.choices)}.", one.name)
    right = {
        "words": lambda: isinstance(value, list) and all(isinstance(word, str) for word in value),
        "table": lambda: isinstance(value, dict) and all(
            isinstance(words, list) and all(isinstance(word, str) for word in words) for words in value.values()),
        "number": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "pointer": lambda: isinstance(value, str) and value.startswith("/"),
        "pointers": lambda: isinstance(value, list) and all(
            isinstance(one, str) and one.startswith("/") for one in value),
    }.get(one.form, lambda: isinstance(value, str))  # fmt: skip
    if not right():
        raise BadRule(f"{one.label}: {_WANTED.get(one.form, 'a text')} is needed.", one.name)
    return value


_WANTED = {
    "words": "a list of texts", "number": "a number",
    "table": 'an object of lists of texts, such as {"f": ["female"]},',
    "pointer": "a pointer that begins with /", "pointers": "a list of pointers that begin with /",
}  # fmt: skip
