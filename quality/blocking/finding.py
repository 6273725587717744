"""Where in a text personal data stands, by class. Pure."""

import re
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from typing import Any

from common.masking import mask
from quality.plan.observing import luhn

CLASSES = ("email", "phone", "card", "ip")
DEPTH, LONGEST = 8, 10_000

# Bounded, and no part can match what another could: linear in the length of the text.
_EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]?\d)", re.ASCII)
_IP = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]?\d)|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])",
    re.ASCII,
)
_PHONE = re.compile(r"(?<![\w+])\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\d)", re.ASCII)
# What of these classes has less than four digits is an IPv6 address, and has two colons.
_MAYBE = re.compile(r"(?:\d[^\d]{0,3}){4}|:[0-9a-fA-F]{0,4}:", re.ASCII)
_NUMBER = re.compile(r"\+?\d(?:[ ()./-]{0,2}\d){6,14}", re.ASCII)


def found(name: str, text: str, classes: Collection[str]) -> list[tuple[str, int, int]]:
    """(class, from, to) of what stands in a text, in order, without overlap; a number without its country is a phone
    where the property's name says so."""
    told: list[tuple[str, int, int]] = []
    for kind, start, end in _all(name, text[:LONGEST]):
        if kind in classes and all(end <= one[1] or start >= one[2] for one in told):
            told.append((kind, start, end))
    return sorted(told, key=lambda one: one[1])


def _all(name: str, text: str) -> Iterator[tuple[str, int, int]]:
    if "@" in text:
        yield from (("email", *one.span()) for one in _EMAIL.finditer(text))
    if not _MAYBE.search(text):
        return
    yield from (("card", *one.span()) for one in _CARD.finditer(text) if luhn(one[0]))
    yield from (("ip", *one.span()) for one in _IP.finditer(text) if _is_ip(one[0]))
    yield from (("phone", *one.span()) for one in _PHONE.finditer(text))
    named = name.lower()
    if ("phone" in named or "mobile" in named or named.startswith("tel")) and _NUMBER.fullmatch(text.strip()):
        yield "phone", 0, len(text)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return text != "::"


def masked(text: str, places: Collection[tuple[str, int, int]]) -> str:
    """The text with these places unreadable."""
    told, last = [], 0
    for kind, start, end in places:
        told += [text[last:start], mask("email" if kind == "email" else "ip", text[start:end])]
        last = end
    return "".join(told) + text[last:]


def leaves(told: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(place, text) of every text and whole number, lists entered."""
    if len(place) > DEPTH:
        return
    if isinstance(told, dict):
        for key, value in told.items():
            yield from leaves(value, (*place, key))
    elif isinstance(told, list):
        for number, value in enumerate(told):
            yield from leaves(value, (*place, number))
    elif isinstance(told, str):
        yield place, told
    elif type(told) is int and abs(told) > 999_999:
        yield place, str(told)
