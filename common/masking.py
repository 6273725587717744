"""How personal data looks to those who may not see it. Pure."""

import re
from collections.abc import Mapping
from typing import Any

PERSONAL = frozenset(
    {
        "email", "phone", "name", "first_name", "last_name", "firstname", "lastname", "surname", "given_name",
        "family_name", "address", "street", "postcode", "postal_code", "zip", "birth_date", "birthday", "dob", "ip",
        "user_id", "loyalty_id", "crm_id", "push_token", "username",
    }
)  # fmt: skip
_EMAIL_LIKE = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_SQUASH = re.compile(r"[^a-z0-9]+")
_PERSONAL_SQUASHED = frozenset(_SQUASH.sub("", name) for name in PERSONAL)


def is_personal(field: str) -> bool:
    """Whether an identifier kind or trait name is personal data by its name (`firstName` and `first_name` alike)."""
    return _SQUASH.sub("", field.lower()) in _PERSONAL_SQUASHED


def mask(field: str, value: object) -> str:
    """A value that can be told from others without being read: `j•••@example.com`, `+4•••••21`, `A•••`."""
    text = "" if value is None else str(value)
    if not text or not is_personal(field):
        return text
    if "@" in text:
        local, _, domain = text.partition("@")
        return f"{local[:1]}•••@{domain}"
    digits = sum(c.isdigit() for c in text)
    if digits >= 6:
        return f"{text[:2]}•••••{text[-2:]}"
    return f"{text[:1]}•••"


def without_emails(text: str) -> str:
    """Text with every e-mail address in it masked."""
    return _EMAIL_LIKE.sub(lambda found: mask("email", found[0]), text)


# What an item of the tracking API tells of no person.
_OF_THE_CALL = frozenset({"type", "event", "timestamp", "messageId", "collection", "encoding"})


def shape_of(item: Any, name: str = "") -> Any:
    """An item of which only the shape can be read: every value is masked, as nobody knows yet which are personal."""
    if name in _OF_THE_CALL:
        return item
    if isinstance(item, Mapping):
        return {key: shape_of(value, key) for key, value in item.items()}
    if isinstance(item, list):
        return [shape_of(value) for value in item]
    return mask("name", item) if isinstance(item, str | int | float) else item
