"""The form of the engagement score: a row for each feature."""

from collections.abc import Sequence
from typing import Any

from django import forms

from cdp.web.forms import CalmForm
from insights import selectors
from insights.contracts import MOST_PARTS, Part


def _choices() -> list[tuple[str, str]]:
    numbers = [one for one in selectors.features().values() if one.type != "text"]
    return [("", "—"), *((one.name, one.title) for one in sorted(numbers, key=lambda one: one.title.lower()))]


class PartForm(CalmForm):
    """One feature; a row without a feature is left out."""

    feature = forms.ChoiceField(label="Feature", choices=_choices, required=False)
    weight = forms.FloatField(label="Weight", required=False, min_value=0)
    full = forms.FloatField(label="Counts whole from", required=False, min_value=0)
    falls = forms.BooleanField(label="Less is better", required=False)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("feature"):
            for name in ("weight", "full"):
                if name not in self.errors and not given.get(name):
                    self.add_error(name, "A number above 0.")
        return given


_Rows = forms.formset_factory(PartForm, extra=2, max_num=MOST_PARTS)


def part_forms(data: Any, parts: Sequence[Part]) -> "forms.BaseFormSet[PartForm]":
    """The parts in force and two empty rows, or what somebody sent."""
    begin = [{"feature": one.feature, "weight": one.weight, "full": one.full, "falls": one.falls} for one in parts]
    return _Rows(data or None, initial=begin, prefix="part", auto_id="f-%s")


def told_parts(rows: "forms.BaseFormSet[PartForm]") -> list[dict[str, Any]]:
    """The parts as JSON."""
    return [dict(one.cleaned_data) for one in rows.forms if one.cleaned_data.get("feature")]
