"""Forms about who is told of alerts."""

from typing import Any

from django import forms

from cdp.web.forms import CalmForm
from connectors import selectors as connectors
from quality.contracts import INTERVALS, RecipientView
from quality.selectors import ALERT_KINDS
from quality.services import Wish


class NoticeForm(CalmForm):
    """Of what somebody wants to hear, and how often."""

    alerts = forms.BooleanField(label="Alerts, when they are raised and when they have passed", required=False)
    kinds = forms.MultipleChoiceField(
        label="Kinds", widget=forms.CheckboxSelectMultiple, required=False, choices=list(ALERT_KINDS.items()),
        help_text="None chosen: all.",
    )  # fmt: skip
    source_ids = forms.MultipleChoiceField(
        label="Sources", widget=forms.CheckboxSelectMultiple, required=False, choices=(), help_text="None chosen: all."
    )
    reports = forms.ChoiceField(
        label="Monthly report of the plan",
        choices=[("none", "none"), ("own", "of events that I own"), ("all", "of all owners")],
    )  # fmt: skip
    every_minutes = forms.TypedChoiceField(
        label="At most once in", coerce=int, choices=list(INTERVALS.items()),
        help_text="What comes about meanwhile is told together.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sources = sorted(connectors.source_names().items(), key=lambda one: one[1])
        self._choices("source_ids").choices = [(str(key), name) for key, name in sources]

    def _choices(self, name: str) -> Any:
        return self.fields[name]

    def wish(self) -> Wish:
        """As the service takes it."""
        given = self.cleaned_data
        return Wish(
            alerts=given["alerts"], kinds=given["kinds"], source_ids=[int(one) for one in given["source_ids"]],
            reports=given["reports"], every_minutes=given["every_minutes"],
        )  # fmt: skip

    def add_problem(self, problem: str) -> None:
        """Show a problem told as `field: words` beside its field."""
        name, _, words = problem.partition(": ")
        self.add_error(name if name in self.fields else None, words if name in self.fields else problem)


class CallForm(NoticeForm):
    """An address that is called."""

    name = forms.CharField(label="Name", max_length=120)
    url = forms.CharField(label="Address", max_length=2000, widget=forms.URLInput(), help_text="https://")

    field_order = ("name", "url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The same fields stand twice on the page.
        kwargs["auto_id"] = "c-%s"
        super().__init__(*args, **kwargs)
        self._choices("reports").choices = [("none", "none"), ("all", "of all owners")]


def initial_of(found: RecipientView | None) -> dict[str, Any]:
    """What the form shows of somebody who is told already."""
    if found is None:
        return {"alerts": True, "reports": "none", "every_minutes": 15}
    return {
        "alerts": found.alerts, "kinds": list(found.kinds), "source_ids": [str(one) for one in found.source_ids],
        "reports": found.reports, "every_minutes": found.every_minutes,
    }  # fmt: skip
