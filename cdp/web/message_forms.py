"""Forms of the pages about messages."""

from collections.abc import Mapping
from typing import Any

from django import forms

from campaigns import selectors
from campaigns.contracts import CHANNELS, MESSAGE_FIELDS, REQUIRED_FIELDS, SendingPolicyView, VersionView
from cdp.web.forms import CalmForm, JsonText
from connectors.contracts import Field

CHANNEL_NAMES = {
    "email": "E-mail", "sms": "SMS", "whatsapp": "WhatsApp", "webpush": "Web push", "mobilepush": "Mobile push",
    "webhook": "Webhook", "inapp": "In-app",
}  # fmt: skip
# Of every channel, whoever provides it.
PER_SECOND = "per_second"
CHANNEL_CHOICES = tuple((one, CHANNEL_NAMES[one]) for one in CHANNELS)
_LABELS = {
    "subject": "Subject", "preheader": "Preheader", "body": "Body", "text": "Plain text", "title": "Title",
    "url": "Link", "template": "Approved template", "parameters": "Its parameters",
}  # fmt: skip
_HINTS = {
    ("email", "body"): "MJML, or HTML. Marketing needs a link to {{ unsubscribe_url }}.",
    ("email", "text"): "Made from the body when empty.",
    ("webhook", "body"): "JSON, with Liquid inside of its texts.",
    ("whatsapp", "template"): "The name or content id under which WhatsApp approved it.",
    ("whatsapp", "parameters"): "One a line.",
}  # fmt: skip
_LONG = frozenset({"body", "text", "parameters"})


def _groups() -> list[tuple[str, str]]:
    return [("", "none"), *((one.key, one.name) for one in selectors.groups())]


class NewTemplateForm(CalmForm):
    """A template's name and first words; channels and languages are added in the editor."""

    name = forms.CharField(label="Name", max_length=200)
    message_class = forms.ChoiceField(
        label="Class", choices=(("marketing", "Marketing"), ("transactional", "Transactional")),
        help_text="Marketing asks for consent, waits for quiet hours, and has a way out.",
    )  # fmt: skip
    group = forms.ChoiceField(label="Subscription group", choices=_groups, required=False)
    channel = forms.ChoiceField(label="First channel", choices=CHANNEL_CHOICES)
    language = forms.CharField(label="Language", max_length=16, initial="en")


class WordsForm(CalmForm):
    """The fields of one channel in one language, for the editor."""

    def __init__(self, channel: str, language: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, prefix=f"{channel}-{language}", **kwargs)
        self.channel, self.language = channel, language
        for name in MESSAGE_FIELDS[channel]:
            attrs: dict[str, Any] = {"class": "form-control"}
            if name in _LONG:
                attrs = {"class": "form-control mono", "spellcheck": "false", "rows": 12 if name == "body" else 3}
            self.fields[name] = forms.CharField(
                label=_LABELS[name], required=False, help_text=_HINTS.get((channel, name), ""), max_length=200_000,
                widget=(forms.Textarea if name in _LONG else forms.TextInput)(attrs=attrs),
            )  # fmt: skip
            self.fields[name].required = name in REQUIRED_FIELDS[channel]

    @property
    def title(self) -> str:
        return f"{CHANNEL_NAMES[self.channel]}, {self.language}"


class VersionForm(CalmForm):
    """What the words of a version share."""

    language = forms.CharField(
        label="Language that stands in for others", max_length=16, help_text="It must be there for every channel."
    )
    defaults = JsonText(label="Variables that a send may leave out", rows=3, required=False)
    note = forms.CharField(label="What changed", max_length=200, required=False)


def words_of(version: VersionView, posted: Any, added: tuple[str, str] | None) -> list[WordsForm]:
    """A form for each channel and language of a version, and for the one that was added."""
    places = [(channel, language) for channel, languages in version.contents.items() for language in languages]
    if added and added not in places:
        places.append(added)
    return [
        WordsForm(channel, language, posted, initial=version.contents.get(channel, {}).get(language, {}))
        for channel, language in places
    ]


