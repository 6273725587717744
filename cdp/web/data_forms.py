"""Forms about what came in: which items, which events."""

from typing import Any

from django import forms

from cdp.web.forms import CalmForm
from connectors import selectors as connectors
from events.contracts import LogFilter, QuarantineFilter

# Where items end up in the quarantine, in the order of their path.
STAGES = {
    "accept": "at the door", "block": "as personal data", "clean": "by a cleaning rule", "review": "for review",
    "plan": "by the plan", "apply": "while applying",
}  # fmt: skip


def source_choices() -> list[tuple[str, str]]:
    """Every source, and none in particular."""
    return [("", "any"), *((str(key), name) for key, name in connectors.source_names().items())]


def moment(label: str) -> forms.DateTimeField:
    """A time in the person's zone, to the minute."""
    look = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=look)


class QuarantineForm(CalmForm):
    """Which items of the quarantine."""

    source = forms.ChoiceField(label="Source", choices=source_choices, required=False)
    event = forms.CharField(label="Event", max_length=500, required=False)
    stage = forms.ChoiceField(label="Refused", choices=[("", "any"), *STAGES.items()], required=False)
    reason = forms.CharField(label="Reason", max_length=64, required=False)
    since = moment("Received from")
    until = moment("Received before")
    identifier = forms.CharField(label="Identifier in it", max_length=512, required=False)

    def fits(self) -> QuarantineFilter:
        given = self.cleaned_data
        return QuarantineFilter(
            source_id=int(given["source"]) if given["source"] else None, event=given["event"], stage=given["stage"],
            reason=given["reason"].strip().lower().replace(" ", "_"), since=given["since"], until=given["until"],
            identifier=given["identifier"],
        )  # fmt: skip


class ItemForm(CalmForm):
    """The JSON of one item. It need not be JSON: that may be what is wrong with it."""

    item = forms.CharField(
        label="Item", max_length=100_000, strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "class": "form-control mono", "spellcheck": "false"}),
    )  # fmt: skip

    def clean_item(self) -> Any:
        # Browsers send line ends as CRLF.
        return str(self.cleaned_data["item"]).replace("\r\n", "\n")


class RetentionForm(CalmForm):
    """One rule about how long events are kept."""

    event = forms.CharField(
        label="Event", max_length=500, required=False, help_text="Its name, or $page and the like. Empty: every event."
    )
    source = forms.ChoiceField(label="Source", choices=source_choices, required=False)
    purpose = forms.CharField(
        label="Without consent to", max_length=100, required=False,
        help_text="A purpose such as analytics: events of people who did not agree to it. Empty: of everybody.",
    )  # fmt: skip
    days = forms.IntegerField(
        label="Days", min_value=1, max_value=36_500, required=False, help_text="Empty: they are kept for good."
    )
    note = forms.CharField(label="Why", max_length=1000, required=False, help_text="The law, the contract, the need.")

    def rule(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.cleaned_data
        return {
            "event": given["event"], "source_id": int(given["source"]) if given["source"] else None,
            "purpose": given["purpose"], "days": given["days"], "note": given["note"],
        }  # fmt: skip


class LogForm(CalmForm):
    """Which events of the log."""

    source = forms.ChoiceField(label="Source", choices=source_choices, required=False)
    event = forms.CharField(label="Event", max_length=500, required=False)
    since = moment("Happened from")
    until = moment("Happened before")
    profile = forms.IntegerField(label="Profile", min_value=1, max_value=2**62, required=False)

    def fits(self) -> LogFilter:
        given = self.cleaned_data
        return LogFilter(
            source_id=int(given["source"]) if given["source"] else None, event=given["event"], since=given["since"],
            until=given["until"], profile_id=given["profile"],
        )  # fmt: skip
