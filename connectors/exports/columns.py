"""The columns of an export, and one person in them. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from common.masking import mask, without_emails
from connectors.exports.contracts import BadColumns
from connectors.syncs.rendering import Person

DEFAULT = ("identifiers.user_id", "identifiers.email")
MOST = 60
_KNOWN = re.compile(r"identifiers\.[a-z_]{1,32}|traits\.[^.\x00-\x1f]{1,120}|created_at")
# Several identifiers of one kind stand in one cell.
_BETWEEN = ";"


def checked(columns: Sequence[str]) -> list[str]:
    """The columns without repeats. Raises BadColumns."""
    found = list(dict.fromkeys(one.strip() for one in columns if one.strip())) or list(DEFAULT)
    wrong = [one for one in found if not _KNOWN.fullmatch(one)]
    if wrong or len(found) > MOST:
        named = ", ".join(wrong[:5]) or f"{len(found)} columns"
        raise BadColumns(f"No such columns: {named}. Use identifiers.KIND, traits.NAME and created_at, at most {MOST}.")
    return found


def row_of(profile_id: int, person: Person, columns: Sequence[str], *, personal: bool) -> dict[str, str]:
    """One person: the id of the member, then the columns as text, masked unless `personal`."""
    by_kind: dict[str, list[str]] = {}
    for kind, value in person.identifiers:
        by_kind.setdefault(kind, []).append(value)
    row = {"profile_id": str(profile_id)}
    for column in columns:
        group, _, name = column.partition(".")
        values = _values(group, name, by_kind, person)
        row[column] = _BETWEEN.join(values if personal else [_masked(name, value) for value in values])
    return row


def _values(group: str, name: str, by_kind: Mapping[str, Sequence[str]], person: Person) -> Sequence[str]:
    if group == "identifiers":
        return by_kind.get(name, ())
    value = person.traits.get(name) if group == "traits" else person.created_at
    return () if value is None else (_text(value),)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _masked(name: str, value: str) -> str:
    return without_emails(mask(name, value))
