"""Combined features where they are declared and used: page, API, files, groups, predictions."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from insights import selectors, services
from insights.models import Run
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)
V1 = "/insights/features"
BASKET = {"name": "basket", "measure": "ratio", "left": "revenue_90d", "right": "orders_90d"}


def ask(kind: str, slug: str) -> Run:
    made = services.request_run(kind=kind, slug=slug, by="ann", now=clock.now())
    services.run_waiting(now=clock.now(), after=follow_moves)
    found = Run.objects.get(pk=made.id)
    assert (found.state, found.error) == ("done", "")
    return found


def test_a_marketer_combines_two_features_by_choosing_and_reads_it_in_words(db: None) -> None:
    one_of_each_role()
    marketer, viewer, page = signed_in("marketer"), signed_in("viewer"), reverse("web:features")
    told = {**BASKET, "combine": "1"}
    refused = marketer.post(page, {**told, "right": "revenue_90d"})
    assert refused.status_code == 422
    assert "with itself it tells nothing" in text_of(refused)
    # What was chosen stays chosen, and the other form is left alone.
    assert '<option value="ratio" selected>' in refused.content.decode()
    assert "This field is required" not in text_of(refused)
    assert marketer.post(page, told).status_code == 302
    assert "Revenue, 90 days ÷ Orders, 90 days" in text_of(viewer.get(page))
    assert "Combine two features" not in text_of(viewer.get(page))
    assert marketer.post(page, {"name": "views", "measure": "count", "event": "Viewed"}).status_code == 302
    assert marketer.post(page, {**told, "name": "looks", "left": "views", "title": "Looks"}).status_code == 302
    other = {"name": "views", "title": "Views of a year", "measure": "count", "event": "Viewed", "window_days": 365}
    assert marketer.post(page, other).status_code == 302
    shown = text_of(marketer.get(page))
    assert "Views of a year is declared. Made of it, and changed with it: Looks." in shown
    assert "Views of a year divided by Orders, 90 days" in shown
    marketer.post(reverse("web:remove_feature", args=["views"]))
    assert "views is used by the feature “Looks” (looks)" in text_of(marketer.get(page))
    # What is combined is no part of another, so it cannot be chosen.
    assert '<option value="basket">' not in marketer.get(page).content.decode()


def test_the_api_declares_it_lists_it_and_tells_its_value(sender: Sender) -> None:
    for days in (1, 2):
        sender.send(sender.order("u1", (clock.now() - timedelta(days=days)).isoformat(), 10 * days))
    sender.send(sender.identify("u2", plan="pro"))
    api = holder("segments:read", "segments:write", "profiles:read")
    made = api.post(V1, BASKET).json()
    assert {key: made[key] for key in ("title", "formula", "parts", "unit", "type", "window_days")} == {
        "title": "Revenue, 90 days ÷ Orders, 90 days", "formula": "Revenue, 90 days ÷ Orders, 90 days",
        "parts": ["revenue_90d", "orders_90d"], "unit": "money", "type": "number", "window_days": 90,
    }  # fmt: skip
    assert api.get(f"{V1}?limit=200").json()["data"][-1] == made
    values = {user: api.get(f"/profiles/user_id:{user}/features?names=basket").json()["features"]
              for user in ("u1", "u2")}  # fmt: skip
    assert values == {"u1": {"basket": 15.0}, "u2": {"basket": None}}
    for wrong, pointer in (
        ({"right": "luck"}, "/right"), ({"left": "basket"}, "/left"), ({"measure": "power"}, "/measure"),
        ({"right": ""}, "/right"),
    ):  # fmt: skip
        answer = api.post(V1, {**BASKET, "name": "more", **wrong})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    api.post(V1, {"name": "views", "measure": "count", "event": "Viewed"})
    api.post(V1, {**BASKET, "name": "looks", "right": "views"})
    refused = api.delete(f"{V1}/views")
    assert refused.status_code == 422
    assert "looks" in refused.content.decode()
    assert api.delete(f"{V1}/looks").status_code == 204
    assert api.delete(f"{V1}/views").status_code == 204


def test_files_and_the_command_have_it(sender: Sender, tmp_path: Path) -> None:
    sender.send(sender.order("u1", (clock.now() - timedelta(days=1)).isoformat(), 10))
    sender.send(sender.identify("u2", plan="pro"))
    services.declare_feature(**BASKET, by="ann", now=clock.now())
    asked = services.request_table(features=["basket"], by="ann", now=clock.now())
    services.write_tables(now=clock.now())
    kept = pq.read_table(io.BytesIO(b"".join(selectors.table_file(asked.id))))
    call_command("features", out=tmp_path / "all.parquet", stdout=io.StringIO())
    call_command("export_log", out=tmp_path / "log", features="basket", stdout=io.StringIO())
    call_command("features", out=tmp_path / "log.parquet", engine="duckdb", log=tmp_path / "log", stdout=io.StringIO())
    files = kept, pq.read_table(tmp_path / "all.parquet"), pq.read_table(tmp_path / "log.parquet")
    assert [sorted(one.column("basket").to_pylist(), key=str) for one in files] == [[10.0, None]] * 3


def test_groups_and_predictions_learn_from_it_and_explain_it(people: Sender) -> None:
    services.declare_feature(**BASKET, by="ann", now=clock.now())
    services.declare_feature(
        name="pace", measure="product", left="orders_30d", right="recency_days", title="Pace", by="ann",
        now=clock.now(),
    )  # fmt: skip
    services.keep_clustering(
        slug="main", name="Main", spec={"features": ["basket", "pace"], "groups": 3}, by="ann", now=clock.now()
    )
    ask("clusters", "main")
    grouping = selectors.clustering("main")
    assert grouping is not None
    assert grouping.model is not None
    # Of whom nothing is bought is in no group: the parts are of orders.
    assert grouping.model.people == len(selectors.features_of(["basket"], as_of=clock.now(), buyers=True))
    spec: dict[str, Any] = {**crowd.SPEC, "features": ["basket", "pace", "recency_days"], "groups": []}
    services.keep_prediction(slug="buy", name="Will buy", spec=spec, by="ann", now=clock.now())
    ask("training", "buy")
    ask("scoring", "buy")
    prediction = selectors.prediction("buy")
    assert prediction is not None
    assert prediction.champion is not None
    learned, left_out = prediction.champion.figures["features"], prediction.champion.figures["left_out"]
    assert {"basket", "pace"} <= {*learned, *left_out}
    profile = people.profile("u1")
    scores = selectors.score_profiles("buy", [profile], now=clock.now())
    assert scores is not None
    titles = selectors.features()
    assert {one.title for one in scores[0].reasons} == {titles[name].title for name in learned}
    view = identity.profile_view(profile)
    assert view is not None
    assert "prediction_buy" in view.traits
    with pytest.raises(ValueError, match="basket is used by Main, Will buy;"):
        services.remove_feature(name="basket", by="ann", now=clock.now())


def test_another_meaning_of_a_feature_asks_for_what_was_computed_with_it(people: Sender) -> None:
    services.declare_feature(**BASKET, by="ann", now=clock.now())
    services.keep_clustering(
        slug="main", name="Main", spec={"features": ["basket", "frequency"], "groups": 3}, by="ann", now=clock.now()
    )
    ask("clusters", "main")
    for slug, read in (("buy", "basket"), ("other", "frequency")):
        spec: dict[str, Any] = {**crowd.SPEC, "features": ["recency_days", read], "groups": []}
        services.keep_prediction(slug=slug, name=slug, spec=spec, by="ann", now=clock.now())
        ask("training", slug)
    services.declare_feature(**{**BASKET, "title": "Basket"}, by="ann", now=clock.now())
    assert not Run.objects.filter(state=Run.State.WAITING).exists()
    services.declare_feature(**{**BASKET, "left": "revenue_365d"}, by="ann", now=clock.now())
    waiting = Run.objects.filter(state=Run.State.WAITING).order_by("kind")
    assert [(run.kind, str(run.clustering or run.prediction)) for run in waiting] == [
        ("clusters", "main"), ("training", "buy"),
    ]  # fmt: skip
