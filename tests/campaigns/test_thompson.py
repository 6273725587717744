"""Bandits in simulated worlds whose truth is known: they find the best arm, give none up, and follow changes."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from campaigns.bandits.thompson import Count, Dimension, bucket_of, choose, posterior, report

START = datetime(2026, 11, 2, tzinfo=UTC)
ARMS = ["a", "b", "c"]


def world(
    truths: list[dict[str, float]], *, each: int, explore: float, half_life: float, seed: int
) -> tuple[list[Count], dict[str, int]]:
    """People come hour by hour; `truths[n]` holds in hour n. The counts, and how often each arm was shown at last."""
    draw, counts, last = Random(seed), [], dict.fromkeys(ARMS, 0)
    for hour, truth in enumerate(truths):
        now = START + timedelta(hours=hour)
        learned = posterior(counts, now=now, half_life_hours=half_life).get("", {})
        last = dict.fromkeys(ARMS, 0)
        rewarded = dict.fromkeys(ARMS, 0)
        for _ in range(each):
            arm = choose(ARMS, learned, explore=explore, draw=draw)
            last[arm] += 1
            rewarded[arm] += draw.random() < truth[arm]
        counts += [Count(now, "", arm, last[arm], rewarded[arm]) for arm in ARMS]
    return counts, last


@pytest.mark.parametrize("seed", range(5))
def test_the_best_arm_is_found_and_less_is_missed_than_by_showing_all_equally(seed: int) -> None:
    truth = {"a": 0.05, "b": 0.10, "c": 0.20}
    counts, last = world([truth] * 60, each=100, explore=0.05, half_life=0, seed=seed)
    assert last["c"] > 80
    learned = posterior(counts, now=START, half_life_hours=0)
    arms, regret = report(ARMS, counts, learned, seed=seed)
    assert arms[2].best > 0.99
    assert arms[2].low < 0.20 < arms[2].high
    missed = sum(one.shown * (0.20 - truth[one.arm]) for one in counts)
    assert regret.low * 0.7 < missed < regret.high * 1.3
    assert regret.missed < regret.uniform / 3
    assert regret.shown == 6_000


def test_no_arm_is_given_up() -> None:
    draw, learned = Random(1), {"a": (5_000.0, 5.0), "b": (5.0, 5_000.0), "c": (5.0, 5_000.0)}
    shown = [choose(ARMS, learned, explore=0.2, draw=draw) for _ in range(6_000)]
    # A third of those who explore: 400 each, give or take five standard deviations.
    assert 300 < shown.count("b") < 500
    assert 300 < shown.count("c") < 500


@pytest.mark.parametrize("seed", range(3))
def test_where_things_change_what_is_old_is_forgotten(seed: int) -> None:
    truths = [{"a": 0.30, "b": 0.10, "c": 0.10}] * 60 + [{"a": 0.05, "b": 0.10, "c": 0.30}] * 20
    _, forgetting = world(truths, each=60, explore=0.05, half_life=6, seed=seed)
    _, keeping = world(truths, each=60, explore=0.05, half_life=0, seed=seed)
    assert forgetting["c"] > 40
    assert forgetting["c"] > keeping["c"]


@given(st.lists(st.tuples(st.sampled_from(ARMS), st.integers(0, 50), st.integers(0, 50)), max_size=30), st.randoms())
def test_a_posterior_is_the_same_in_whatever_order_the_counts_come(
    told: list[tuple[str, int, int]], order: Random
) -> None:
    counts = [Count(START, "", arm, r + missed, r) for arm, r, missed in told]
    shuffled = order.sample(counts, len(counts))
    found = posterior(counts, now=START, half_life_hours=0)
    assert found == posterior(shuffled, now=START, half_life_hours=0)
    for arm, (a, b) in found.get("", {}).items():
        assert a == 1 + sum(one.rewarded for one in counts if one.arm == arm)
        assert a + b == 2 + sum(one.shown for one in counts if one.arm == arm)


def test_after_a_half_life_what_was_seen_counts_half() -> None:
    found = posterior([Count(START, "", "a", 10, 4)], now=START + timedelta(hours=12), half_life_hours=12)
    assert found == {"": {"a": [3.0, 4.0]}}


def test_intervals_are_those_of_the_beta_distribution() -> None:
    counts = [Count(START, "", "a", 200, 30), Count(START, "", "b", 200, 50)]
    arms, _ = report(["a", "b"], counts, posterior(counts, now=START, half_life_hours=0), draws=200_000)
    for arm in arms:
        low, high = stats.beta(arm.a, arm.b).ppf([0.025, 0.975])
        assert (arm.low, arm.high) == (pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
    better = stats.beta(arms[1].a, arms[1].b).expect(stats.beta(arms[0].a, arms[0].b).cdf)
    assert arms[1].best == pytest.approx(better, abs=5e-3)


def test_there_are_as_many_buckets_as_were_planned() -> None:
    dimensions = [Dimension("device", "context", ("mobile", "desktop")), Dimension("vip", "trait", ("true",))]
    assert bucket_of(dimensions, traits={"vip": True}, context={"device": "mobile"}) == "device=mobile, vip=true"
    assert bucket_of(dimensions, traits={"vip": "ann@example.org"}, context={}) == "device=other, vip=other"
    assert bucket_of([], traits={}, context={}) == ""
