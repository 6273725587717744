"""What a kind of pull declares: what to ask for, how to test it, and how its rows are read in order."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from connectors.destinations.kit import Account, Field, Outside

# So many rows go to the inbox in one transaction.
CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Start:
    """Where reading begins: `cursor` and `key` of the last row that is in (None: at the beginning).

    `inclusive`: from this cursor on, whatever the key. `most` bounds the rows for a preview.
    """

    cursor: Any = None
    key: tuple[Any, ...] = ()
    inclusive: bool = False
    most: int | None = None

    @property
    def fresh(self) -> bool:
        return self.cursor is None and not self.key


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells, and its place in the order of reading."""

    cells: Sequence[Any]
    cursor: Any
    key: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows one after another, with the names of their cells."""

    header: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Hint:
    """What an origin knows of its rows when a mapping is suggested: what they are, and where some columns go."""

    places: Mapping[str, str] = field(default_factory=dict)
    rows: str = ""
    event: str = ""


def number(settings: Mapping[str, Any], name: str, default: int) -> int:
    """A setting that is a whole number; what stands for nothing is the default."""
    value = settings.get(name)
    return default if value in (None, "") else int(value)


class Origin(ABC):
    """A kind of database or CRM."""

    label: ClassVar[str]
    settings: ClassVar[Mapping[str, Field]]
    # Settings that say which rows are read: when they change, reading begins anew.
    which: ClassVar[Sequence[str]]

    @abstractmethod
    def name(self, settings: Mapping[str, Any]) -> str:
        """What is read, in a few words."""

    @abstractmethod
    def test(self, outside: Outside, account: Account) -> str:
        """The cheapest look that shows whether rows can be read; the answer in words. Raises DeliveryError."""

    @abstractmethod
    def read(self, outside: Outside, account: Account, start: Start) -> Iterator[Chunk]:
        """The rows after `start` in the order of their places, as they come. Raises DeliveryError.

        No two rows have the same place, and a row that changes gets a later one (or, without a cursor, keeps its own).
        """

    @abstractmethod
    def newest(self, outside: Outside, account: Account) -> Any:
        """The greatest cursor there is now; None where there is none. Raises DeliveryError."""

    def deleted(self, outside: Outside, account: Account, since: datetime) -> Iterator[Chunk]:
        """Records that were deleted since then, as they were, in any order; their cursor is when. Only of vendors that
        tell it. Raises DeliveryError."""
        return iter(())

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        """What is wrong with settings beyond their types."""
        return []

    def compares(self, settings: Mapping[str, Any]) -> bool:
        """Whether all rows are read each time and compared with the last."""
        return False

    def hint(self, settings: Mapping[str, Any]) -> Hint:
        """For the suggestion of a mapping."""
        return Hint()

    def cursor_column(self, settings: Mapping[str, Any]) -> str:
        """The column that is the cursor; empty where there is none."""
        return str(settings.get("cursor") or "").strip()

    def look_back(self, settings: Mapping[str, Any]) -> int:
        """How many seconds (or numbers) before the last cursor a run begins, for rows that became visible late."""
        return number(settings, "look_back", 0)
