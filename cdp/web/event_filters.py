"""Which events are meant, in the words of a segment's rule."""

import re
from typing import Any

from django import forms

from segments import selectors as segments
from segments.contracts import RuleError

FILTERS_HINT = 'As in a segment\'s rule: category = "shoes" and revenue >= 50. Empty: any of these events.'


# What is typed is read as a part of a rule.
_BEFORE, _AFTER = 'count("x" where ', ") >= 1"
_PLACE = re.compile(r"Line (\d+), column (\d+): (.*?)(, but found '(.*)')?\.?", re.DOTALL)


class EventFilters(forms.CharField):
    """Conditions on an event's properties: a list of them, written as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=1000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        # What could not be read is a text, and is shown as it was typed.
        return value if value is None or isinstance(value, str) else _written(value)

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value)).strip()
        if not text:
            return []
        try:
            found = segments.read_rule(f"{_BEFORE}{text}{_AFTER}").to_json()
        except RuleError as wrong:
            raise forms.ValidationError("; ".join(_of_text(one.message, text) for one in wrong.problems)) from None
        if found.get("event") != "x":
            raise forms.ValidationError("Write conditions on properties alone, joined by “and”.")
        return list(found.get("where", []))


def _of_text(message: str, text: str) -> str:
    """A mistake by its place in what was typed, not in the rule around it."""
    told = _PLACE.fullmatch(message)
    if told is None:
        return message
    line, column = int(told[1]), int(told[2])
    place = column - len(_BEFORE) if line == 1 else column
    if told[3] == "expected )":
        return "Write conditions on properties alone, joined by “and”."
    lines = text.splitlines()
    if line >= len(lines) and place > len(lines[-1]):
        return f"It ends too early: {told[3]}."
    where = f"Letter {place}" if len(lines) == 1 else f"Line {line}, letter {place}"
    hint = ' Text stands in quotes, as in category = "shoes".' if told[3] == "expected a number" else ""
    return f"{where}: {told[3]}{told[4] or ''}.{hint}"


def _written(where: Any) -> str:
    if not where:
        return ""
    rule = {"event": "x", "count": {"is": "gte", "value": 1}, "where": list(where)}
    found = re.search(r" where (.*)\) >= 1$", segments.write_rule(segments.parse_rule(rule)))
    return found.group(1) if found else ""
