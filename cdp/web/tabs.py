"""Tabs are links: each one is a page with an address of its own."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """One link of a tab bar."""

    label: str
    address: str
    current: bool


def tabs(links: Iterable[tuple[str, str]], here: str) -> list[Tab]:
    """The links as tabs, with the present page marked."""
    return [Tab(label, address, current=address == here) for label, address in links]
