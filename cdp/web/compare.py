"""Two profiles side by side. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdp.web import linkage_words
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


# Of the parts of a weight these are no facts about the two.
_NO_FACTS = ("prior", "other explanations")
_TELLING = 1.0


@dataclass(frozen=True, slots=True)
class Weight:
    """What one part says for or against, in bits, and its bar in the waterfall: hundredths of the width."""

    label: str
    level: str
    bits: float
    x: float = 0.0
    width: float = 0.0
    zero: float = 0.0

    @property
    def speaks(self) -> str:
        return "for" if self.bits > 0 else "against" if self.bits < 0 else "neither way"

    @property
    def name(self) -> str:
        """The part in words."""
        return linkage_words.label(self.label)

    @property
    def found(self) -> str:
        """What was found, in words."""
        return linkage_words.level(self.level)


def weights(stored: Mapping[str, Any]) -> list[Weight]:
    """The parts of a pair's weight as linkage keeps them, the prior first; they sum to the weight.

    Each is rounded to hundredths so that what is shown sums to what is shown of the weight.
    """
    parts = [part for part in stored.get("parts", ()) if isinstance(part, Mapping)]
    running = [0.0]
    for part in parts:
        running.append(running[-1] + float(part["bits"]))
    marks = [round(one, 2) for one in running]
    total = round(float(stored.get("weight", running[-1])), 2)
    if parts and abs(total - running[-1]) < _ROUNDING:
        marks[-1] = total
    return _bars(parts, marks)


_ROUNDING = 0.011


def _bars(parts: Sequence[Mapping[str, Any]], marks: Sequence[float]) -> list[Weight]:
    low, high = min(marks), max(marks)
    scale = 100 / ((high - low) or 1.0)
    return [
        Weight(
            label=str(part["field"]), level=str(part.get("level", "")), bits=round(end - start, 2),
            x=round((min(start, end) - low) * scale, 2), width=round(max(abs(end - start) * scale, 0.6), 2),
            zero=round((0.0 - low) * scale, 2),
        )
        for part, start, end in zip(parts, marks, marks[1:], strict=False)
    ]  # fmt: skip


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
        bits=round(float(stored["weight"]), 2),
        instead=str(stored.get("instead", "")),
        words=in_words(weights(stored)),
        doubt=bool(stored.get("doubt")),
    )


def in_words(parts: Sequence[Weight]) -> str:
    """The strongest facts for and against one person, in a sentence each."""
    facts = sorted((one for one in parts if one.label not in _NO_FACTS), key=lambda one: -abs(one.bits))
    pro = [f"{one.name} ({one.found})" for one in facts if one.bits > _TELLING][:4]
    con = [f"{one.name} ({one.found})" for one in facts if one.bits < -_TELLING][:4]
    told = [f"For one person: {', '.join(pro)}." if pro else "", f"Against it: {', '.join(con)}." if con else ""]
    return " ".join(filter(None, told)) or "Nothing speaks clearly for or against one person."
