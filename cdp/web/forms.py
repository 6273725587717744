"""Forms of the pages that keep what they ask."""

import json
import re
import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth import password_validation

from common.models import User
from common.roles import SCOPES, Role, Theme
from connectors.contracts import WEBHOOK_SIGNATURES
from quality import selectors


def event_input() -> forms.TextInput:
    """A field for the name of an event, with those that are there to choose from (`parts/event_names.html`)."""
    return forms.TextInput(attrs={"list": "event-names", "autocomplete": "off"})


class CalmForm(forms.Form):
    """Fields in the look of the pages; hints and errors are tied to their field for screen readers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "f-%s")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            look = {"select": "form-select", "checkbox": "form-check-input", "radio": "form-check-input"}
            kind = getattr(field.widget, "input_type", "text")
            field.widget.attrs.setdefault("class", look.get(kind, "form-control"))


class JsonText(forms.JSONField):
    """JSON as people read it: indented, and with their own letters."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        attrs = {"rows": rows, "class": "form-control mono", "spellcheck": "false"}
        super().__init__(widget=forms.Textarea(attrs=attrs), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        # What could not be read is a text of its own class, and is shown as it was typed.
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


class AppearanceForm(CalmForm):
    """What one person may set for themselves."""

    name = forms.CharField(label="Your name", max_length=120, required=False)
    theme = forms.ChoiceField(label="Appearance", choices=Theme.choices)
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [(zone, zone.replace("_", " ")) for zone in sorted(zoneinfo.available_timezones())],
    )
    shortcuts = forms.BooleanField(label="Single-key shortcuts", required=False)


class PersonForm(CalmForm):
    """One more person who may sign in."""

    email = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(label="Name", max_length=120, required=False)
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.VIEWER)
    password = forms.CharField(
        label="First password", min_length=10, help_text="At least ten characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("Somebody with this address can already sign in.")
        return email

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password)
        return password


class TokenForm(CalmForm):
    """A new API token."""

    name = forms.CharField(label="Name", max_length=120, help_text="Who or what will use it.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(key, f"{text} ({key})") for key, text in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
    )


