"""Pages and API of predictions: the wizard with its meter, the model card, scores of a person, and single scores."""

import pytest
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import access, clock
from insights import selectors, services
from tests.api.conftest import Api
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(sender: Sender) -> Sender:
    crowd.fill(sender, clock.now())
    return sender


def work() -> None:
    while services.run_waiting(now=clock.now(), after=follow_moves) or services.plan_runs(now=clock.now()):
        pass


def test_a_marketer_goes_from_the_meter_to_scores_with_reasons(people: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    assert "No prediction yet" in text_of(viewer.get(reverse("web:predictions")))
    wizard = reverse("web:new_prediction")
    assert "Will churn" in text_of(marketer.get(wizard + "?as=churn"))
    told = {
        "name": "Will buy", "slug": "buy", "event": "Order Completed", "filters": "revenue >= 1", "goal": "does",
        "days": "30", "policy": "better", "groups": ["sex"], "features": ["recency_days", "orders_90d", "plan"],
        "score_every_days": "1",
    }  # fmt: skip
    wrong = marketer.post(wizard, {**told, "goal": "does_not", "check": ""})
    assert (wrong.status_code, "say within how many days" in text_of(wrong)) == (422, True)
    assert marketer.post(wizard, {**told, "filters": "revenue >", "check": ""}).status_code == 422
    assert "Enough to learn from" in text_of(marketer.post(wizard, {**told, "check": ""}))
    assert "Not enough data" in text_of(marketer.post(wizard, {**told, "event": "Nothing", "check": ""}))
    assert marketer.post(wizard, {**told, "create": ""}).status_code == 302
    page = reverse("web:prediction", args=["buy"])
    assert "computing" in text_of(viewer.get(page))
    work()
    ended = viewer.get(reverse("web:prediction_run", args=["buy"]), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    shown = viewer.get(page)
    assert 'data-chart="chart-scores"' in shown.content.decode()
    assert "prediction_buy_percentile" in text_of(shown)
    card = text_of(viewer.get(reverse("web:model_card", args=["buy", 1])))
    assert all(word in card for word in ("Fairness", "ROC-AUC", "SHA-256", "Limits", "Lift by tenth"))
    person = text_of(viewer.get(reverse("web:profile_scores", args=[people.profile("u2")])))
    assert "What each feature adds" in person
    assert "version 1" in text_of(viewer.get(reverse("web:predictions")))


def test_a_marketer_changes_a_prediction_and_goes_back_to_an_older_version(people: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    spec = {**crowd.SPEC, "where": [{"property": "revenue", "is": "gte", "value": 1}]}
    services.keep_prediction(slug="buy", name="Will buy", spec=spec, by="ann", now=clock.now())
    services.request_run(kind="training", slug="buy", by="ann", now=clock.now())
    work()
    page = reverse("web:prediction", args=["buy"])
    told = {"name": "Will buy", "event": "Order Completed", "filters": "revenue >= 1", "goal": "does",
            "policy": "better", "features": ["recency_days", "orders_90d", "plan"]}  # fmt: skip
    assert 'revenue >= 1"' in marketer.get(page).content.decode().replace("&gt;", ">")
    assert marketer.post(page, {**told, "days": "20"}).status_code == 302
    found = selectors.prediction("buy")
    assert found is not None
    assert (found.spec.days, found.spec.where[0]["property"]) == (20, "revenue")
    assert marketer.post(reverse("web:ask_prediction", args=["buy", "training"])).status_code == 302
    work()
    marketer.post(reverse("web:activate_version", args=["buy", 1]))
    assert "Version 1 is on" in text_of(marketer.get(page))
    assert marketer.post(reverse("web:roll_back_prediction", args=["buy"])).status_code == 302
    assert marketer.post(reverse("web:delete_prediction", args=["buy"])).status_code == 302
    assert viewer.get(page).status_code == 404


def test_the_api_keeps_trains_switches_and_scores(people: Sender) -> None:
    text, token = access.create_token(name="test", scopes=("segments:read", "segments:write", "profiles:read"))
    api = Api(text, token.pk)
    assert api.post("/predictions/meter", crowd.SPEC).json()["enough"]
    wrong = api.post("/predictions", {"slug": "buy", "spec": {**crowd.SPEC, "days": 0}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/spec/days")
    assert api.post("/predictions", {"slug": "buy", "spec": crowd.SPEC}).status_code == 200
    profile = str(people.profile("u1"))
    assert api.post("/predictions/buy/score", {"profiles": [profile]}).status_code == 409
    asked = api.post("/predictions/buy/train")
    assert asked.status_code == 202
    work()
    assert api.get(asked.headers["Location"].removeprefix("/api/v1")).json()["prediction"] == "buy"
    one = api.get("/predictions/buy").json()
    assert (one["versions"][0]["status"], one["scorings"][0]["people"]) == ("champion", crowd.PEOPLE)
    assert "reference" not in one["versions"][0]["figures"]
    assert api.get("/predictions").json()["data"][0]["slug"] == "buy"
    found = api.post("/predictions/buy/score", {"profiles": [profile, "99999999"]}).json()
    assert [row["profile_id"] for row in found] == [profile]
    assert 0 <= found[0]["score"] <= 1
    assert {row["feature"] for row in found[0]["reasons"]} == set(one["versions"][0]["figures"]["features"])
    assert api.post("/predictions/buy/score-all").status_code == 202
    assert api.post("/predictions/buy/train").status_code == 202
    work()
    assert api.post("/predictions/buy/activate", {"version": 9}).status_code == 422
    switched = api.post("/predictions/buy/activate", {"version": 1}).json()
    assert [row["version"] for row in switched["versions"] if row["status"] == "champion"] == [1]
    assert api.post("/predictions/buy/rollback").status_code in (200, 422)
    assert api.post("/predictions/none/train").status_code == 404
    assert api.delete("/predictions/buy").status_code == 204
    assert api.get("/predictions/buy").status_code == 404
