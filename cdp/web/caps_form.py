"""Caps on messages as rows: at most so many, of which class, by which channel, in how long."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from campaigns.contracts import SendingPolicyView
from cdp.web.forms import CalmForm
from cdp.web.message_forms import CHANNEL_CHOICES

_MOST_ROWS = 20
_BLANKS = 2
_UNITS = (("hours", "hours"), ("days", "days"))
_PARTS = ("most", "message_class", "channel", "length", "unit")


class CapsForm(CalmForm):
    """A row for each cap and some to fill in; a row without a number is no cap."""

    def __init__(self, policy: SendingPolicyView, posted: Mapping[str, Any] | None) -> None:
        shown = [_shown(one.most, one.message_class, one.channel, one.hours) for one in policy.caps]
        rows = sum(1 for place in range(_MOST_ROWS) if f"cap-{place}-most" in posted) if posted else (
            min(len(shown) + _BLANKS, _MOST_ROWS)
        )  # fmt: skip
        super().__init__(
            posted, initial={f"cap-{n}-{part}": value for n, one in enumerate(shown) for part, value in one.items()}
        )
        for n in range(rows):
            self._add(n)
        self._rows = rows

    def _add(self, n: int) -> None:
        def number(name: str, label: str) -> None:
            title = f"Cap {n + 1}: {label}"
            look = {"class": "form-control", "min": 1, "aria-label": title}
            self.fields[f"cap-{n}-{name}"] = forms.IntegerField(
                label=title,
                required=False,
                min_value=1,
                max_value=1_000,
                widget=forms.NumberInput(attrs=look),
            )

        def choice(name: str, label: str, choices: Any) -> None:
            title = f"Cap {n + 1}: {label}"
            look = {"class": "form-select", "aria-label": title}
            self.fields[f"cap-{n}-{name}"] = forms.ChoiceField(
                label=title, required=False, choices=choices, widget=forms.Select(attrs=look)
            )

        number("most", "at most so many messages to a person")
        choice("message_class", "of which class",
               [("", "of any class"), ("marketing", "marketing"), ("transactional", "transactional")])  # fmt: skip
        choice("channel", "by which channel", [("", "by any channel"), *CHANNEL_CHOICES])
        number("length", "in how many hours or days")
        choice("unit", "hours or days", _UNITS)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each row's fields by their part."""
        for n in range(self._rows):
            yield {part: self[f"cap-{n}-{part}"] for part in _PARTS}

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        for n in range(self._rows):
            if bool(told.get(f"cap-{n}-most")) != bool(told.get(f"cap-{n}-length")) and not self.errors:
                raise forms.ValidationError(f"Cap {n + 1}: say how many, and in how long; or leave both empty.")
        return told

    def asked(self) -> list[dict[str, Any]]:
        """As the service takes them."""
        told = self.cleaned_data
        return [
            {"channel": told[f"cap-{n}-channel"], "message_class": told[f"cap-{n}-message_class"],
             "most": told[f"cap-{n}-most"],
             "hours": told[f"cap-{n}-length"] * (24 if told[f"cap-{n}-unit"] == "days" else 1)}
            for n in range(self._rows) if told[f"cap-{n}-most"]
        ]  # fmt: skip


def _shown(most: int, message_class: str, channel: str, hours: int) -> dict[str, Any]:
    in_days = hours % 24 == 0
    return {
        "most": most, "message_class": message_class, "channel": channel, "length": hours // 24 if in_days else hours,
        "unit": "days" if in_days else "hours",
    }  # fmt: skip
