"""Pages and API of KPIs: what is counted is shown, held against something, noted and taken as a file."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from common import clock
from insights import selectors, services
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def counted(sender: Sender) -> Sender:
    now = clock.now()
    calls: list[dict[str, Any]] = [
        sender.order(f"u{n}", (now - timedelta(days=1 + n % 40)).isoformat(), 10 + n, order_id=f"{n}")
        for n in range(60)
    ]
    sender.send(*calls)
    services.refresh_kpis(now=clock.now())
    return sender


def test_a_viewer_sees_how_it_goes_and_takes_the_days_as_a_file(counted: Sender) -> None:
    one_of_each_role()
    viewer = signed_in("viewer")
    assert "How it goes" in text_of(viewer.get(reverse("web:home")))
    page = viewer.get(reverse("web:kpis"))
    assert "Average order value" in text_of(page)
    assert 'data-chart="chart-kpi-revenue"' in page.content.decode()
    one = viewer.get(reverse("web:kpi", args=["orders"]), {"by": "source", "days": "7"})
    assert "By source" in text_of(one)
    told = viewer.get(reverse("web:kpi_file", args=["orders"]), {"by": "source"}).content.decode().splitlines()
    assert told[0] == "day,source,name,orders,numerator,denominator"
    assert all(line.split(",")[2] == "Shop" for line in told[1:])
    assert len(told) == 29
    assert viewer.get(reverse("web:kpi", args=["luck"])).status_code == 404
    wrong = viewer.get(reverse("web:kpis"), {"from": "soon"})
    assert wrong.status_code == 422
    assert "give a day" in text_of(wrong)


def test_a_marketer_keeps_a_baseline_and_notes_what_happened(counted: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    yesterday = (clock.now() - timedelta(days=1)).date()
    week = {"from": f"{yesterday - timedelta(days=6)}", "to": f"{yesterday}"}
    assert marketer.post(reverse("web:keep_baseline"), {"name": "A week", **week}).status_code == 302
    assert "Against A week" in text_of(viewer.get(reverse("web:kpis"), {"baseline": "A week"}))
    assert marketer.post(reverse("web:annotate"), {"from": f"{yesterday}", "text": "New shop"}).status_code == 302
    assert "New shop" in text_of(viewer.get(reverse("web:kpi", args=["revenue"])))
    assert marketer.post(reverse("web:annotate"), {"from": "", "text": "New shop"}, follow=True).status_code == 200
    assert marketer.post(reverse("web:remove_baseline"), {"name": "A week"}).status_code == 302
    assert "none called A week" in text_of(viewer.get(reverse("web:kpis"), {"baseline": "A week"}))


def test_the_api_tells_the_same(counted: Sender) -> None:
    api = holder("segments:read", "segments:write")
    found = api.get("/insights/kpis?by=source&days=7").json()
    values = {one["kpi"]["key"]: one for one in found["values"]}
    assert values["orders"]["value"] == found["groups"][0]["values"][1]["value"] > 0
    days = api.get("/insights/kpis/orders/days?days=7").json()["data"]
    assert sum(one["numerator"] for one in days) == values["orders"]["value"]
    assert api.get("/insights/kpis?by=mood").status_code == 422
    assert api.get("/insights/kpis?days=x").status_code == 422
    assert api.get("/insights/kpis/luck/days").status_code == 404
    made = api.post("/insights/annotations", {"text": "Sale"}).json()
    assert api.get("/insights/annotations").json()["data"] == [made]
    assert api.delete(f"/insights/annotations/{made['id']}").status_code == 204
    assert api.delete(f"/insights/annotations/{made['id']}").status_code == 404
    span = found["period"]
    assert api.post("/insights/baselines", {"name": "b", **span}).status_code == 200
    assert api.get("/insights/kpis?baseline=b&days=7").json()["values"][1]["against_baseline"] == 0
    assert (
        api.post("/insights/baselines", {"name": "b", "first": "2020-01-01", "last": "2020-01-07"}).status_code == 422
    )
    assert api.delete("/insights/baselines/b").status_code == 204
    assert api.get("/insights/kpis?baseline=b").status_code == 422


def views(sender: Sender) -> None:
    now = clock.now()
    sender.send(*[
        {"type": "track", "event": "Viewed", "userId": f"u{n}",
         "timestamp": (now - timedelta(days=1 + n % 40, hours=1)).isoformat()}
        for n in range(60)
    ])  # fmt: skip


def test_a_marketer_counts_a_funnel_keeps_it_and_looks_where_people_go(counted: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    views(counted)
    asked = {"e1": "Viewed", "e2": "Order Completed", "within": "2", "unit": "hours", "by": "source"}
    page = viewer.get(reverse("web:funnels"), asked)
    assert 'data-chart="chart-funnel"' in page.content.decode()
    assert "By source" in text_of(page)
    query = "e1=Viewed&e2=Order+Completed&within=2&unit=hours"
    assert marketer.post(reverse("web:funnels"), {"name": "Buying", "query": query}).status_code == 302
    assert marketer.post(reverse("web:funnels"), {"name": "None", "query": ""}).status_code == 302
    kept = selectors.funnels()
    assert [one.name for one in kept] == ["Buying"]
    assert "Buying" in text_of(viewer.get(reverse("web:funnels")))
    assert "Give a number" in text_of(viewer.get(reverse("web:funnels"), {**asked, "within": "long"}))
    assert "give 2 to" in text_of(viewer.get(reverse("web:funnels"), {"e1": "Viewed"})).lower()
    ways = viewer.get(reverse("web:paths"), {"event": "Viewed", "within": "2", "unit": "hours"})
    assert 'data-chart="chart-paths"' in ways.content.decode()
    assert viewer.get(reverse("web:paths"), {"event": "Viewed", "levels": "9"}).status_code == 422
    assert marketer.post(reverse("web:remove_funnel", args=[kept[0].id])).status_code == 302


def test_the_api_counts_funnels_and_paths(counted: Sender) -> None:
    views(counted)
    api = holder("segments:read", "segments:write")
    spec = {"steps": [{"event": "Viewed"}, {"event": "Order Completed"}], "within_seconds": 7200}
    found = api.post("/insights/funnels/count", {"spec": spec}).json()
    assert found["steps"][0]["people"] == found["steps"][1]["people"] > 0
    assert found["median_seconds"] == pytest.approx(3600, abs=60)
    assert api.post("/insights/funnels/count", {"spec": {"steps": [{"event": "a"}]}}).status_code == 422
    made = api.post("/insights/funnels", {"name": "Again", "spec": spec}).json()
    assert api.get("/insights/funnels").json()["data"] == [made]
    assert api.delete(f"/insights/funnels/{made['id']}").status_code == 204
    assert api.delete(f"/insights/funnels/{made['id']}").status_code == 404
    ways_told = api.post("/insights/paths/count", {"event": "Viewed", "within_seconds": 7200, "levels": 1}).json()
    assert ways_told["links"][0]["there"] == "Order Completed"
