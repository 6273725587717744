"""The form of a limit of freshness."""

from typing import Any

from django import forms

from cdp.web.forms import CalmForm
from connectors import selectors as connectors

_DAYS = (
    (1, "Monday"),
    (2, "Tuesday"),
    (3, "Wednesday"),
    (4, "Thursday"),
    (5, "Friday"),
    (6, "Saturday"),
    (7, "Sunday"),
)


def _sources() -> list[tuple[str, str]]:
    found = sorted(connectors.source_names().items(), key=lambda one: one[1])
    return [(str(key), name) for key, name in found]


class LimitForm(CalmForm):
    """At least one event within so long."""

    source_id = forms.TypedChoiceField(label="Source", choices=_sources, coerce=int)
    event = forms.CharField(
        label="Event", max_length=500, required=False, help_text="Its name, or $page and the like. Empty: any event."
    )
    number = forms.IntegerField(label="At least one in", min_value=1, max_value=43_200)
    unit = forms.TypedChoiceField(label="Unit", coerce=int, choices=[(1, "minutes"), (60, "hours"), (1440, "days")])
    weekdays = forms.TypedMultipleChoiceField(
        label="On", widget=forms.CheckboxSelectMultiple, required=False, coerce=int, choices=_DAYS,
        help_text="None chosen: every day.",
    )  # fmt: skip
    from_hour = forms.TypedChoiceField(
        label="From", coerce=int, choices=[(hour, f"{hour}:00") for hour in range(24)], initial=0
    )
    to_hour = forms.TypedChoiceField(
        label="To", coerce=int, choices=[(hour, f"{hour}:00") for hour in range(25)], initial=24,
        help_text="Only this time counts. An earlier hour is of the next day.",
    )  # fmt: skip
    time_zone = forms.CharField(label="Time zone", max_length=64, help_text="Such as Europe/Berlin.")

    def limit(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.cleaned_data
        names = ("source_id", "event", "weekdays", "from_hour", "to_hour", "time_zone")
        return {**{name: given[name] for name in names}, "minutes": given["number"] * given["unit"]}

    def add_problem(self, problem: str) -> None:
        """Show a problem told as `field: words` beside its field."""
        name, _, words = problem.partition(": ")
        shown = "number" if name == "minutes" else name
        self.add_error(shown if shown in self.fields else None, words if shown in self.fields else problem)
