"""How right a grouping is, beside the truth: pairwise and B-cubed precision, recall and F1. Pure.

A cell is (person, profile, n): n identifiers of that person stand in that profile. All figures follow from the cells,
so millions of pairs are never looked at one by one.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

Cell = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Quality:
    """Precision: the share of what was put together that belongs together. Recall: the reverse."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both; 0 when both are 0."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Grades:
    """The grouping in figures. Nothing at all counts as perfect: there was nothing to get wrong."""

    identifiers: int
    people: int
    profiles: int
    people_in_one_profile: int
    profiles_of_one_person: int
    pairwise: Quality
    b_cubed: Quality


def grade(cells: Iterable[Cell]) -> Grades:
    """Grade a grouping of identifiers into profiles against the people they belong to."""
    counted: Counter[tuple[str, int]] = Counter()
    for person, profile, n in cells:
        counted[person, profile] += n
    of_person: Counter[str] = Counter()
    of_profile: Counter[int] = Counter()
    for (person, profile), n in counted.items():
        of_person[person] += n
        of_profile[profile] += n
    total = sum(of_person.values())
    together = sum(_pairs(n) for n in counted.values())
    return Grades(
        identifiers=total,
        people=len(of_person),
        profiles=len(of_profile),
        people_in_one_profile=sum(parts == 1 for parts in Counter(person for person, _ in counted).values()),
        profiles_of_one_person=sum(parts == 1 for parts in Counter(profile for _, profile in counted).values()),
        pairwise=Quality(
            precision=_share(together, sum(map(_pairs, of_profile.values()))),
            recall=_share(together, sum(map(_pairs, of_person.values()))),
        ),
        b_cubed=Quality(
            precision=_share(sum(n * n / of_profile[profile] for (_, profile), n in counted.items()), total),
            recall=_share(sum(n * n / of_person[person] for (person, _), n in counted.items()), total),
        ),
    )


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 1.0
