"""Lifetime value by gradient boosting beside BG/NBD: what each is good at, what neither may see, and what is kept."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from insights.clusters.grouping import Tampered
from insights.contracts import NotPossible
from insights.lifetime import boosting, comparing, contest, valuing
from insights.lifetime.boosting import Boosted, Examples, Recipe
from insights.lifetime.contracts import BGNBD, BOOSTING
from insights.lifetime.reading import share_of
from tests.insights.shoppers import as_of

_DAY = 86_400_000_000


def of(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


def lived(seed: int, people: int, *, by_channel: bool) -> tuple[Any, list[Any], list[Any]]:
    """Customers of BG/NBD and Gamma-Gamma's own process in two years: channels, and of each the days of orders and
    their values. `by_channel`: a first order is a sample for 10, and the channel says whether the next ones are worth
    10 or 400."""
    rng = np.random.default_rng(seed)
    begin, rate, leaves = rng.integers(0, 700, people), rng.gamma(0.8, 1 / 20, people), rng.beta(1.2, 4.0, people)
    channel, worth = rng.integers(0, 2, people), 6.25 / rng.gamma(3.74, 1 / 15.44, people)
    days, values = [], []
    for one in range(people):
        at, moments = float(begin[one]), [float(begin[one])]
        while (at := at + rng.exponential(1 / rate[one])) < 730:
            moments.append(at)
            if rng.random() < leaves[one]:
                break
        # Orders of one day are one.
        days.append(np.unique(np.floor(moments)))
        mean = np.full(len(days[-1]), worth[one])
        if by_channel:
            mean[:] = (10.0, 400.0)[channel[one]]
            mean[0] = 10.0
        values.append(rng.gamma(6.25, mean / 6.25))
    return channel, days, values


def at(cutoff: int, horizon: int, world: tuple[Any, list[Any], list[Any]]) -> tuple[Any, Examples]:
    """What was known at a cut-off, as histories and as examples with what came in the window after it."""
    channel, days, values = world
    rows = [one for one in range(len(days)) if days[one][0] < cutoff]

    def summed(begin: int, end: int, *, worth: bool) -> Any:
        within = [(days[one] >= begin) & (days[one] < end) for one in rows]
        pairs = zip(rows, within, strict=True)
        return of(*(float((values[one][those] if worth else those).sum()) for one, those in pairs))

    first = of(*(float(days[one][0]) for one in rows))
    newest = of(*(float(days[one][days[one] < cutoff].max()) for one in rows))
    orders, spent = summed(0, cutoff, worth=False), summed(0, cutoff, worth=True)
    told = valuing.Histories(np.array(rows), orders, newest - first, cutoff - first, spent)
    columns = {
        "frequency": orders, "monetary": spent, "recency_days": cutoff - newest, "tenure_days": cutoff - first,
        "average_order": spent / orders, "channel": ["ab"[channel[one]] for one in rows],
    }  # fmt: skip
    size = len(rows)
    return told, Examples(
        np.array(rows), np.full(size, cutoff * _DAY), np.full(size, (cutoff + horizon) * _DAY),
        summed(cutoff, cutoff + horizon, worth=True), columns,
    )  # fmt: skip


def cutoffs(seed: int, people: int, *, by_channel: bool, horizon: int = 60) -> list[tuple[Any, Examples]]:
    world = lived(seed, people, by_channel=by_channel)
    return [at(730 - horizon * place, horizon, world) for place in range(5, 0, -1)]


def decided(seed: int, *, people: int, by_channel: bool) -> tuple[str, Any]:
    """As a run does it: both at the level of the window before the judged one."""
    horizon = 60
    *earlier, (told, judged) = cutoffs(seed, people, by_channel=by_channel, horizon=horizon)
    learned = boosting.enough([one for _, one in earlier], horizon=horizon)
    model = boosting.fit(learned, boosting.choose(learned))
    before, then = earlier[-1]
    factor = valuing.check(before, before.orders, then.value, horizon=horizon).value_factor
    models = valuing.fit(told)
    plain = models.expected_orders(told, horizon) * models.order_value(told)
    trees = model.expected(judged.columns, len(judged))
    found = comparing.compare(
        {BGNBD: plain * factor, BOOSTING: trees}, judged.value, plain=plain, windows=4, rows=len(learned)
    )
    return comparing.better(found)[0], found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_customers_are_as_bg_nbd_says_it_is_kept(seed: int) -> None:
    method, found = decided(seed, people=800, by_channel=False)
    graph, trees, _ = found.methods
    assert method == BGNBD
    assert graph.explained > 0.3
    assert graph.explained > trees.explained


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_a_channel_tells_what_orders_do_not_boosting_is_used(seed: int) -> None:
    method, found = decided(seed, people=2_000, by_channel=True)
    graph, trees, _ = found.methods
    assert method == BOOSTING
    assert found.low > 0
    assert trees.explained > graph.explained
    assert trees.squared_error < graph.squared_error


@pytest.fixture(scope="module")
def world() -> tuple[Examples, Boosted, dict[str, Any]]:
    *earlier, (_, judged) = cutoffs(5, 600, by_channel=True)
    learned = boosting.joined([one for _, one in earlier])
    return learned, boosting.fit(learned, Recipe(3, 60, "time")), dict(judged.columns)


def test_the_same_examples_give_the_same_model_and_the_order_of_people_is_of_no_matter(world: Any) -> None:
    learned, model, columns = world
    assert boosting.choose(learned) == boosting.choose(learned)
    again = boosting.fit(learned, Recipe(3, 60, "time"))
    assert again.to_bytes() == model.to_bytes()
    size = len(columns["channel"])
    assert again.expected(columns, size).tolist() == model.expected(columns, size).tolist()
    alone = {name: column[7:8] for name, column in columns.items()}
    assert model.expected(alone, 1)[0] == pytest.approx(model.expected(columns, size)[7], rel=1e-9)


def test_a_stored_model_is_the_model_and_a_flipped_byte_is_refused(world: Any) -> None:
    _, model, columns = world
    body, sha256 = model.to_bytes()
    size = len(columns["channel"])
    loaded = Boosted.from_bytes(body, sha256)
    assert loaded.expected(columns, size).tolist() == model.expected(columns, size).tolist()
    flipped = bytearray(body)
    flipped[len(body) // 2] ^= 1
    with pytest.raises(Tampered, match="SHA-256 differs"):
        Boosted.from_bytes(bytes(flipped), sha256)


def test_effects_add_up_to_the_logarithm_of_the_value(world: Any) -> None:
    _, model, columns = world
    size = len(columns["channel"])
    told = model.effects(columns, size).sum(axis=1)
    assert np.abs(told - np.log(model.expected(columns, size))).max() <= 1e-4


def test_values_are_the_same_in_any_currency(world: Any) -> None:
    learned, model, columns = world
    yen = Examples(learned.people, learned.starts, learned.ends, learned.value * 1_000, learned.columns)
    size = len(columns["channel"])
    dear = boosting.fit(yen, Recipe(3, 60, "time")).expected(columns, size)
    assert dear == pytest.approx(model.expected(columns, size) * 1_000, rel=1e-3)


def test_what_was_sent_back_is_learned_as_nothing_and_judged_as_it_is(world: Any) -> None:
    learned, model, _ = world
    negative = learned.value.copy()
    negative[learned.value == 0] = -50.0
    back = Examples(learned.people, learned.starts, learned.ends, negative, learned.columns)
    assert boosting.fit(back, Recipe(3, 60, "time")).to_bytes() == model.to_bytes()
    told = comparing.measured(BGNBD, of(10, 0), of(-10, 30))
    assert (told.total, told.total_error, told.mean_error) == (10, -0.5, 25)
    assert np.isfinite(told.explained)


def test_a_value_of_few_people_is_not_in_the_model(world: Any) -> None:
    learned, _, _ = world
    told = list(learned.columns["channel"])
    told[:5] = ["anna@example.org"] * 5
    few = Examples(learned.people, learned.starts, learned.ends, learned.value, {**learned.columns, "channel": told})
    body, _ = boosting.fit(few, Recipe(2, 20, "time")).to_bytes()
    assert b"anna" not in body


def test_too_few_say_how_many_are_missing() -> None:
    with pytest.raises(NotPossible, match=r"0 customers were there 60 days ago \(200 are needed\)"):
        boosting.enough([], horizon=30)
    size = 300
    nobody = Examples(
        np.arange(size), np.zeros(size, dtype=np.int64), np.ones(size, dtype=np.int64), np.zeros(size), {}
    )  # fmt: skip
    with pytest.raises(NotPossible, match=r"0 times one of them ordered .* \(100 are needed\)"):
        boosting.enough([nobody], horizon=30)


def test_with_a_short_history_it_stops_early_on_other_people(world: Any) -> None:
    learned, _, _ = world
    assert boosting.choose(learned).by == "time"
    one = learned.take(learned.starts == learned.starts.max())
    assert boosting.choose(one).by == "people"


def test_windows_to_learn_from_have_closed_when_the_judged_one_begins() -> None:
    begin = as_of()
    for horizon in (30, 90, 365):
        told = contest.windows(begin, horizon, "Europe/Paris")
        assert all(ends <= begin for _, ends in told)
        assert all((ends - starts).days in (horizon - 1, horizon) for starts, ends in told)
        newest, oldest = told[0], told[-1]
        assert oldest[1] <= newest[0] + timedelta(hours=1)


def test_of_a_large_base_a_share_is_learned_from_that_bounds_the_memory() -> None:
    assert share_of(10_000, 5) == 1
    assert share_of(1_000_000, 5) == pytest.approx(0.04)


def test_gini_and_ranks_are_one_for_the_right_order_and_do_not_depend_on_that_of_equals() -> None:
    value = of(0, 0, 5, 100)
    assert comparing.gini(value, value) == pytest.approx(1)
    assert comparing.gini(-value, value) == pytest.approx(-1)
    assert comparing.gini(of(1, 1, 1, 1), value) == 0
    assert comparing.rank_correlation(value * 2, value) == pytest.approx(1)
    flat = of(1, 1, 2, 2)
    assert comparing.gini(flat, of(0, 10, 20, 30)) == comparing.gini(flat, of(10, 0, 30, 20))


def test_what_explains_is_the_mean_and_not_to_expect_too_little() -> None:
    value = of(0, 0, 0, 100)
    half, mean = np.full(4, 10.0), np.full(4, 25.0)
    little, right = (comparing.measured(BGNBD, one, value) for one in (half, mean))
    assert little.mean_error < right.mean_error, "errors without a sign reward who expects too little"
    assert little.explained < right.explained == 0
    # Poisson's deviance by hand: 2 (y ln(y / m) - (y - m)).
    assert comparing.deviances(of(10, 50), of(0, 100)) == pytest.approx([20, 2 * (100 * np.log(2) - 50)])
    assert np.isfinite(comparing.deviances(of(0, 0), of(0, 100))).all()


def told(graph: Any, trees: Any, value: Any) -> str:
    found = comparing.compare({BGNBD: graph, BOOSTING: trees}, value, plain=graph, windows=1, rows=1)
    method, why = comparing.better(found)
    assert ("boosting is used" in why) == (method == BOOSTING)
    return why


def test_boosting_must_explain_more_beyond_chance_and_neither_its_sum_nor_great_errors_be_worse() -> None:
    rng = np.random.default_rng(4)
    value = rng.gamma(2.0, 50.0, 500)
    noise = rng.normal(0, 0.4, 500)
    graph = value * np.exp(noise)
    assert "boosting is used" in told(graph, value * np.exp(noise / 2), value)
    assert "no better beyond chance" in told(graph, value * np.exp(noise[::-1]), value)
    assert "less well" in told(graph, value * np.exp(2 * noise), value)
    # Nearer to each, by next to nothing.
    assert "hardly better" in told(value * 1.02, value * 1.01, value)
    # One is far off with those who spent little, the other a little less, and with those who spent much.
    much = value > np.median(value)
    assert "who spent much" in told(np.where(much, value, value * 2.2), np.where(much, value * 1.5, value), value)
    # Nearer to each, and all to one side.
    assert "its sum was farther off" in told(graph / graph.sum() * value.sum(), value * 1.2, value)
