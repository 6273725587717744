"""Keyset pages: the last key of a page is the start of the next, so a page costs the same however deep it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django.http import HttpRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of one page; `next` is the key the next page starts after, or nothing."""

    SIZE: ClassVar[int] = 50

    rows: Sequence[T]
    next: str
    previous: bool
    previous_key: str = ""

    @property
    def told(self) -> str:
        """How much is shown, in words."""
        return f"{len(self.rows)} shown{', more follow' if self.next else ''}"


def page_of(rows: Sequence[T], *, key: Callable[[T], Any], started: bool, size: int = Page.SIZE) -> Page[T]:
    """A page out of up to `size + 1` rows: the one too many only says that more follow."""
    shown = rows[:size]
    return Page(rows=shown, next=str(key(shown[-1])) if len(rows) > size else "", previous=started)


def after_id(request: HttpRequest) -> int | None:
    """The key in the query string, when it is one."""
    text = request.GET.get("after", "")
    return int(text) if text.isdecimal() and len(text) < 19 else None
