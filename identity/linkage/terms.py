"""Values whose frequency matters, and how they are counted. Pure; light to import."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from identity.linkage.fields import Record
from identity.linkage.levels import OTHER, STANDARD_TERMS

COLUMNS = tuple(dict.fromkeys(term.column for term in STANDARD_TERMS))
_OWN = frozenset(COLUMNS)
# Of these the first value is counted.
LISTS = frozenset(["emails", "phones", "numbers"])
# In columns a list is kept only where it says more than the single value beside it.
LIST_OF = {"kin": "given", "formals": "given", "emails": "email", "phones": "phone", "numbers": "number"}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people hold a value, by (column, value), and how many hold any value of a column."""

    holders: Mapping[tuple[str, str], int] = field(default_factory=dict)
    totals: Mapping[str, int] = field(default_factory=dict)


def value_of(record: Record, column: str) -> str:
    """The value of a record that is counted; of a list its first."""
    if column not in _OWN:
        return record.other.get(column.removeprefix(OTHER), "")
    value = getattr(record, column)
    return str(value) if type(value) is not tuple else value[0] if value else ""
