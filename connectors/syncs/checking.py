"""What is wrong with a mapping or a purpose, before anything is stored or sent. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.destinations import mapping as mappings
from connectors.destinations.contracts import InvalidSettings
from connectors.destinations.kit import Field

_WORD = re.compile(r"[a-z0-9_]{1,64}")
_LONGEST = 400


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


def purposes_kept(text: str) -> str:
    """Purposes as a sync keeps them: each once, with commas between. Raises InvalidSettings."""
    purposes = list(dict.fromkeys(one.strip().lower() for one in text.split(",") if one.strip()))
    kept = ",".join(purposes)
    if not all(_WORD.fullmatch(one) for one in purposes) or len(kept) > _LONGEST:
        raise InvalidSettings(
            ["consent: Use small letters, digits and _, such as advertising; several with commas between."]
        )
    return kept


def purposes_of(kept: str) -> list[str]:
    """The way back."""
    return [purpose for purpose in kept.split(",") if purpose]


def channel_kept(text: str) -> str:
    """A channel as a sync keeps it; empty for all. Raises InvalidSettings."""
    channel = text.strip().lower()
    if channel and not _WORD.fullmatch(channel):
        raise InvalidSettings(["consent_channel: Use small letters, digits and _, such as email."])
    return channel
