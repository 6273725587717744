"""Weights are sums that can be shown, the model survives storage, and decisions keep to what is sure."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.linkage.bulk.comparing import pack, unpack
from identity.linkage.deciding import LARGEST_CLUSTER, decide, enough
from identity.linkage.explaining import evidence, waterfall
from identity.linkage.levels import (
    CLASSES,
    LEVELS,
    MISSING,
    MOST_OTHERS,
    RADIX,
    STANDARD,
    comparisons_of,
    field_of,
)
from identity.linkage.model import Model, Scored, log_odds, log_share, probability
from identity.linkage.start import presence
from identity.linkage.thresholds import THRESHOLD_FOR_FEW, expect

MODEL = Model()
TRAINED = Model(link_above=0.5, review_above=0.1, trained={"records": 1_000})
DATED = replace(  # the birth dates of one person hardly ever differ
    TRAINED,
    probabilities={**TRAINED.probabilities, "birth_date": {
        **TRAINED.probabilities["birth_date"], "M": [0.9, 0.04, 0.01, 0.008, 0.002, 0.035, 0.005]}},
)  # fmt: skip
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


def test_in_a_household_a_common_given_name_in_common_says_as_much_as_a_rare_one() -> None:
    levels = np.full((2, len(STANDARD)), -1, dtype=np.int8)
    for name in ("given", "surname", "location"):
        levels[:, STANDARD.index(name)] = 0
    term = next(n for n, one in enumerate(MODEL.terms) if one.column == "given")
    shares = log_share(np.array([2_000.0, 0.0]), 100_000, usual=0.004, least_base=MODEL.least_base)
    common, rare = MODEL.score(levels, {term: shares}, base=100_000).weights
    # What is left is the odds against strangers.
    assert common == pytest.approx(rare, abs=0.2)


def test_whether_there_is_a_middle_name_at_all_is_more_alike_in_one_person_than_in_two() -> None:
    levels = np.full((3, len(STANDARD)), -1, dtype=np.int8)
    levels[:, STANDARD.index("middle")] = [LEVELS["middle"].index(one) for one in ("one has none", "neither has one",
                                                                                   "different")]  # fmt: skip
    one, neither, different = MODEL.score(levels, {}, base=100_000).weights
    assert different < one < neither
    row = presence([0.2, 0.02, 0.02, 0.16, 0.6], [0.01, 0.01, 0.06, 0.42, 0.5], one_person=True)
    assert row[3:] == pytest.approx([0.21, 0.605])
    assert sum(row) == pytest.approx(1)


def test_a_birth_year_alone_singles_nobody_out() -> None:
    levels = np.full((2, len(STANDARD)), -1, dtype=np.int8)
    for name in ("given", "surname"):
        levels[:, STANDARD.index(name)] = 0
    levels[:, STANDARD.index("birth_date")] = [0, LEVELS["birth_date"].index("the same year")]
    assert enough(MODEL.score(levels, {}, base=20_000)).tolist() == [True, False]


def test_in_a_small_base_a_value_is_as_common_as_usual() -> None:
    (share,) = np.exp(log_share(np.array([0.0]), 10, usual=0.0015, least_base=20_000))
    assert share == pytest.approx(0.0015, rel=0.05)


def test_where_nearly_nobody_is_twice_only_what_is_nearly_certain_is_linked() -> None:
    chances = np.array([0.999] * 4 + [0.9] * 6 + [0.01] * 100)
    assert expect(chances, records=1_000).threshold < 0.6
    few = expect(chances, records=10_000)
    assert few.threshold == THRESHOLD_FOR_FEW
    assert few.precision == pytest.approx(0.999)
    assert few.f1 == pytest.approx(2 * 3.996 / (4 + chances.sum()))


def test_a_model_survives_storage() -> None:
    assert Model.from_json(MODEL.to_json()) == MODEL


@pytest.mark.parametrize(
    ("kind", "short", "unknown"),
    [
        ("fellegi-sunter 2", {"given": 6, "surname": 5, "location": 6, "birth_date": 5}, "middle"),
        ("fellegi-sunter 3", {"birth_date": 5, "middle": 3}, None),
    ],
)
def test_a_model_of_a_kind_before_is_read_with_start_values_for_what_it_did_not_know(
    kind: str, short: dict[str, int], unknown: str | None
) -> None:
    spec = {**MODEL.to_json(), "kind": kind}
    spec["comparisons"] = [name for name in STANDARD if name != unknown]
    spec["probabilities"] = {
        name: {
            one: [v / sum(row[: short.get(name, 9)]) for v in row[: short.get(name, 9)]] for one, row in rows.items()
        }
        for name, rows in spec["probabilities"].items()
        if name != unknown
    }
    read = Model.from_json(spec)
    assert read.comparisons == STANDARD
    for name in STANDARD:
        for one, row in MODEL.probabilities[name].items():
            assert read.probabilities[name][one] == pytest.approx(row)


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


def test_a_record_without_a_birth_date_does_not_make_one_of_father_and_son() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    scored = scored_of([3.8, 3.6, -3.4])
    scored.levels[:, STANDARD.index("birth_date")] = [MISSING, MISSING, LEVELS["birth_date"].index("different")]
    decisions = decide(pairs, scored, banned=(), model=DATED)
    assert [verdict.pair for verdict in decisions.links] == [(1, 2)]
    assert [verdict.pair for verdict in decisions.reviews] == [(2, 3)]
    # Where the birth dates of one person often differ they are no conflict.
    assert len(decide(pairs, scored, banned=(), model=TRAINED).links) == 2


def test_a_birth_date_that_is_known_to_be_wrong_is_no_conflict() -> None:
    pairs = [(1, 2), (2, 3), (1, 3)]
    scored = scored_of([9.0, 9.0, 4.0])
    scored.levels[:, STANDARD.index("birth_date")] = [0, MISSING, LEVELS["birth_date"].index("different")]
    assert len(decide(pairs, scored, banned=(), model=DATED).links) == 3


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


def test_more_further_columns_than_a_pattern_can_hold_are_refused() -> None:
    names = comparisons_of(f"column {n}" for n in range(MOST_OTHERS))
    levels = np.full((2, len(names)), RADIX - 2, dtype=np.int8)
    levels[1] = MISSING
    assert (unpack(pack(levels), names) == levels).all()
    with pytest.raises(ValueError, match="10 further columns are compared, and at most 9 can be"):
        comparisons_of(f"column {n}" for n in range(MOST_OTHERS + 1))
