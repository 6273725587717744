"""Which events are meant, in the words of a segment's rule."""

import re
from typing import Any

from django import forms

from segments import selectors as segments
from segments.contracts import RuleError

FILTERS_HINT = 'As in a segment\'s rule: category = "shoes" and revenue >= 50. Empty: any of these events.'


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
            found = segments.read_rule(f'count("x" where {text}) >= 1').to_json()
        except RuleError as wrong:
            raise forms.ValidationError("; ".join(one.message for one in wrong.problems)) from None
        if found.get("event") != "x":
            raise forms.ValidationError("Write conditions on properties alone, joined by “and”.")
        return list(found.get("where", []))


def _written(where: Any) -> str:
    if not where:
        return ""
    rule = {"event": "x", "count": {"is": "gte", "value": 1}, "where": list(where)}
    found = re.search(r" where (.*)\) >= 1$", segments.write_rule(segments.parse_rule(rule)))
    return found.group(1) if found else ""
