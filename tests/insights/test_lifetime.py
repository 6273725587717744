"""Customer lifetime value: the formulas against published values and simulated customers, and the whole run."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from insights import selectors, services
from insights.contracts import BadLifetime, NotPossible
from insights.lifetime import bgnbd, gammagamma, valuing
from insights.lifetime.bgnbd import BgNbd
from insights.lifetime.gammagamma import GammaGamma
from insights.models import Run
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

# CDNOW, as fitted by Fader, Hardie, Lee (2005), table 2, and Fader, Hardie (2013).
CDNOW = BgNbd(0.243, 4.414, 0.793, 2.426)
SPENT = GammaGamma(6.25, 3.74, 15.44)


def of(*values: float) -> Any:
    return np.array(values, dtype=np.float64)


def test_the_customer_of_the_paper_is_expected_to_order_as_often_as_it_says() -> None:
    """Page 280: x = 2, t_x = 30.43, T = 38.86 weeks is expected to order 1.226 times in the next 39."""
    assert CDNOW.expected(39.0, of(2), of(30.43), of(38.86))[0] == pytest.approx(1.226, abs=5e-4)
    assert CDNOW.alive(of(2, 0), of(30.43, 0), of(38.86, 38.86)) == pytest.approx([0.7266, 1], abs=5e-4)


def test_the_customers_of_the_note_are_expected_to_spend_as_it_says() -> None:
    """Two orders of 22.35 lead to 24.66, none to the mean of all, 35.22, seven of 73.74 to 71.47."""
    assert SPENT.expected(of(2, 0, 7), of(22.35, 0, 73.74)) == pytest.approx([24.66, 35.22, 71.47], abs=0.01)


def simulated(seed: int, people: int = 4_000) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(0.8, 1 / 20, people), rng.beta(1.2, 4.0, people)
    observed = rng.uniform(100, 400, people)
    orders, last = np.zeros(people), np.zeros(people)
    for one in range(people):
        at = 0.0
        while (at := at + rng.exponential(1 / rate[one])) <= observed[one]:
            orders[one] += 1
            last[one] = at
            if rng.random() < leaves[one]:
                break
    return orders, last, observed


def test_parameters_of_simulated_customers_are_found_again_and_their_orders_foreseen() -> None:
    orders, last, observed = simulated(1)
    found = bgnbd.fit(orders, last, observed)
    assert (found.r, found.alpha) == pytest.approx((0.8, 20), rel=0.2)
    assert found.a / (found.a + found.b) == pytest.approx(1.2 / 5.2, rel=0.15)
    true = BgNbd(0.8, 20, 1.2, 4.0)
    assert found.log_likelihood(orders, last, observed).sum() >= true.log_likelihood(orders, last, observed).sum()
    expected = found.expected(90.0, orders, last, observed).sum()
    assert expected == pytest.approx(true.expected(90.0, orders, last, observed).sum(), rel=0.05)
    # In other units of time the same.
    weeks = bgnbd.fit(orders, last / 7, observed / 7)
    assert weeks.alpha * 7 == pytest.approx(found.alpha, rel=0.01)


def test_values_of_simulated_orders_are_found_again_in_any_currency() -> None:
    rng = np.random.default_rng(2)
    own, orders = rng.gamma(3.74, 1 / 15.44, 5_000), rng.integers(1, 8, 5_000)
    mean = of(*(rng.gamma(6.25, 1 / nu, n).mean() for nu, n in zip(own, orders, strict=True)))
    found = gammagamma.fit(orders.astype(float), mean)
    assert (found.p, found.q, found.gamma) == pytest.approx((6.25, 3.74, 15.44), rel=0.12)
    yen = gammagamma.fit(orders.astype(float), mean * 1_000)
    assert yen.population == pytest.approx(1_000 * found.population, rel=0.001)


def test_every_order_alike_has_that_value() -> None:
    orders = np.arange(200) % 5 + 1.0
    found = gammagamma.fit(orders, np.full(200, 30.0))
    assert found.expected(orders, np.full(200, 30.0)) == pytest.approx(np.full(200, 30.0), rel=0.01)


def test_one_who_ordered_once_and_one_who_ordered_today_have_finite_values() -> None:
    told = valuing.Histories(np.arange(3), of(1, 1, 900), of(0, 0, 700), of(300, 0, 700), of(10, 10_000, 9_000))
    models = valuing.Models(BgNbd(0.243, 30.9, 0.793, 2.426), SPENT)
    for column in (models.alive(told), models.expected_orders(told, 90), models.order_value(told),
                   models.next_order(told)):  # fmt: skip
        assert np.isfinite(column).all()
        assert (column >= 0).all()
    assert 10 < models.order_value(told)[0] < 35.22, "between their own and that of all"


@pytest.fixture
def customers(sender: Sender) -> Sender:
    """A hundred and fifty customers over a year: a third come every fortnight, a third did so until half a year ago, a
    third came once."""
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    calls = []
    for n in range(150):
        days = (range(360, 0, -14), range(360, 180, -14), range(300 - n, 299 - n, -1))[n % 3]
        for day in days:
            at = clock.now() - timedelta(days=max(day - n % 7, 1))
            calls.append(sender.order(f"u{n}", at.isoformat(), 20 + n % 10, order_id=f"{n}-{day}"))
    sender.send(*calls)
    return sender


def work() -> Run:
    services.run_waiting(now=clock.now(), after=follow_moves)
    return Run.objects.order_by("-pk")[0]


@pytest.mark.django_db(transaction=True)
def test_a_run_gives_traits_and_a_check_on_the_last_closed_window(customers: Sender) -> None:
    one_of_each_role()
    marketer, viewer, page = signed_in("marketer"), signed_in("viewer"), reverse("web:lifetime")
    assert "Nothing is computed yet" in text_of(viewer.get(page))
    assert marketer.post(reverse("web:ask_rfm", args=["lifetime"])).status_code == 302
    assert work().state == "done"
    regular, left, once = (_traits(customers.profile(f"u{n}")) for n in (0, 1, 2))
    assert regular["clv_alive"] > 0.9 > 0.5 > left["clv_alive"]
    assert regular["clv_orders"] > 3 * max(left["clv_orders"], once["clv_orders"])
    assert regular["clv_predicted"] == pytest.approx(20 * regular["clv_orders"], rel=0.5)
    assert regular["clv_total"] == pytest.approx(26 * 20 + regular["clv_predicted"], rel=0.1)
    assert clock.now().date().isoformat() < regular["clv_next_order"]
    assert "clv_next_order" not in left
    found = selectors.lifetime()
    assert found is not None
    assert found.check is not None
    assert (found.people, found.again, found.horizon_days, len(found.check.deciles)) == (150, 100, 90, 10)
    assert found.check.mean_error < found.check.naive_mean_error
    best, *_, worst = found.check.deciles
    assert best.value > worst.value
    shown = text_of(viewer.get(page))
    assert "150 customers" in shown
    assert "was expected" in shown
    told = holder("segments:read").get("/insights/lifetime").json()
    assert (told["people"], len(told["check"]["deciles"])) == (150, 10)


@pytest.mark.django_db(transaction=True)
def test_the_value_of_a_closed_day_is_the_same_again_and_too_few_customers_say_how_many(customers: Sender) -> None:
    closed = clock.now() - timedelta(days=30)
    before = []
    for _ in range(2):
        services.request_run(kind="lifetime", by="ann", now=clock.now(), as_of=closed)
        assert work().state == "done"
        before.append((work().figures, _traits(customers.profile("u0"))))
    assert before[0] == before[1]
    services.request_run(kind="lifetime", by="ann", now=clock.now(), as_of=clock.now() - timedelta(days=358))
    assert "(100 are needed)" in work().error


@pytest.mark.django_db(transaction=True)
def test_how_far_ahead_is_chosen_on_the_page_and_by_the_api(sender: Sender) -> None:
    one_of_each_role()
    marketer, writer = signed_in("marketer"), holder("segments:write", "segments:read")
    assert marketer.post(reverse("web:lifetime"), {"horizon_days": "365", "method": "best"}).status_code == 302
    assert selectors.lifetime_horizon() == 365
    assert marketer.post(reverse("web:lifetime"), {"horizon_days": "17", "method": "best"}).status_code == 422
    assert writer.get("/insights/lifetime/setting").json() == {"horizon_days": 365, "method": "best"}
    assert writer.post("/insights/lifetime/setting", {"horizon_days": 60}).json() == {
        "horizon_days": 60,
        "method": "best",
    }
    assert writer.post("/insights/lifetime/setting", {"horizon_days": 17}).status_code == 422
    assert writer.get("/insights/lifetime").status_code == 404
    with pytest.raises(BadLifetime, match="choose one of"):
        services.keep_lifetime_setting(horizon_days=1, by="ann", now=clock.now())
    with pytest.raises(NotPossible, match="ordered again"):
        valuing.fit(valuing.Histories(np.arange(1), of(1), of(0), of(1), of(1)))


def _traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return dict(view.traits)
