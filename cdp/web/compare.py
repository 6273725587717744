"""Two profiles side by side. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from identity.contracts import ProfileView

_FIRST = ("name", "first_name", "firstName", "last_name", "lastName", "birth_date", "birthday", "email", "phone")


@dataclass(frozen=True, slots=True)
class Line:
    """One trait or kind of identifier of both; `verdict` is agrees, differs or one_sided."""

    field: str
    a: str
    b: str
    verdict: str


def lines(a: ProfileView, b: ProfileView) -> list[Line]:
    """Every identifier kind and trait that at least one of them has, telling ones first."""
    left, right = _facts(a), _facts(b)
    order = {name: index for index, name in enumerate(_FIRST)}
    fields = sorted({*left, *right}, key=lambda name: (order.get(name, 99), name))
    return [_line(field, left.get(field, ""), right.get(field, "")) for field in fields]


def _facts(profile: ProfileView) -> dict[str, str]:
    facts: dict[str, str] = {key: _text(value) for key, value in profile.traits.items()}
    by_kind: dict[str, list[str]] = {}
    for one in profile.identifiers:
        by_kind.setdefault(one.kind, []).append(one.value)
    for kind, values in by_kind.items():
        facts[kind] = ", ".join(sorted(values)[:5])
    return facts


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _line(field: str, a: str, b: str) -> Line:
    if not a or not b:
        return Line(field, a, b, "one_sided")
    return Line(field, a, b, "agrees" if a.casefold() == b.casefold() else "differs")


@dataclass(frozen=True, slots=True)
class Weight:
    """What one comparison says for or against, in bits; `size` and `sign` draw its bar."""

    label: str
    level: str
    bits: float

    @property
    def speaks(self) -> str:
        return "for" if self.bits > 0 else "against" if self.bits < 0 else "neither way"

    @property
    def size(self) -> float:
        return min(abs(self.bits), 20.0)


def weights(stored: Mapping[str, Any]) -> list[Weight]:
    """The weights of a pair as stored: `{name: bits}` or `{name: {"weight": bits, "level": text}}`."""
    found = []
    for name, value in stored.items():
        inner = value if isinstance(value, Mapping) else {"weight": value}
        bits = inner.get("weight", inner.get("bits"))
        if isinstance(bits, int | float):
            found.append(Weight(str(name), str(inner.get("level", "")), float(bits)))
    return sorted(found, key=lambda one: -abs(one.bits))
