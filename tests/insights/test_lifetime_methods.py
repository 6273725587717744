"""Both methods of lifetime value through a whole run: the choice, what it says of each, and what it forgets."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from insights import selectors, services
from insights.contracts import BadLifetime
from insights.features.reading import feature_pieces, features_of
from insights.lifetime import contest
from insights.lifetime.boosting import Boosted, Examples, fit, joined
from insights.lifetime.reading import examples
from insights.models import LifetimeModel, Run
from insights.settings import setting
from privacy import services as privacy
from tests.insights import shoppers
from tests.insights.sending import Sender
from tests.insights.shoppers import HORIZON, as_of
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)
_FEATURES = ("frequency", "monetary", "recency_days", "tenure_days", "channel")


@pytest.fixture
def customers(sender: Sender) -> Sender:
    return shoppers.fill(sender)


def run() -> Run:
    services.request_run(kind="lifetime", by="ann", now=clock.now(), as_of=as_of())
    services.run_waiting(now=clock.now(), after=follow_moves)
    row = Run.objects.order_by("-pk")[0]
    assert (row.state, row.error) == ("done", "")
    return row


def traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return dict(view.traits)


def learned() -> Examples:
    """What boosting learns from, beside the judged window."""
    begin = contest.window_start(as_of(), HORIZON, "UTC")
    return joined(
        examples(
            _FEATURES, contest.windows(begin, HORIZON, "UTC"), orders=setting().orders, share=1.0, step=lambda: None
        )
    )


def test_boosting_is_used_where_the_channel_tells_more_and_says_why_of_each_customer(customers: Sender) -> None:
    run()
    found = selectors.lifetime()
    assert found is not None
    assert (found.method, found.version, found.chosen) == ("boosting", 1, "best")
    assert found.comparison is not None
    graph, trees, _ = found.comparison.methods
    assert trees.explained > graph.explained
    assert "boosting is used" in found.why
    assert found.check is not None
    assert found.check.mean_error == pytest.approx(trees.mean_error)
    assert "Channel" in [title for title, _ in found.leans]
    # Of each channel one who ordered twice, and lately.
    friend, coupon = (customers.profile(f"u{n}") for n in (11, 10))
    assert traits(friend)["clv_predicted"] > 5 * traits(coupon)["clv_predicted"]
    assert traits(friend)["clv_model"] == f"gradient boosting version 1, {as_of():%Y-%m-%d}"
    for profile in (friend, coupon):
        told = selectors.lifetime_of(profile)
        assert told is not None
        assert told.value == traits(profile)["clv_predicted"]
        assert sum(one.effect for one in told.reasons) != 0
        assert told.sentence.endswith(".")


def test_the_page_and_the_api_tell_the_method_and_the_reasons_of_a_customer(customers: Sender) -> None:
    one_of_each_role()
    run()
    friend = customers.profile("u11")
    shown = text_of(signed_in("viewer").get(reverse("web:profile_scores", args=[friend])))
    assert "gradient boosting version 1" in shown
    assert "What each feature adds to the logarithm" in shown
    page = text_of(signed_in("viewer").get(reverse("web:lifetime")))
    assert "boosting is used" in page
    assert "Values lean most on" in page
    api = holder("segments:read", "profiles:read")
    assert api.get("/insights/lifetime").json()["comparison"]["methods"][1]["method"] == "boosting"
    of_one = api.get(f"/profiles/{friend}/lifetime").json()
    assert (of_one["method"], of_one["value"]) == ("boosting", traits(friend)["clv_predicted"])
    assert of_one["reasons"][0]["title"]


def test_a_method_chosen_by_hand_is_used_and_an_older_view_has_defaults(customers: Sender) -> None:
    writer = holder("segments:write", "segments:read", "profiles:read")
    said = {"horizon_days": HORIZON, "method": "bgnbd"}
    assert writer.post("/insights/lifetime/setting", said).json() == said
    assert writer.post("/insights/lifetime/setting", {**said, "method": "magic"}).status_code == 422
    row = run()
    found = selectors.lifetime()
    assert found is not None
    assert (found.method, found.version, found.chosen) == ("bgnbd", None, "bgnbd")
    assert "chose it by hand" in found.why
    assert found.comparison is not None
    assert not LifetimeModel.objects.exists()
    profile = customers.profile("u61")
    assert traits(profile)["clv_model"] == f"BG/NBD + Gamma-Gamma, {as_of():%Y-%m-%d}"
    told = writer.get(f"/profiles/{profile}/lifetime").json()
    assert told["value"] == pytest.approx(traits(profile)["clv_predicted"], abs=0.02)
    assert (told["method"], told["reasons"]) == ("bgnbd", [])
    with pytest.raises(BadLifetime, match="method: choose one of"):
        services.keep_lifetime_setting(method="magic", by="ann", now=clock.now())
    # As a run from before boosting kept it.
    new = ("method", "version", "chosen", "why", "leans", "comparison")
    Run.objects.filter(pk=row.pk).update(figures={key: one for key, one in row.figures.items() if key not in new})
    old = selectors.lifetime()
    assert old is not None
    assert (old.method, old.comparison, old.why) == ("bgnbd", None, "")
    assert writer.get("/insights/lifetime").json()["method"] == "bgnbd"
    assert writer.get(f"/profiles/{profile}/lifetime").json()["value"] == told["value"]


def test_with_too_few_customers_bg_nbd_is_used_and_the_page_says_what_boosting_needs(sender: Sender) -> None:
    one_of_each_role()
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    services.keep_lifetime_setting(horizon_days=30, method="boosting", by="ann", now=clock.now())
    sender.send(*(shoppers.order(sender, n, day, 20 + n % 7) for n in range(120) for day in range(100 + n, 0, -20)))
    run()
    found = selectors.lifetime()
    assert found is not None
    assert (found.method, found.comparison) == ("bgnbd", None)
    page = text_of(signed_in("viewer").get(reverse("web:lifetime")))
    assert "(200 are needed)" in page
    assert "It was chosen by hand, and is used as soon as there is enough." in page


def test_nothing_of_the_judged_window_changes_what_is_learned_before_it(customers: Sender) -> None:
    before = learned()
    again = joined([before])
    customers.send(
        *(shoppers.order(customers, n, 1 + n % (HORIZON - 2), 9_999, order_id=f"new-{n}") for n in range(50)),
        # Sent back within the judged window, bought before it.
        *(
            {**shoppers.order(customers, n, 3, 0, order_id=f"{n}-{shoppers.orders_of(n)[0][0]}"),
             "event": "Order Refunded"}
            for n in range(300, 330)
        ),
    )  # fmt: skip
    after = learned()
    assert after.people.tolist() == before.people.tolist()
    assert after.value.tolist() == before.value.tolist()
    for name in _FEATURES:
        np.testing.assert_array_equal(after.columns[name], before.columns[name])
    recipe = contest.boosting.Recipe(3, 30, "time")
    assert fit(after, recipe).to_bytes() == fit(again, recipe).to_bytes()


def test_what_is_learned_is_net_of_what_was_sent_back_within_the_window(customers: Sender) -> None:
    before = learned()
    newest = before.starts.max()
    starts = 2 * HORIZON
    whom = [customers.profile(f"u{n}") for n in (300, 302, 304)]

    def values() -> list[float]:
        now = learned()
        return [float(now.value[(now.people == one) & (now.starts == newest)][0]) for one in whom]

    was = values()
    customers.send(*(shoppers.order(customers, n, starts - 5, 50, order_id=f"net-{n}") for n in (300, 302, 304)))
    assert values() == pytest.approx([one + 50 for one in was])
    customers.send(
        {**shoppers.order(customers, 300, starts - 6, 20, order_id="net-300"), "event": "Order Refunded"},
        {**shoppers.order(customers, 302, starts - 6, 50, order_id="net-302"), "event": "Order Refunded"},
        # After the window: at its end nobody knew.
        {**shoppers.order(customers, 304, HORIZON - 6, 50, order_id="net-304"), "event": "Order Refunded"},
    )  # fmt: skip
    assert values() == pytest.approx([was[0] + 30, was[1], was[2] + 50])


def test_who_is_erased_is_in_no_examples_and_in_no_model(customers: Sender) -> None:
    gone = customers.profile("u301")
    assert gone in learned().people
    privacy.request_erasure(profile_id=gone, by="ann", now=clock.now())
    privacy.run_erasures(now=clock.now(), after=follow_moves)
    assert gone not in learned().people
    run()
    stored = LifetimeModel.objects.get()
    assert b"u301" not in bytes(stored.body) + repr(stored.figures).encode()
    found = selectors.lifetime()
    assert found is not None
    assert found.people == shoppers.PEOPLE - 1
    assert selectors.lifetime_of(gone) is None


def test_the_same_day_has_the_same_values_again_and_few_models_are_kept(customers: Sender) -> None:
    told = []
    for _ in range(4):
        figures = run().figures
        told.append(({**figures, "version": 0}, traits(customers.profile("u61"))["clv_predicted"]))
    assert all(one == told[0] for one in told)
    assert list(LifetimeModel.objects.order_by("version").values_list("version", flat=True)) == [2, 3, 4]
    models = {one.sha256 for one in LifetimeModel.objects.all()}
    assert len(models) == 1


def test_a_run_that_was_cut_off_is_done_again_with_the_same_version_and_values(customers: Sender) -> None:
    row = run()
    before = (row.figures, traits(customers.profile("u11")))
    Run.objects.filter(pk=row.pk).update(state="waiting", figures={})
    services.run_waiting(now=clock.now(), after=follow_moves)
    row.refresh_from_db()
    assert (row.state, row.figures) == ("done", before[0])
    assert traits(customers.profile("u11")) == before[1]
    assert LifetimeModel.objects.get().version == 1


def test_a_tampered_model_is_refused_by_page_and_api(customers: Sender) -> None:
    one_of_each_role()
    run()
    stored = LifetimeModel.objects.get()
    body = bytearray(stored.body)
    body[len(body) // 2] ^= 1
    LifetimeModel.objects.filter(pk=stored.pk).update(body=bytes(body))
    profile = customers.profile("u61")
    answer = holder("profiles:read").get(f"/profiles/{profile}/lifetime")
    assert answer.status_code == 422
    assert "SHA-256 differs" in answer.json()["detail"]
    assert "SHA-256 differs" in text_of(signed_in("viewer").get(reverse("web:profile_scores", args=[profile])))
    run()
    assert selectors.lifetime_of(profile) is not None, "the next run learns a new one"


def test_features_come_in_pieces_as_they_come_at_once(customers: Sender) -> None:
    at = as_of() - timedelta(days=30)
    whole = features_of(_FEATURES, as_of=at, buyers=True)
    parts = list(feature_pieces(_FEATURES, as_of=at, orders=setting().orders, buyers=True, size=37))
    assert max(len(one) for one in parts) == 37
    assert np.concatenate([one.profile_ids for one in parts]).tolist() == whole.profile_ids.tolist()
    for name in _FEATURES:
        np.testing.assert_array_equal(np.concatenate([one.columns[name] for one in parts]), whole.columns[name])


def test_a_stored_model_is_what_the_run_used(customers: Sender) -> None:
    run()
    stored = LifetimeModel.objects.get()
    model = Boosted.from_bytes(bytes(stored.body), stored.sha256)
    table = features_of(model.features, as_of=as_of(), buyers=True)
    values = model.expected(table.columns, len(table))
    for place in range(0, len(table), 29):
        assert traits(int(table.profile_ids[place]))["clv_predicted"] == pytest.approx(values[place], abs=0.006)
    assert {"depth", "rounds", "by", "rows"} == set(stored.figures)
