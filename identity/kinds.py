"""The kinds of identifiers, in order of strength. Pure."""

from collections.abc import Iterable

USER_ID = "user_id"
ANONYMOUS_ID = "anonymous_id"
PREVIOUS_ID = "previous_id"
RECORD_PREFIX = "record:"

# The order is the priority: an event hangs on the strongest identifier it carries.
IDENTIFIER_KINDS = (
    "user_id",
    "email",
    "phone",
    "loyalty_id",
    "crm_id",
    "device_id",
    "push_token",
    "anonymous_id",
    "previous_id",
)
PERSON_KINDS = frozenset({"user_id", "email", "phone", "loyalty_id", "crm_id"})

_STRENGTH = {
    "user_id": 0,
    "email": 1,
    "phone": 2,
    "loyalty_id": 3,
    "crm_id": 4,
    "device_id": 7,
    "push_token": 8,
    "anonymous_id": 9,
    "previous_id": 10,
}
_RECORD_STRENGTH = 5
_EXTERNAL_STRENGTH = 6


def kind_strength(kind: str) -> int:
    """Rank of a kind, 0 the strongest. Rows of files and external ids stand between people and devices."""
    strength = _STRENGTH.get(kind)
    if strength is not None:
        return strength
    return _RECORD_STRENGTH if kind.startswith(RECORD_PREFIX) else _EXTERNAL_STRENGTH


def is_person_kind(kind: str) -> bool:
    """Whether an identifier of this kind names a person rather than a browser or a device."""
    return kind in PERSON_KINDS or kind.startswith(RECORD_PREFIX)


def strongest(kinds: Iterable[str]) -> str:
    """The kind an event hangs on, of those it carries."""
    return min(kinds, key=lambda kind: (kind_strength(kind), kind))
