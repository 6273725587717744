"""The form of a destination's settings, built from what its kind declares."""

from collections.abc import Mapping
from typing import Any, Protocol

from django import forms

from cdp.web.forms import CalmForm
from connectors.contracts import Field


class Asking(Protocol):
    """Whatever declares settings: a kind of destination, or of stream."""

    @property
    def settings(self) -> Mapping[str, Field]: ...


class SettingsForm(CalmForm):
    """A name, and the declared settings as `s-NAME`."""

    name = forms.CharField(label="Name", max_length=120, help_text="How you will recognise this account.")

    def add_problem(self, problem: str) -> None:
        """Show a problem told as `setting: words` beside its field."""
        key, _, words = problem.partition(": ")
        name = key if key in self.fields else f"s-{key}"
        self.add_error(name if name in self.fields else None, words if name in self.fields else problem)


def settings_form(
    kind: Asking, posted: Mapping[str, Any] | None, *, initial: Mapping[str, Any] | None = None, named: bool = True
) -> SettingsForm:  # fmt: skip
    """An unbound form, or one bound to what was posted; without a name when that is not asked for."""
    form = SettingsForm(posted, initial={f"s-{key}": value for key, value in (initial or {}).items()})
    if not named:
        del form.fields["name"]
    for key, spec in kind.settings.items():
        form.fields[f"s-{key}"] = _field(spec)
    # Classes and error states are given when a form is made: these fields came later.
    for field in form.fields.values():
        kind_of_input = getattr(field.widget, "input_type", "text")
        look = {"select": "form-select", "checkbox": "form-check-input"}.get(kind_of_input, "form-control")
        field.widget.attrs.setdefault("class", look)
    return form


def _field(spec: Field) -> forms.Field:
    shared: dict[str, Any] = {
        "label": spec.label,
        "required": spec.required,
        "help_text": spec.help,
        "initial": spec.default,
    }
    if spec.secret:
        # A key in PEM has several lines, which a password field would join.
        lines = forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"})
        widget = lines if spec.type == "text" else forms.PasswordInput(attrs={"autocomplete": "off"})
        return forms.CharField(**{**shared, "initial": ""}, widget=widget, max_length=4000)
    if spec.type == "choice":
        return forms.ChoiceField(**shared, choices=spec.choices)
    if spec.type == "boolean":
        return forms.BooleanField(**{**shared, "required": False})
    if spec.type == "integer":
        return forms.IntegerField(**shared)
    if spec.type == "object":
        return forms.JSONField(**shared, widget=forms.Textarea(attrs={"rows": 4}))
    widget_of = {"text": forms.Textarea(attrs={"rows": 4}), "url": forms.URLInput()}
    return forms.CharField(**shared, max_length=4000, widget=widget_of.get(spec.type, forms.TextInput()))


def settings_given(kind: Asking, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not secret and were filled in."""
    open_ones = {key: cleaned.get(f"s-{key}") for key, spec in kind.settings.items() if not spec.secret}
    return {key: value for key, value in open_ones.items() if value not in (None, "")}


def secrets_given(kind: Asking, cleaned: Mapping[str, Any]) -> dict[str, str]:
    """The secrets that were filled in."""
    hidden = {key: cleaned.get(f"s-{key}") for key, spec in kind.settings.items() if spec.secret}
    return {key: str(value) for key, value in hidden.items() if value}
