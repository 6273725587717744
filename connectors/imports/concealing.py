"""What a quality report shows to somebody who may not see personal data. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def conceal_columns(columns: Sequence[Mapping[str, Any]], mapping: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns without numbers that may be of a person: only what becomes a property of an event keeps them."""
    properties = {
        one["name"] for one in mapping.get("columns") or () if str(one.get("to", "")).startswith("properties.")
    }
    return [dict(one) if one["name"] in properties else {**one, "numbers": None} for one in columns]
