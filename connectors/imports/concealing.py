"""What a quality report shows to somebody who may not see personal data. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.imports.contracts import items_given


def conceal_columns(columns: Sequence[Mapping[str, Any]], mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns without numbers that may be of a person: only what becomes a property of events, and nothing else,
    keeps them."""
    places: dict[str, list[str]] = {}
    for item in items_given(mapping):
        for one in item.get("columns") or ():
            places.setdefault(one["name"], []).append(str(one.get("to", "")))
    shown = {name for name, all_ in places.items() if all(to.startswith("properties.") for to in all_)}
    return [dict(one) if one["name"] in shown else {**one, "numbers": None} for one in columns]
