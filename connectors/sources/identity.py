"""Whether an id that came over the wire says who somebody is."""

from events.contracts import text
from identity.services import standardise


def usable(kind: str, value: object) -> bool:
    """False for placeholders such as `null` and `undefined`, blanks, and values that are no ids."""
    return value is not None and standardise(kind, text(value) if isinstance(value, float) else value) is not None
