"""Repeated short texts as numbers, for statements that send each text once."""

from typing import Any

from common import pg


class Names(dict[str, int]):
    """Gives each new text the next number from 1 on, as PostgreSQL counts its arrays."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self) + 1
        return number

    def packed(self) -> Any:
        """The texts in order of their numbers, as `text[]`."""
        return pg.texts(self)
