"""A test as somebody sees it who may not see personal data. Pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from common.masking import mask, without_emails
from connectors.destinations.recording import Exchange
from connectors.syncs.contracts import Sample, Tried

# A shorter value (a house number, "M") would be replaced inside of other words; it is masked where it stands alone.
_SHORTEST = 4
_MASK = "•••"


def conceal_tried(tried: Tried) -> Tried:
    """The same with every value that is known of this person masked, wherever it stands."""
    known = _known(tried.personal)
    return replace(
        tried,
        fields=_tree(tried.fields, known),
        personal=(),
        exchanges=tuple(_exchange(one, known) for one in tried.exchanges),
    )


def conceal_sample(sample: Sample) -> Sample:
    """The same for what a mapping gives."""
    return replace(sample, fields=_tree(sample.fields, _known(sample.personal)), personal=())


def _known(personal: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field, value in sorted(personal, key=lambda one: -len(one[1])):
        masked = mask(field, value)
        # An identifier whose kind is not personal by its name (a device) is one all the same.
        hidden = masked if masked != value else f"{value[:1]}{_MASK}"
        for form in (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]):
            found.setdefault(form, hidden)
    return found


def _exchange(one: Exchange, known: dict[str, str]) -> Exchange:
    return replace(
        one,
        url=_text(one.url, known),
        request_headers={name: _text(value, known) for name, value in one.request_headers.items()},
        request_body=_text(one.request_body, known),
        response_headers={name: _text(value, known) for name, value in one.response_headers.items()},
        response_body=_text(one.response_body, known),
    )


def _tree(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _tree(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_tree(inner, known) for inner in value]
    if isinstance(value, str):
        return known.get(value) or _text(value, known)
    return known.get(str(value), value) if not isinstance(value, bool) and value is not None else value


def _text(text: str, known: dict[str, str]) -> str:
    for form, hidden in known.items():
        if len(form) >= _SHORTEST:
            text = text.replace(form, hidden)
        else:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", hidden.replace("\\", r"\\"), text)
    return without_emails(text)