class FindForm(CalmForm):
    """A person by any name that the system knows."""

    person = forms.CharField(
        label="Person", max_length=1100, help_text="A profile's id, or an identifier such as email:ana@example.org.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


class EraseForm(CalmForm):
    """Erasing somebody: one of his identifiers is typed, so that nobody is erased by a slip."""

    typed = forms.CharField(
        label="Type one of the identifiers, or the profile's id", max_length=1100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    suppress = forms.BooleanField(
        label="Store nothing more of these identifiers", required=False, initial=True,
        help_text="Without it the person may come back as somebody new.",
    )  # fmt: skip

    def __init__(self, *args: Any, values: set[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._values = values

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"]).strip()
        if typed.lower() not in self._values:
            raise forms.ValidationError("This is none of the identifiers of this person.")
        return typed


class SuppressForm(CalmForm):
    """One identifier, and what to do with it."""

    identifier = forms.CharField(
        label="Identifier", max_length=1100, help_text="As kind:value, such as email:ana@example.org.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    do = forms.ChoiceField(
        label="What to do", choices=[("add", "Store nothing of it"), ("ask", "Ask whether it is on the list"),
                                     ("remove", "Allow it again")],
    )  # fmt: skip
    reason = forms.ChoiceField(
        label="Reason", required=False, initial="asked",
        choices=[("asked", "Asked not to be stored"), ("complaint", "Complaint"), ("test", "Test or staff")],
    )  # fmt: skip

    def clean_reason(self) -> str:
        return str(self.cleaned_data["reason"] or "asked")


class SourceForm(CalmForm):
    """A new source."""

    name = forms.CharField(label="Name", max_length=120, help_text="Such as “Online shop” or “Till system”.")
    kind = forms.ChoiceField(
        label="Kind", widget=forms.RadioSelect,
        choices=[
            ("web", "Website: pages that load a library in the browser"), ("mobile", "Mobile app"),
            ("server", "Server: your own back end"), ("email", "E-mail: opens, clicks and bounces"),
            ("webhook", "Webhook: calls of another system"),
            ("stream", "Stream: a queue or a log of events"),
            ("pull", "Database or CRM: rows that are asked for"),
            ("offline", "Offline file: tills, fairs, call centres"),
        ],
    )  # fmt: skip


class ImportFileForm(CalmForm):
    """A file to take in."""

    file = forms.FileField(
        label="File", help_text="CSV, TSV, NDJSON, XLSX or Parquet; also packed (gz, xz, bz2, zip). Any size."
    )


class WatchForm(CalmForm):
    """How often a place is looked at."""

    every_minutes = forms.IntegerField(label="Every so many minutes", min_value=1, max_value=7 * 24 * 60)


class EmailHookForm(CalmForm):
    """The e-mail provider of a source."""

    provider = forms.ChoiceField(label="Provider")
    secret = forms.CharField(
        label="Key", required=False, max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip

    def __init__(self, *args: Any, providers: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].choices = providers  # type: ignore[attr-defined]


class ExportForm(CalmForm):
    """A file of the members of a segment."""

    format = forms.ChoiceField(label="Format", choices=[("csv", "CSV"), ("ndjson", "NDJSON"), ("parquet", "Parquet")])
    columns = forms.CharField(
        label="Columns", max_length=4000, required=False, initial="identifiers.user_id\nidentifiers.email",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One a line: identifiers.KIND, traits.NAME, created_at. The profile id is always there.",
    )  # fmt: skip
    personal = forms.BooleanField(label="With personal data as it is", required=False)

    def __init__(self, *args: Any, may_see: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_see:
            # A disabled field keeps its initial value whatever is posted.
            self.fields["personal"].disabled = True

    def columns_given(self) -> list[str]:
        """The lines of the field."""
        return [line.strip() for line in self.cleaned_data["columns"].splitlines() if line.strip()]


class SyncForm(CalmForm):
    """A segment joined to a destination."""

    name = forms.CharField(label="Name", max_length=120, required=False, help_text="Left empty, a name is made.")
    segment = forms.ChoiceField(label="Segment")
    action = forms.ChoiceField(label="What to do at the destination")
    identifier_kind = forms.ChoiceField(
        label="One row for each",
        choices=[
            ("profile", "person"), ("email", "e-mail address"), ("phone", "phone number"), ("user_id", "user id"),
            ("device_id", "device"), ("push_token", "push token"), ("loyalty_id", "loyalty card"), ("crm_id", "CRM id"),
        ],
    )  # fmt: skip

    consent = forms.CharField(
        label="Only with consent to", max_length=400, required=False,
        help_text="Purposes, such as advertising; with commas between, all are needed.",
    )  # fmt: skip
    consent_channel = forms.CharField(
        label="By the channel", max_length=64, required=False,
        help_text="Such as email: what was said of it counts before what was said of all channels.",
    )  # fmt: skip

    def __init__(self, *args: Any, segments: Any, actions: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["segment"].choices = [(str(one.id), one.name) for one in segments]  # type: ignore[attr-defined]
        self.fields["action"].choices = [(one.slug, one.label) for one in actions]  # type: ignore[attr-defined]


class SegmentForm(CalmForm):
    """What a segment is called; its rule is read by the rule editor."""

    name = forms.CharField(label="Name", max_length=120)
    description = forms.CharField(label="What it is for", max_length=500, required=False)
    owner = forms.CharField(label="Owner", max_length=200, required=False, help_text="Who answers for it.")
    review_on = forms.DateField(
        label="Review on", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="From that day on it is shown as due.",
    )  # fmt: skip
    tags = forms.CharField(label="Tags", max_length=400, required=False, help_text="Words, with commas between.")
    note = forms.CharField(label="What you changed", max_length=300, required=False)

    def clean_tags(self) -> tuple[str, ...]:
        return tuple(one.strip()[:40] for one in str(self.cleaned_data["tags"]).split(",") if one.strip())[:20]


class ListForm(CalmForm):
    """A new static list."""

    name = forms.CharField(label="Name", max_length=200)
    slug = forms.SlugField(label="Slug", max_length=80, help_text="How rules name it, such as press-contacts.")


MOST_IN_A_FILE = 20 * 2**20


class EntriesForm(CalmForm):
    """Identifiers for a list: a file or lines, the first column of each; the kind unless a line says `kind:value`."""

    do = forms.ChoiceField(label="What to do", choices=[("add", "put on the list"), ("remove", "take off the list")])
    kind = forms.ChoiceField(
        label="They are",
        choices=[
            ("email", "e-mail addresses"), ("phone", "phone numbers"), ("user_id", "user ids"), ("crm_id", "CRM ids"),
            ("loyalty_id", "loyalty cards"),
        ],
    )  # fmt: skip
    file = forms.FileField(label="File", required=False, help_text="Text or CSV in UTF-8; the first column counts.")
    text = forms.CharField(
        label="Or one a line", required=False, max_length=1_000_000, widget=forms.Textarea(attrs={"rows": 6})
    )

    def clean_file(self) -> Any:
        given = self.cleaned_data["file"]
        if given is None:
            return None
        if given.size > MOST_IN_A_FILE:
            raise forms.ValidationError("The file is larger than 20 MB. Split it, or use the API.")
        try:
            return given.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8. Save it as “CSV UTF-8” and try again.") from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not self.lines():
            raise forms.ValidationError("Choose a file, or write identifiers, one a line.")
        return cleaned

    def lines(self) -> list[str]:
        """What was given, each once, in order."""
        texts = f"{self.cleaned_data.get('file') or ''}\n{self.cleaned_data.get('text') or ''}".splitlines()
        first = (re.split("[,;\t]", text, maxsplit=1)[0].strip().strip('"').strip() for text in texts)
        return list(dict.fromkeys(one for one in first if one))


class WebhookForm(CalmForm):
    """How the calls of a sender are checked and read."""

    scheme = forms.ChoiceField(label="Signature", choices=list(WEBHOOK_SIGNATURES.items()))
    header = forms.CharField(
        label="Header", max_length=100, required=False, help_text="For HMAC and for a secret in a header."
    )
    before = forms.CharField(
        label="Before the signature",
        max_length=40,
        required=False,
        help_text="Such as sha256=, where the sender puts it.",
    )
    encoding = forms.ChoiceField(
        label="Encoding of the HMAC", choices=[("hex", "hex"), ("base64", "base64")], required=False
    )
    secret = forms.CharField(
        label="Secret", max_length=500, required=False, help_text="For basic authentication user:password.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    mapping = JsonText(
        label="Mapping", help_text="Rules in JSON; every expression is JMESPath, text of your own in single quotes.",
        rows=18,
    )  # fmt: skip
    sample = forms.CharField(
        label="Sample", required=False, help_text="A call as the sender makes it. It is not kept.",
        widget=forms.Textarea(attrs={"rows": 8, "class": "form-control mono", "spellcheck": "false"}),
    )  # fmt: skip

    def signature(self) -> dict[str, str]:
        """As it is kept."""
        given = self.cleaned_data
        return {
            "scheme": given["scheme"], "header": given["header"], "prefix": given["before"],
            "encoding": given["encoding"] or "hex",
        }  # fmt: skip


class PlanForm(CalmForm):
    """What somebody decides about an event."""

    description = forms.CharField(label="Description", max_length=2000, required=False)
    owner = forms.CharField(label="Owner", max_length=200, required=False)
    schema = JsonText(
        label="Schema of the properties",
        help_text="JSON Schema (2020-12). Before the first version it is what was seen.",
        rows=16,
    )  # fmt: skip


class EnforcementForm(CalmForm):
    """What becomes of items of a source that do not fit the plan."""

    unplanned = forms.ChoiceField(
        label="Events that are not in the plan",
        choices=[("allow", "Let them in"), ("flag", "Let them in, and count them"),
                 ("quarantine", "Put them into the quarantine")],
    )  # fmt: skip
    invalid = forms.ChoiceField(
        label="Properties that do not fit the schema",
        choices=[("allow", "Let them in"), ("flag", "Let them in, and count them"), ("strip", "Take them out"),
                 ("quarantine", "Put the item into the quarantine")],
    )  # fmt: skip


class RatesForm(CalmForm):
    """A file of exchange rates."""

    file = forms.FileField(label="File", help_text="The European Central Bank's eurofxref-hist as CSV, zip or XML.")


class ReferenceListForm(CalmForm):
    """A list that values are held against."""

    slug = forms.SlugField(label="Short name", max_length=64, help_text="By which rules name it.")
    name = forms.CharField(label="Name", max_length=200, required=False)
    values = forms.CharField(
        label="Values", help_text="One a line.", widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"})
    )


class BlockForm(CalmForm):
    """What becomes of personal data in properties that the plan does not name."""

    email = forms.ChoiceField(label="E-mail addresses", choices=selectors.ANSWERS)
    phone = forms.ChoiceField(label="Phone numbers", choices=selectors.ANSWERS)
    card = forms.ChoiceField(label="Card numbers", choices=selectors.ANSWERS)
    ip = forms.ChoiceField(label="IP addresses", choices=selectors.ANSWERS)
