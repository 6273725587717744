"""What is wrong with a mapping, before anything is stored or sent. Pure."""

from collections.abc import Mapping
from typing import Any

from connectors.destinations import mapping as mappings
from connectors.destinations.kit import Field


def mapping_problems(filled: Mapping[str, Any], fields: Mapping[str, Field]) -> list[str]:
    """Everything that is wrong, each told as `mapping: words`; empty when it can be used."""
    found = [f"mapping: there is no field {name!r}." for name in filled if name not in fields]
    found += [f"mapping{problem}" for problem in mappings.problems(filled)]
    found += [
        f"mapping: {spec.label} is required." for name, spec in fields.items() if spec.required and name not in filled
    ]
    found += [
        f"mapping: {spec.label} is the same for everybody, so it must be plain text."
        for name, spec in fields.items()
        if spec.constant and not isinstance(filled.get(name, ""), str)
    ]
    return found
