"""Weights are plain sums, the model survives storage, and clusters listen to negative evidence."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.linkage.comparing import COMPARISONS, LEVELS, field_of
from identity.linkage.deciding import VETO, clusters, decide
from identity.linkage.model import Model, Scored, bits, evidence, probability, waterfall

MODEL = Model.from_json({})
rows = st.tuples(*(st.integers(-1, len(LEVELS[field_of(name)]) - 1) for name in COMPARISONS))


def scored_of(weights: list[float]) -> Scored:
    """Scores of pairs that agree on name and phone, with these weights."""
    levels = np.zeros((len(weights), len(COMPARISONS)), dtype=np.int8)
    parts = np.full(levels.shape, 5.0)
    count = np.zeros(len(weights), dtype=np.intp)
    return Scored(levels, parts, parts, np.zeros(len(weights)), np.array(weights), count)


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=10), st.integers(1, 5_000_000))
def test_the_waterfall_sums_to_the_weight(levels: list[tuple[int, ...]], base: int) -> None:
    scored = MODEL.score(np.array(levels, dtype=np.int8), {}, base=base)
    for row in range(len(levels)):
        assert sum(part.bits for part in waterfall(scored, row)) == pytest.approx(float(scored.weights[row]))
    assert np.all((scored.probabilities >= 0) & (scored.probabilities <= 1))


@settings(deadline=None)
@given(rows)
def test_the_same_pair_is_less_sure_in_a_larger_base(levels: tuple[int, ...]) -> None:
    one = np.array([levels], dtype=np.int8)
    weights = [MODEL.score(one, {}, base=base).weights[0] for base in (20_000, 200_000, 2_000_000)]
    assert all(larger <= smaller + 1e-9 for smaller, larger in itertools.pairwise(weights))


def test_a_common_surname_weighs_less_than_a_rare_one_and_never_beyond_bounds() -> None:
    levels = np.full((3, len(COMPARISONS)), -1, dtype=np.int8)
    levels[:, COMPARISONS.index("surname")] = 0
    counted = {"surname": np.array([5_000.0, 50.0, 0.0])}
    common, usual, rare = MODEL.score(levels, counted, base=100_000).weights
    assert common < usual < rare
    assert rare - MODEL.score(levels, {}, base=100_000).weights[0] == pytest.approx(2.0)


def test_a_model_survives_storage() -> None:
    assert Model.from_json(MODEL.to_json()) == MODEL


def test_a_model_whose_probabilities_do_not_sum_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Model.from_json({"probabilities": {"sex": {"M": [0.9, 0.9], "N": [0.5, 0.5]}}})


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="thresholds"):
        Model.from_json({"review_above": 0.9, "link_above": 0.8})


def test_evidence_names_the_rival_and_says_it_in_words() -> None:
    levels = np.full((1, len(COMPARISONS)), -1, dtype=np.int8)
    for name, level in (("given", 4), ("surname", 0), ("birth_date", 0), ("location", 0)):
        levels[0, COMPARISONS.index(name)] = level
    told = evidence(MODEL.score(levels, {}, base=1_000), 0, MODEL)
    assert told["instead"] == "twins"
    assert told["words"] == "against it: given different"


def test_a_pair_that_speaks_loudly_against_it_splits_the_cluster() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    decisions = decide(pairs, scored_of([12.0, 9.0, VETO - 1]), banned=(), model=MODEL)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2)]
    assert [verdict.pair for verdict in decisions.reviews] == [(2, 3)]


def test_missing_evidence_does_not_split_a_cluster() -> None:
    decisions = decide([(1, 2), (2, 3)], scored_of([12.0, 9.0]), banned=(), model=MODEL)
    assert len(decisions.links) == 2


def test_a_banned_pair_is_neither_linked_nor_asked_nor_joined_by_others() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    decisions = decide(pairs, scored_of([12.0, 11.0, 10.0]), banned={(1, 3)}, model=MODEL)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2)]
    assert [verdict.pair for verdict in decisions.reviews] == [(2, 3)]


def test_a_tentative_cluster_beyond_all_measure_is_shown_and_not_linked() -> None:
    pairs = [(0, n) for n in range(1, 80)]
    decisions = decide(pairs, scored_of([12.0] * len(pairs)), banned=(), model=MODEL)
    assert decisions.links == []
    assert len(decisions.reviews) == len(pairs)


records = st.integers(1, 8)
weighed = st.dictionaries(
    st.tuples(records, records).filter(lambda pair: pair[0] < pair[1]), st.floats(-20, 20), max_size=15
)


@settings(deadline=None)
@given(weighed, st.randoms())
def test_clusters_hold_no_vetoed_pair_and_do_not_depend_on_order(weights: dict, random: object) -> None:  # type: ignore[type-arg]
    strong = [pair for pair, weight in weights.items() if weight >= bits(MODEL.link_above)]
    answer = clusters(strong, weights, set())
    shuffled = list(strong)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert clusters(shuffled, weights, set()) == answer
    for (a, b), weight in weights.items():
        if a in answer and b in answer and answer[a] == answer[b]:
            assert weight > VETO


def test_even_odds_are_zero_bits() -> None:
    assert bits(0.5) == 0.0
    assert probability(np.array([0.0, 2000.0, -2000.0])) == pytest.approx([0.5, 1.0, 0.0])
