"""The form of a mapping: a line for each field that an action declares.

A line is written as people read it: `{{profile.traits.first_name}}` is the value at a path, text with such holes is a
template, other text is the same for everybody, and what begins with `{` or `[` is JSON (`{"@first": […]}`).
"""

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from cdp.web.forms import CalmForm
from connectors.contracts import ActionView, Field

PREFIX = "m-"


class MappingForm(CalmForm):
    """The declared fields as `m-NAME`."""


def mapping_form(action: ActionView, posted: Mapping[str, Any] | None, mapping: Mapping[str, Any]) -> MappingForm:
    """An unbound form that shows `mapping`, or one bound to what was posted."""
    bound = posted is not None and any(key.startswith(PREFIX) for key in posted)
    form = MappingForm(posted if bound else None)
    for name, spec in action.fields.items():
        told = mapping.get(name)
        shown = json.dumps(told, ensure_ascii=False, indent=1) if spec.type == "object" and told else as_text(told)
        field = _field(spec, shown)
        field.widget.attrs["class"] = "form-control"
        form.fields[f"{PREFIX}{name}"] = field
    return form


def _field(spec: Field, initial: str) -> forms.Field:
    shared: dict[str, Any] = {
        "label": spec.label, "required": spec.required, "help_text": spec.help, "initial": initial,
        "max_length": 10_000,
    }  # fmt: skip
    if spec.type == "object":
        return forms.CharField(**shared, widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}))
    look = {"spellcheck": "false", "autocomplete": "off", **({} if spec.constant else {"list": "mapping-paths"})}
    return forms.CharField(**shared, widget=forms.TextInput(attrs=look))


def mapping_given(action: ActionView, form: MappingForm) -> dict[str, Any]:
    """The mapping that was filled in; a JSON that cannot be read becomes an error of its field."""
    found = {}
    for name, spec in action.fields.items():
        text = str(form.cleaned_data.get(f"{PREFIX}{name}") or "").strip()
        if not text:
            continue
        try:
            found[name] = text if spec.constant else as_mapping(text)
        except json.JSONDecodeError as wrong:
            form.add_error(f"{PREFIX}{name}", f"This is no JSON: {wrong.msg} at column {wrong.colno}.")
    return found


def as_mapping(text: str) -> Any:
    """What a line means. Raises JSONDecodeError."""
    if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
        return {"@path": text[2:-2].strip()}
    if text.startswith(("{", "[")) and not text.startswith("{{"):
        return json.loads(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return json.loads(text)  # text that would else be read as something else
    return {"@template": text} if "{{" in text else text


def as_text(value: Any) -> str:
    """The line that means a value of a mapping."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "@path":
            return f"{{{{{argument}}}}}"
        if name == "@template" and as_mapping(argument) == value:
            return str(argument)
    if isinstance(value, str) and not value.startswith(("{", "[", '"')) and "{{" not in value:
        return value
    return json.dumps(value, ensure_ascii=False)
