"""Forms about purposes, consents, and what a source keeps."""

from typing import Any

from django import forms

from cdp.web.forms import CalmForm
from privacy.contracts import LEGAL_BASES, PurposeView


class PurposeForm(CalmForm):
    """What data is used for, by what right, and what people are shown."""

    key = forms.CharField(
        label="Key", max_length=64, help_text="How events, rules and syncs name it, such as newsletter."
    )
    name = forms.CharField(label="Name", max_length=120)
    description = forms.CharField(
        label="What data is used for", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    legal_basis = forms.ChoiceField(
        label="Legal basis", choices=list(LEGAL_BASES.items()), help_text="Article 6(1) of the GDPR."
    )
    text = forms.CharField(
        label="Wording that people are shown", max_length=20_000, required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Another wording is the next version; every version is kept with the records that it led to.",
    )  # fmt: skip
    keep_ip = forms.BooleanField(label="Keep the address that consent is given from", required=False)

    def __init__(self, *args: Any, known: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The key of a purpose never changes: records name it.
        self.fields["key"].disabled = known


class ConsentForm(CalmForm):
    """What a person said, and what shows it."""

    purpose = forms.ChoiceField(label="Purpose")
    granted = forms.ChoiceField(label="They said", choices=[("yes", "yes"), ("no", "no, or withdrew")])
    channel = forms.CharField(
        label="Of the channel", max_length=64, required=False, help_text="Such as email; empty is all channels."
    )
    identifier = forms.ChoiceField(label="Given as")
    said_at = forms.DateTimeField(
        label="When", required=False, help_text="Empty is now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    text_version = forms.IntegerField(
        label="Version of the wording", min_value=1, required=False, help_text="Empty is the one in force at that time."
    )
    evidence = forms.CharField(
        label="Evidence", max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What shows it: the number of a form, the date of a letter, the id of a call.",
    )  # fmt: skip

    def __init__(
        self, *args: Any, purposes: list[PurposeView], identifiers: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["purpose"].choices = [(one.key, one.name) for one in purposes]  # type: ignore[attr-defined]
        self.fields["identifier"].choices = identifiers  # type: ignore[attr-defined]


class SourcePrivacyForm(CalmForm):
    """What a source stores, and what it keeps of the devices that send."""

    purpose = forms.ChoiceField(
        label="Store nothing without consent to", required=False,
        help_text="Items of people who did not consent are dropped and counted. Withdrawals are kept.",
    )  # fmt: skip
    ip_kept = forms.ChoiceField(
        label="IP address",
        choices=[
            ("off", "Do not keep it"), ("truncated", "Keep its network (24 bits, of IPv6 48)"), ("full", "Keep it"),
        ],
        help_text="Of the connection, and what libraries send as context.ip.",
    )  # fmt: skip
    fill_in = forms.BooleanField(
        label="Fill in what libraries leave out", required=False,
        help_text="Browser, system and device by the user agent, language by the request, campaign by utm parameters of"
        " the page. What was sent is never changed.",
    )  # fmt: skip
    robots = forms.ChoiceField(
        label="Robots",
        choices=[
            ("allow", "Let them in like people"), ("flag", "Let them in, marked; their visits do not count"),
            ("drop", "Drop and count them"),
        ],
        help_text="By the user agent, and browsers that a program drives.",
    )  # fmt: skip
    origins = forms.CharField(
        label="Websites that may set the visitor cookie", required=False, max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control mono", "spellcheck": "false"}),
        help_text="Origins, one a line, such as https://www.example.com.",
    )  # fmt: skip

    def __init__(self, *args: Any, purposes: list[PurposeView], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "ask for none"), *((one.key, one.name) for one in purposes)]
        self.fields["purpose"].choices = choices  # type: ignore[attr-defined]

    def origins_given(self) -> list[str]:
        """The lines of the field."""
        return [line.strip() for line in self.cleaned_data["origins"].splitlines() if line.strip()]
