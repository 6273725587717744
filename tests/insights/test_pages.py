"""Pages and API of insights: from what an order is to a heat map, groups with names, and features at an instant."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from common import access, clock
from insights import selectors, services
from tests.api.conftest import Api
from tests.insights.sending import Sender
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)
V1 = "/insights"


@pytest.fixture
def customers(sender: Sender) -> Sender:
    calls = [
        sender.order(f"u{n}", _ago(1 + n * 3), 10 + n % 3 * 100, order_id=f"{n}-{k}")
        for n in range(60)
        for k in range(1 + n % 3 * 4)
    ]  # fmt: skip
    sender.send(*calls)
    return sender


def holder(*scopes: str) -> Api:
    text, token = access.create_token(name="test", scopes=scopes)
    return Api(text, token.pk)


def _ago(days: int) -> str:
    return (clock.now() - timedelta(days=days)).isoformat()


def work() -> None:
    services.run_waiting(now=clock.now(), after=follow_moves)


def test_a_marketer_scores_people_and_a_viewer_reads_the_heat_map(customers: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    assert "Nothing is scored yet" in text_of(viewer.get(reverse("web:rfm")))
    assert marketer.post(reverse("web:ask_rfm", args=["rfm"])).status_code == 302
    assert "computing" in text_of(viewer.get(reverse("web:rfm")))
    assert viewer.get(reverse("web:insights_run", args=["rfm"]), headers={"HX-Request": "true"}).status_code == 200
    work()
    ended = viewer.get(reverse("web:insights_run", args=["rfm"]), headers={"HX-Request": "true"})
    assert ended.headers["HX-Refresh"] == "true"
    shown = viewer.get(reverse("web:rfm"))
    assert "60 customers" in text_of(shown)
    assert "Champions" in text_of(shown)
    assert 'data-chart="chart-rfm-heat-map"' in shown.content.decode()
    profile = reverse("web:profile", args=[customers.profile("u2")])
    assert "Insights, run" in text_of(viewer.get(profile))


def test_a_marketer_groups_people_names_a_group_and_changes_how(customers: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    told = {"name": "Customers", "slug": "main", "features": ["recency_days", "frequency", "monetary"],
            "method": "kmeans", "scaling": "zscore", "groups": "3", "components": "0",
            "sensitive": "rfm_segment, plan"}  # fmt: skip
    assert marketer.post(reverse("web:groupings"), {**told, "features": ["monetary"]}).status_code == 422
    assert marketer.post(reverse("web:groupings"), told).status_code == 302
    work()
    page = reverse("web:grouping", args=["main"])
    assert "SHA-256" in text_of(viewer.get(page))
    assert "What separates them" in text_of(viewer.get(page))
    assert 'data-chart="chart-group-radar"' in viewer.get(page).content.decode()
    marketer.post(reverse("web:name_group", args=["main", "c1"]), {"name": "Friends"})
    assert "Friends" in text_of(viewer.get(page))
    assert "Friends" in text_of(viewer.get(reverse("web:groupings")))
    kept = marketer.post(page, {**told, "groups": "4", "every_days": "7"})
    assert kept.status_code == 302
    found = selectors.clustering("main")
    assert found is not None
    assert (found.spec.groups, found.every_days) == (4, 7)
    assert marketer.post(reverse("web:delete_grouping", args=["main"])).status_code == 302
    assert viewer.get(page).status_code == 404


def test_features_are_declared_and_removed_and_an_order_is_said(db: None) -> None:
    one_of_each_role()
    marketer = signed_in("marketer")
    features, orders = reverse("web:features"), reverse("web:orders")
    wrong = marketer.post(features, {"name": "monetary", "measure": "count", "event": "Viewed"})
    assert wrong.status_code == 422
    assert "comes with the product" in text_of(wrong)
    assert marketer.post(features, {"name": "views", "measure": "count", "event": "Viewed"}).status_code == 302
    assert "views" in text_of(marketer.get(features))
    assert marketer.post(reverse("web:remove_feature", args=["views"])).status_code == 302
    assert "views" not in selectors.features()
    told = {**selectors.setting().orders.to_json(), "amount": "worth, total", "zone": "Europe/Berlin"}
    assert marketer.post(orders, told).status_code == 302
    assert selectors.setting().orders.amount == ("worth", "total")
    assert marketer.post(orders, {**told, "cancel_event": "Order Completed"}).status_code == 422


def test_the_api_tells_features_at_an_instant_and_runs_what_is_asked(customers: Sender) -> None:
    api = holder("segments:read", "segments:write", "profiles:read", "profiles:pii")
    profile = customers.profile("u2")
    found = api.get("/profiles/user_id:u2/features?names=frequency,monetary").json()
    assert found["features"] == {"frequency": 9.0, "monetary": 9 * 210.0}
    many = api.post(f"{V1}/features/values", {"profiles": [str(profile)], "names": ["frequency"]}).json()
    assert many == [{"profile_id": str(profile), "as_of": many[0]["as_of"], "features": {"frequency": 9.0}}]
    assert set(api.get(f"/profiles/{profile}/features").json()["features"]) == set(selectors.features())
    assert api.get(f"/profiles/{profile}/features?as_of=2020-01-01T00:00:00Z").json()["features"]["frequency"] == 0
    assert api.get(f"/profiles/{profile}/features?as_of=yesterday").status_code == 422
    assert api.get(f"/profiles/{profile}/features?names=nothing").status_code == 422
    assert api.get(f"{V1}/rfm").status_code == 404
    asked = api.post(f"{V1}/runs", {"kind": "rfm"})
    assert asked.status_code == 202
    work()
    assert api.get(asked.headers["Location"].removeprefix("/api/v1")).json()["state"] == "done"
    assert api.get(f"{V1}/rfm").json()["people"] == 60
    wrong = api.post(f"{V1}/groupings", {"slug": "main", "spec": {"features": ["monetary"]}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/spec/features")
    assert api.post(f"{V1}/groupings", {"slug": "main", "spec": {"groups": 3}}).status_code == 200
    assert api.post(f"{V1}/runs", {"kind": "clusters", "grouping": "none"}).status_code == 422
    api.post(f"{V1}/runs", {"kind": "clusters", "grouping": "main"})
    work()
    named: dict[str, Any] = api.post(f"{V1}/groupings/main/names", {"group": "c1", "name": "Friends"}).json()
    assert [one["name"] for one in named["model"]["groups"] if one["id"] == "c1"] == ["Friends"]
    assert api.get(f"{V1}/groupings").json()["data"][0]["slug"] == "main"
    assert api.delete(f"{V1}/groupings/main").status_code == 204
    assert api.get(f"{V1}/groupings/main").status_code == 404


def test_the_api_counts_cohorts(customers: Sender) -> None:
    api = holder("segments:read", "segments:write")
    assert api.get(f"{V1}/cohorts").status_code == 404
    assert api.post(f"{V1}/runs", {"kind": "cohorts"}).status_code == 202
    work()
    counted = api.get(f"{V1}/cohorts?period=week").json()
    assert counted["period"] == "week"
    assert all(one["cells"][0]["share"] == 1 for one in counted["cohorts"])
    assert api.get(f"{V1}/cohorts?period=year").status_code == 422
    asked = {"event": "Order Completed", "back": "any", "period": "week"}
    found = api.post(f"{V1}/cohorts/count", asked).json()
    assert (found["run_id"], sum(one["people"] for one in found["cohorts"])) == (
        None, sum(one["people"] for one in counted["cohorts"])
    )  # fmt: skip
    wrong = api.post(f"{V1}/cohorts/count", {"event": "a", "where": [{"property": "x", "op": "gt", "value": "much"}]})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/where")


def test_the_api_declares_features_says_what_an_order_is_and_masks_texts(customers: Sender) -> None:
    api = holder("segments:read", "segments:write", "profiles:read")
    customers.send({"type": "track", "event": "Asked", "userId": "u1", "properties": {"email": "ann@example.org"}})
    made = api.post(
        f"{V1}/features", {"name": "asked_from", "measure": "latest", "event": "Asked", "property": "email"}
    )
    assert (made.status_code, made.json()["type"]) == (200, "text")
    shown = api.get("/profiles/user_id:u1/features?names=asked_from").json()["features"]["asked_from"]
    assert shown == "a•••@example.org"
    assert api.delete(f"{V1}/features/asked_from").status_code == 204
    assert api.delete(f"{V1}/features/asked_from").status_code == 404
    assert api.post(f"{V1}/orders", {"zone": "Mars/Base"}).json()["errors"][0]["pointer"] == "/zone"
    assert api.post(f"{V1}/orders", {"zone": "Europe/Paris"}).json()["zone"] == "Europe/Paris"
    assert api.get(f"{V1}/orders").json()["order_event"] == "Order Completed"
