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
    """The parts of a pair's weight as linkage keeps them, the prior first; they sum to the weight."""
    parts = [part for part in stored.get("parts", ()) if isinstance(part, Mapping)]
    return [Weight(str(part["field"]), str(part.get("level", "")), float(part["bits"])) for part in parts]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the model makes of a pair as a whole."""

    bits: float
    instead: str
    words: str
    doubt: bool


def verdict(stored: Mapping[str, Any]) -> Verdict | None:
    """The sum of the parts, and what the pair would be instead of one person; None when nothing was kept."""
    if "weight" not in stored:
        return None
    return Verdict(
        bits=float(stored["weight"]),
        instead=str(stored.get("instead", "")),
        words=str(stored.get("words", "")),
        doubt=bool(stored.get("doubt")),
    )
