"""The scorecard's figures equal counting pair by pair."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.demo.scoring import grade

_identifiers = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(1, 5)), max_size=30)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


@given(_identifiers)
def test_pairwise_figures_equal_counting_all_pairs(identifiers: list[tuple[str, int]]) -> None:
    pairs = list(combinations(identifiers, 2))
    truly = sum(a[0] == b[0] for a, b in pairs)
    found = sum(a[1] == b[1] for a, b in pairs)
    both = sum(a == b for a, b in pairs)
    quality = grade((person, profile, 1) for person, profile in identifiers).pairwise
    assert quality.precision == pytest.approx(_share(both, found))
    assert quality.recall == pytest.approx(_share(both, truly))


@given(_identifiers)
def test_b_cubed_figures_equal_the_mean_over_identifiers(identifiers: list[tuple[str, int]]) -> None:
    precision, recall = [], []
    for person, profile in identifiers:
        same = sum(other == (person, profile) for other in identifiers)
        precision.append(same / sum(other[1] == profile for other in identifiers))
        recall.append(same / sum(other[0] == person for other in identifiers))
    quality = grade((person, profile, 1) for person, profile in identifiers).b_cubed
    assert quality.precision == pytest.approx(_share(sum(precision), len(identifiers)))
    assert quality.recall == pytest.approx(_share(sum(recall), len(identifiers)))


@given(_identifiers)
def test_cells_may_be_counted_before_or_inside(identifiers: list[tuple[str, int]]) -> None:
    cells = [(person, profile, n) for (person, profile), n in Counter(identifiers).items()]
    assert grade(cells) == grade((person, profile, 1) for person, profile in identifiers)


@given(_identifiers)
def test_every_figure_lies_between_nothing_and_all(identifiers: list[tuple[str, int]]) -> None:
    grades = grade((person, profile, 1) for person, profile in identifiers)
    for quality in (grades.pairwise, grades.b_cubed):
        assert min(quality.precision, quality.recall, quality.f1) >= 0
        assert max(quality.precision, quality.recall, quality.f1) <= 1


def test_people_and_profiles_are_counted_with_those_that_are_right() -> None:
    grades = grade([("anna", 1, 3), ("anna", 2, 1), ("ben", 2, 2), ("cleo", 3, 1)])
    assert (grades.people, grades.profiles, grades.identifiers) == (3, 3, 7)
    assert grades.people_in_one_profile == 2
    assert grades.profiles_of_one_person == 2


def test_a_perfect_grouping_is_perfect() -> None:
    grades = grade([("anna", 1, 3), ("ben", 2, 2)])
    assert grades.pairwise.f1 == 1.0
    assert grades.b_cubed.f1 == 1.0
