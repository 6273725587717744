"""Weights are sums that can be shown, the model survives storage, and decisions keep to what is sure."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.linkage.deciding import LARGEST_CLUSTER, decide
from identity.linkage.explaining import evidence, waterfall
from identity.linkage.levels import CLASSES, LEVELS, STANDARD, field_of
from identity.linkage.model import Model, Scored, log_odds, log_share, probability

MODEL = Model()
TRAINED = Model(link_above=0.5, review_above=0.1, trained={"records": 1_000})
rows = st.tuples(*(st.integers(-1, len(LEVELS[field_of(name)]) - 1) for name in STANDARD))


def scored_of(weights: list[float]) -> Scored:
    """Scores of pairs that agree on name and phone, with these weights."""
    levels = np.zeros((len(weights), len(STANDARD)), dtype=np.int8)
    logs = np.zeros((len(CLASSES), *levels.shape))
    logs[0] = 5.0
    return Scored(levels, logs, np.zeros(len(CLASSES)), np.array(weights))


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=10), st.integers(1, 5_000_000))
def test_the_waterfall_sums_to_the_weight(levels: list[tuple[int, ...]], base: int) -> None:
    scored = MODEL.score(np.array(levels, dtype=np.int8), {}, base=base)
    for row in range(len(levels)):
        total = float(scored.weights[row]) / np.log(2)
        assert sum(part.bits for part in waterfall(scored, row, MODEL)) == pytest.approx(total, abs=0.01)
    assert np.all((scored.probabilities >= 0) & (scored.probabilities <= 1))


@settings(deadline=None)
@given(rows)
def test_the_same_pair_is_less_sure_in_a_larger_base(levels: tuple[int, ...]) -> None:
    one = np.array([levels], dtype=np.int8)
    weights = [MODEL.score(one, {}, base=base).weights[0] for base in (20_000, 200_000, 2_000_000)]
    assert all(larger <= smaller + 1e-9 for smaller, larger in itertools.pairwise(weights))


def test_a_common_surname_weighs_less_than_a_rare_one() -> None:
    levels = np.full((3, len(STANDARD)), -1, dtype=np.int8)
    levels[:, STANDARD.index("surname")] = 0
    term = next(n for n, one in enumerate(MODEL.terms) if one.column == "surname")
    shares = log_share(np.array([5_000.0, 50.0, 0.0]), 100_000, usual=0.0015, least_base=MODEL.least_base)
    common, usual, rare = MODEL.score(levels, {term: shares}, base=100_000).weights
    assert common < usual < rare


def test_in_a_small_base_a_value_is_as_common_as_usual() -> None:
    (share,) = np.exp(log_share(np.array([0.0]), 10, usual=0.0015, least_base=20_000))
    assert share == pytest.approx(0.0015, rel=0.05)


def test_a_model_survives_storage() -> None:
    assert Model.from_json(MODEL.to_json()) == MODEL


def test_a_model_whose_probabilities_do_not_sum_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Model.from_json({"probabilities": {"sex": {"M": [0.9, 0.9], "N": [0.5, 0.5]}}})


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="thresholds"):
        Model.from_json({"review_above": 0.9, "link_above": 0.8})


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        Model.from_json({"kind": "neural"})


def test_evidence_names_the_rival_and_says_it_in_words() -> None:
    levels = np.full((1, len(STANDARD)), -1, dtype=np.int8)
    for name, level in (("given", 4), ("surname", 0), ("birth_date", 0), ("location", 0)):
        levels[0, STANDARD.index(name)] = level
    told = evidence(MODEL.score(levels, {}, base=1_000), 0, MODEL)
    assert told["instead"] == "twins"
    assert told["words"] == "against it: given different"


def test_one_pair_against_it_does_not_outweigh_two_for_it() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    decisions = decide(pairs, scored_of([8.0, 8.0, -1.0]), banned=(), model=TRAINED)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2), (2, 3)]


def test_a_weak_tie_does_not_join_what_speaks_against_it() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    decisions = decide(pairs, scored_of([8.0, 0.5, -9.0]), banned=(), model=TRAINED)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2)]
    assert [verdict.pair for verdict in decisions.reviews] == [(2, 3)]


def test_a_banned_pair_is_neither_linked_nor_asked_nor_joined_by_others() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    decisions = decide(pairs, scored_of([12.0, 11.0, 10.0]), banned={(1, 3)}, model=MODEL)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2)]
    assert [verdict.pair for verdict in decisions.reviews] == [(2, 3)]


def test_a_cluster_beyond_all_measure_is_shown_and_not_linked() -> None:
    people = range(LARGEST_CLUSTER + 5)
    pairs = list(itertools.combinations(people, 2))
    decisions = decide(pairs, scored_of([12.0] * len(pairs)), banned=(), model=MODEL)
    assert decisions.links == []
    assert len(decisions.reviews) == len(pairs)


def test_two_groups_that_hang_together_by_one_unsure_pair_are_a_question() -> None:
    pairs = [(1, 2), (3, 4), (2, 3)]
    weights = [9.0, 9.0, log_odds(0.8)]
    decisions = decide([*pairs, (1, 3), (2, 4), (1, 4)], scored_of([*weights, 0.4, 0.4, 0.4]), banned=(), model=TRAINED)
    assert (2, 3) in {verdict.pair for verdict in decisions.links}  # three more pairs speak for it
    decisions = decide(pairs, scored_of(weights), banned=(), model=TRAINED)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2), (3, 4)]
    assert [verdict.pair for verdict in decisions.reviews] == [(2, 3)]


records = st.integers(1, 8)
weighed = st.dictionaries(
    st.tuples(records, records).filter(lambda pair: pair[0] < pair[1]), st.floats(-20, 20), max_size=15
)


@settings(deadline=None)
@given(weighed, st.randoms())
def test_decisions_do_not_depend_on_order(weights: dict[tuple[int, int], float], random: object) -> None:
    def decided(pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
        if not pairs:
            return set()
        found = decide(pairs, scored_of([weights[pair] for pair in pairs]), banned={(1, 2)}, model=TRAINED)
        return {verdict.pair for verdict in found.links}

    shuffled = sorted(weights)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decided(shuffled) == decided(sorted(weights))
    assert (1, 2) not in decided(shuffled)


def test_even_odds_are_zero() -> None:
    assert log_odds(0.5) == 0.0
    assert probability(np.array([0.0, 2000.0, -2000.0])) == pytest.approx([0.5, 1.0, 0.0])
