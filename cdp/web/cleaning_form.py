"""The form of a cleaning rule: what every rule has, and what its kind asks."""

import json
from typing import Any

from django import forms

from cdp.web.forms import CalmForm, JsonText
from quality import selectors
from quality.contracts import Definition


class Lines(forms.CharField):
    """Texts, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else "\n".join(value)

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


_WHEN = ("when_path", "when_relation", "when_values")


class RuleForm(CalmForm):
    """A cleaning rule of one kind."""

    name = forms.CharField(label="Name", max_length=200)
    source_id = forms.TypedChoiceField(
        label="Source", required=False, coerce=lambda told: int(told) if told else None, empty_value=None
    )
    scope = forms.ChoiceField(label="It is about", choices=selectors.SCOPES)
    event = forms.CharField(label="Event", required=False, max_length=500, help_text="Nothing: every event.")
    path = forms.CharField(
        label="Where it stands", required=False, max_length=200,
        help_text="A pointer such as /total, /address/city or /products/*/price.",
        widget=forms.TextInput(attrs={"class": "form-control mono", "spellcheck": "false", "autocomplete": "off"}),
    )  # fmt: skip
    when_path = forms.CharField(
        label="Only where", required=False, max_length=200,
        help_text="Another property, such as /country. Nothing: everywhere.",
        widget=forms.TextInput(attrs={"class": "form-control mono", "spellcheck": "false", "autocomplete": "off"}),
    )  # fmt: skip
    when_relation = forms.ChoiceField(label="That one", choices=selectors.RELATIONS, required=False)
    when_values = Lines(label="Of these values", required=False, help_text="One a line.")
    then = forms.ChoiceField(label="What becomes of others", choices=selectors.THEN)
    instead = forms.CharField(label="Value in its place", required=False, max_length=500)

    def __init__(self, *args: Any, kind: str, sources: dict[int, str], **kwargs: Any) -> None:
        self.kind = selectors.kinds()[kind]
        super().__init__(*args, **kwargs)
        self.fields["source_id"].choices = [("", "every source"), *sources.items()]  # type: ignore[attr-defined]
        last = {name: self.fields.pop(name) for name in (*_WHEN, "then", "instead")}
        for one in self.kind.settings:
            self.fields[f"set_{one.name}"] = _field(one)
        self.fields |= last
        for field in self.fields.values():
            kind_of = getattr(field.widget, "input_type", "text")
            field.widget.attrs.setdefault("class", "form-select" if kind_of == "select" else "form-control")

    def definition(self) -> Definition:
        """What the form says."""
        told = self.cleaned_data
        settings = {one.name: _plain(told[f"set_{one.name}"]) for one in self.kind.settings}
        return Definition(
            told["name"], told["scope"], told["path"].strip(), self.kind.key,
            {name: value for name, value in settings.items() if value is not None}, told["source_id"],
            told["event"].strip(), told["then"], read_value(told["instead"]),
            {"path": told["when_path"].strip(), "relation": told["when_relation"], "values": told["when_values"]},
        )  # fmt: skip

    def refuse(self, field: str, message: str) -> None:
        """Tie a refusal to the field that it is about."""
        name = next((one for one in (field.replace("/", "_"), f"set_{field}") if one in self.fields), None)
        self.add_error(name, message)


def initial(told: Definition) -> dict[str, Any]:
    """A rule as its form shows it."""
    return {
        "name": told.name, "source_id": told.source_id or "", "scope": told.scope, "event": told.event,
        "path": told.path, "then": told.then,
        "instead": told.instead if isinstance(told.instead, str) else "" if told.instead is None
        else json.dumps(told.instead),
        **{f"set_{name}": value for name, value in told.settings.items()},
        **{f"when_{name}": value for name, value in (told.when or {}).items()},
    }  # fmt: skip


def read_value(text: str) -> Any:
    """A value that somebody typed: JSON if it is, else the text."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _field(one: Any) -> forms.Field:
    told = {"label": one.label, "required": one.required, "help_text": one.hint, "initial": one.default or None}
    if one.form == "choice":
        return forms.ChoiceField(**{**told, "choices": one.choices})
    if one.form in ("words", "pointers"):
        return Lines(**told)
    if one.form == "table":
        return JsonText(rows=4, **told)
    return forms.FloatField(**told) if one.form == "number" else forms.CharField(max_length=1000, **told)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