def contents_of(forms_: list[WordsForm]) -> dict[str, dict[str, dict[str, str]]]:
    """What was written, by channel and language. One that is wholly empty is left out."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for one in forms_:
        words = {name: one.data.get(one.add_prefix(name), "") for name in one.fields}
        if any(text.strip() for text in words.values()):
            found.setdefault(one.channel, {})[one.language] = words
    return found


class TryForm(CalmForm):
    """For whom a version is shown, or sent as a test."""

    profile = forms.CharField(
        label="Profile", max_length=600, help_text="Its number, or an identifier such as user_id:42."
    )
    channel = forms.ChoiceField(label="By", choices=CHANNEL_CHOICES)
    variables = JsonText(label="Variables", rows=2, required=False)


class ChannelForm(CalmForm):
    """The settings of a provider, as it declares them. Secrets are never shown; empty leaves the one there is."""

    def __init__(self, fields: Mapping[str, Field], held: tuple[str, ...], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, asked in fields.items():
            there = asked.secret and name in held
            self.fields[name] = _field(asked, there)
        look = {"class": "form-control", "step": "any", "autocomplete": "off"}
        self.fields[PER_SECOND] = forms.FloatField(
            label="At most so many a second", required=False, widget=forms.NumberInput(attrs=look),
            help_text="What the provider allows you; 0.5 is one every two seconds. Empty: as fast as it takes.",
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != PER_SECOND}


def _field(asked: Field, there: bool) -> forms.Field:
    more: dict[str, Any] = {
        "label": asked.label, "help_text": "It is set; leave empty to keep it." if there else asked.help,
        "required": asked.required and not there, "initial": asked.default,
    }  # fmt: skip
    if asked.type == "choice":
        return forms.ChoiceField(choices=asked.choices, widget=forms.Select(attrs={"class": "form-select"}), **more)
    look = {"class": "form-control", "autocomplete": "off"}
    if asked.type == "text":
        return forms.CharField(widget=forms.Textarea(attrs=look | {"rows": 4}), **more)
    if asked.secret:
        return forms.CharField(widget=forms.PasswordInput(attrs=look | {"autocomplete": "new-password"}), **more)
    if asked.type == "integer":
        return forms.IntegerField(widget=forms.NumberInput(attrs=look), **more)
    return forms.CharField(widget=forms.TextInput(attrs=look), **more)


class PolicyForm(CalmForm):
    """Quiet hours and holdout."""

    quiet_from = forms.TimeField(label="Quiet from", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_until = forms.TimeField(
        label="until", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="By each person's own clock, for marketing. The same time twice: none.",
    )  # fmt: skip
    zone = forms.CharField(
        label="Zone of whoever has none", max_length=64, help_text="Such as Europe/Berlin. People's trait is timezone."
    )
    holdout = forms.IntegerField(
        label="Holdout in percent", min_value=0, max_value=50, help_text="So many people get no marketing at all."
    )
    track_clicks = forms.BooleanField(label="Measure clicks", required=False)
    track_opens = forms.BooleanField(label="Measure opens of marketing mail", required=False)

    @classmethod
    def shown(cls, policy: SendingPolicyView) -> dict[str, Any]:
        """The policy as the form begins."""
        clock = {
            name: f"{getattr(policy, name) // 60:02}:{getattr(policy, name) % 60:02}"
            for name in ("quiet_from", "quiet_until")
        }
        return clock | {
            "zone": policy.zone, "holdout": policy.holdout, "track_clicks": policy.track_clicks,
            "track_opens": policy.track_opens,
        }  # fmt: skip

    def asked(self) -> dict[str, Any]:
        """As the service takes it."""
        told = dict(self.cleaned_data)
        for name in ("quiet_from", "quiet_until"):
            told[name] = told[name].hour * 60 + told[name].minute
        return told


class GroupForm(CalmForm):
    """Something that people can subscribe to."""

    key = forms.SlugField(label="Key", max_length=64, help_text="Small letters and _; choices are recorded under it.")
    name = forms.CharField(label="Name", max_length=120, help_text="As people see it.")
    description = forms.CharField(label="What they get", max_length=500, required=False)
    channels = forms.MultipleChoiceField(
        label="By", choices=CHANNEL_CHOICES, widget=forms.CheckboxSelectMultiple, initial=["email"]
    )
    opt_out = forms.BooleanField(label="People are in it until they say no", required=False)
