"""Steward's decisions as labels, and figures with honest intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.linkage.explaining import evidence
from identity.linkage.figures import graded, wilson
from identity.linkage.labelling import LEAST_DECISIONS, calibrated, levels_of
from identity.linkage.levels import LEVELS, STANDARD, field_of
from identity.linkage.model import Model

MODEL = Model(trained={"records": 1_000})
# One version of e-mail at most is compared, and it follows the names that are shared; place excludes location.
facts = [name for name in STANDARD if not name.startswith("email") and name != "place"]


@given(st.fixed_dictionaries({name: st.integers(-1, len(LEVELS[field_of(name)]) - 1) for name in facts}))
def test_the_levels_come_back_from_the_evidence_that_is_kept(levels: dict[str, int]) -> None:
    row = np.array([[levels.get(name, -1) for name in STANDARD]], dtype=np.int8)
    kept = evidence(MODEL.score(row, {}, base=1_000), 0, MODEL)
    assert np.array_equal(levels_of([kept], MODEL), row)


def test_few_decisions_change_nothing() -> None:
    answers = [True] * (LEAST_DECISIONS - 1) + [False] * 500
    assert calibrated(MODEL, np.zeros(len(answers)), answers) == MODEL


@pytest.mark.parametrize(("matches", "sign"), [(180, 1), (20 + LEAST_DECISIONS, -1)])
def test_decisions_move_the_prior_towards_what_stewards_found(matches: int, sign: int) -> None:
    answers = [True] * matches + [False] * (225 - matches)
    moved = calibrated(MODEL, np.zeros(len(answers)), answers)
    assert (moved.pairs_a_record["M"] - MODEL.pairs_a_record["M"]) * sign > 0
    assert moved.probabilities == MODEL.probabilities
    assert moved.trained["calibrated_by"] == 225


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share_and_stays_within_bounds(hits: int, more: int) -> None:
    found = wilson(hits, hits + more)
    assert 0.0 <= found.low <= found.share + 1e-12
    assert found.share - 1e-12 <= found.high <= 1.0
    assert wilson(0, 0) == (0.0, 0.0, 1.0)


def test_a_model_is_graded_on_what_was_decided() -> None:
    told = graded([(0.9, True), (0.8, False), (0.2, True), (0.1, False)], threshold=0.5)
    assert (told["pairs"], told["precision"], told["recall"]) == (4, 0.5, 0.5)
