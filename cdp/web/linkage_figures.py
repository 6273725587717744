"""The figures of a linkage model and of a run as the pages show them. Pure; every figure may be missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdp.templatetags.cdp_web import num, percent
from identity.contracts import LinkageModelView

# Below so many decisions of stewards an interval is too wide to say anything.
LEAST_DECISIONS = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """One tile: what it is, its value as text, and what it means."""

    label: str
    value: str
    note: str


def estimates(model: LinkageModelView) -> list[Figure]:
    """What a model expects of itself; nothing for one that was never run over the base."""
    expected = model.figures.get("expected")
    if not expected:
        return []
    told = [
        _share(expected, "precision", "Expected precision", "an estimate: of the pairs it links, one person"),
        _share(expected, "recall", "Expected recall of the findable", "an estimate: of the pairs that were compared"),
        _count(expected, "matches", "Expected matches", "pairs of one person, an estimate"),
        Figure("Links from", percent(_threshold(model, "link_above")), "probability on, by itself"),
        _count(model.figures, "records", "Records", f"read, {num(model.figures.get('candidates'))} pairs compared"),
        _count(model.figures, "people", "People", "it would find in them"),
    ]
    return [one for one in told if one]


def _share(held: Mapping[str, Any], key: str, label: str, note: str) -> Figure | None:
    return Figure(label, percent(float(held[key])), note) if key in held else None


def _count(held: Mapping[str, Any], key: str, label: str, note: str) -> Figure | None:
    return Figure(label, num(round(float(held[key]))), note) if key in held else None


def _threshold(model: LinkageModelView, name: str) -> float:
    return float(model.spec.get(name, 0.95 if name == "link_above" else 0.5))


@dataclass(frozen=True, slots=True)
class Graded:
    """What stewards' decisions say of a model; `enough` when they are enough to say it."""

    pairs: int
    enough: bool
    lines: tuple[tuple[str, float, float, float], ...]


def graded(figures: Mapping[str, Any]) -> Graded:
    """Precision and recall on the decided pairs, each with its 95 % interval."""
    held = figures.get("graded") or {}
    pairs = int(held.get("pairs", 0))
    lines = [
        (label, float(held[key]), float(held.get(f"{key}_low", 0)), float(held.get(f"{key}_high", 1)))
        for key, label in (("precision", "Precision"), ("recall", "Recall of the decided")) if key in held
    ]  # fmt: skip
    return Graded(pairs, pairs >= LEAST_DECISIONS and bool(lines), tuple(lines))


@dataclass(frozen=True, slots=True)
class Side:
    """What lies on one side of the thresholds."""

    key: str
    label: str
    pairs: int
    people: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds on the grid of the curve, and what they do. `steps` are all places they can be put."""

    steps: tuple[float, ...]
    link: int
    review: int
    sides: tuple[Side, ...]
    precision: float
    recall: float


def thresholds(model: LinkageModelView) -> Thresholds | None:
    """The model's own thresholds on the grid that its curve was measured at; None when it was not measured."""
    curve: Sequence[Sequence[float]] = model.figures.get("curve") or ()
    bins: Sequence[Sequence[float]] = model.figures.get("histogram") or ()
    if not curve or not bins:
        return None
    steps = tuple(float(row[0]) for row in curve)
    link = _nearest(steps, _threshold(model, "link_above"))
    review = min(_nearest(steps, _threshold(model, "review_above")), link)
    return Thresholds(
        steps, link, review, _sides(curve, sum(int(row[2]) for row in bins), link, review),
        precision=float(curve[link][3]), recall=float(curve[link][4]),
    )  # fmt: skip


def _sides(curve: Sequence[Sequence[float]], every: int, link: int, review: int) -> tuple[Side, ...]:
    linked, asked = (tuple(int(one) for one in curve[at][1:3]) for at in (link, review))
    return (
        Side("linked", "Linked by themselves", *linked),
        Side("asked", "Put to a steward", asked[0] - linked[0], asked[1] - linked[1]),
        Side("apart", "Left apart", max(every - asked[0], 0), 0),
    )


def _nearest(steps: Sequence[float], wanted: float) -> int:
    return min(range(len(steps)), key=lambda at: abs(steps[at] - wanted))


@dataclass(frozen=True, slots=True)
class Change:
    """A link that would come or go, as an example."""

    a: int
    b: int
    probability: float


@dataclass(frozen=True, slots=True)
class Difference:
    """What a model or a run changes against what was live; `known` is false when nothing was compared."""

    known: bool
    added: int
    removed: int
    changed: int
    coming: tuple[Change, ...]
    going: tuple[Change, ...]

    @property
    def ids(self) -> set[int]:
        """Everybody the examples are about."""
        return {end for one in (*self.coming, *self.going) for end in (one.a, one.b)}


def difference(figures: Mapping[str, Any]) -> Difference:
    """The differences as numbers and examples."""
    examples = figures.get("examples") or {}
    return Difference(
        known="added" in figures or "removed" in figures,
        added=int(figures.get("added", 0)), removed=int(figures.get("removed", 0)),
        changed=int(figures.get("changed", 0)),
        coming=_changes(examples.get("added")), going=_changes(examples.get("removed")),
    )  # fmt: skip


def _changes(rows: Sequence[Sequence[float]] | None) -> tuple[Change, ...]:
    return tuple(Change(int(a), int(b), float(chance)) for a, b, chance in rows or ())
