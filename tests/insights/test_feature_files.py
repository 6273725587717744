"""Feature files and training sets: what is in them, who may have them, and that nothing of them stays."""

import io
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from cdp import erasing
from common import clock
from common.models import AuditEntry
from connectors.storage.models import StoredFile
from insights import selectors, services
from insights.contracts import BadTable
from privacy import services as privacy
from tests.insights.sending import Sender
from tests.insights.test_pages import holder
from tests.web.conftest import one_of_each_role, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customers(sender: Sender) -> Sender:
    services.declare_feature(name="plan_told", measure="trait", property="email", by="ann", now=clock.now())
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    sender.send(
        sender.identify("u1", email="ann@example.org"),
        *(sender.order(user, _ago(days), 10, order_id=f"{user}-{days}") for user, days in (
            ("u1", 60), ("u1", 10), ("u2", 50), ("u3", 5))),
    )  # fmt: skip
    return sender


def _ago(days: int) -> str:
    return (clock.now() - timedelta(days=days)).isoformat()


def asked(**more: Any) -> int:
    given: dict[str, Any] = {"features": ["frequency", "recency_days", "plan_told"], "by": "ann", "now": clock.now()}
    return services.request_table(**{**given, **more}).id


def rows(file_id: int) -> dict[int, dict[str, Any]]:
    services.write_tables(now=clock.now())
    content = b"".join(selectors.table_file(file_id))
    return {row["profile_id"]: row for row in pq.read_table(io.BytesIO(content)).to_pylist()}


def test_a_file_holds_everybody_with_null_for_what_is_not_known_and_texts_masked(customers: Sender) -> None:
    found = rows(asked())
    assert {row["frequency"] for row in found.values()} == {2, 1}
    one = found[customers.profile("u1")]
    assert (one["recency_days"], one["plan_told"]) == (10, "a•••@example.org")
    assert found[customers.profile("u2")]["plan_told"] is None
    assert rows(asked(personal=True))[customers.profile("u1")]["plan_told"] == "ann@example.org"


def test_a_training_set_tells_what_came_after(customers: Sender) -> None:
    found = rows(asked(features=["frequency"], label_days=30))
    told = {user: found[customers.profile(user)] for user in ("u1", "u2", "u3")}
    assert {user: (one["frequency"], one["label_orders"], one["label_revenue"]) for user, one in told.items()} == {
        "u1": (1, 1, 10), "u2": (1, 0, 0), "u3": (0, 1, 10),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "field"),
    [({"features": []}, "features"), ({"features": ["luck"]}, "features"), ({"label_days": 7}, "label_days"),
     ({"as_of": clock.now(), "label_days": 30}, "as_of")],
)  # fmt: skip
def test_what_cannot_be_a_file_is_refused_with_its_field(db: None, more: dict[str, Any], field: str) -> None:
    with pytest.raises(BadTable, match=f"^{field}: "):
        asked(**{"features": ["frequency"], **more})


def test_files_go_after_a_week_and_when_anybody_is_erased(customers: Sender) -> None:
    rows(first := asked())
    assert services.expire_tables(now=clock.now() + timedelta(days=6)) == 0
    assert services.expire_tables(now=clock.now() + timedelta(days=8)) == 1
    rows(second := asked())
    assert StoredFile.objects.count() == 1
    privacy.request_erasure(profile_id=customers.profile("u2"), by="ann", now=clock.now())
    erasing.run_erasures(now=clock.now())
    assert StoredFile.objects.count() == 0
    for file_id in (first, second):
        found = selectors.table(file_id)
        assert found is not None
        assert found.state == "expired"
        assert list(selectors.table_file(file_id)) == []


def test_who_may_export_asks_on_the_page_and_takes_the_file(customers: Sender) -> None:
    one_of_each_role()
    marketer, viewer = signed_in("marketer"), signed_in("viewer")
    told = {"features": ["frequency"], "segment_id": "0", "label_days": "0", "personal": "on"}
    assert viewer.post(reverse("web:feature_files"), told).status_code == 403
    assert marketer.post(reverse("web:feature_files"), {**told, "features": []}).status_code == 422
    assert marketer.post(reverse("web:feature_files"), told).status_code == 302
    made = selectors.tables()[0]
    assert not made.personal
    services.write_tables(now=clock.now())
    assert viewer.get(reverse("web:feature_file", args=[made.id])).status_code == 403
    answer = marketer.get(reverse("web:feature_file", args=[made.id]))
    assert b"".join(answer.streaming_content).startswith(b"PAR1")  # type: ignore[attr-defined]
    assert AuditEntry.objects.filter(action="features.downloaded", object_id=str(made.id)).exists()

    api = holder("profiles:read")
    assert api.post("/insights/tables", {"features": ["frequency"], "personal": True}).status_code == 403
    assert api.post("/insights/tables", {"features": ["luck"]}).status_code == 422
    begun = api.post("/insights/tables", {"features": ["frequency"]}).json()
    assert api.get(f"/insights/tables/{begun['id']}/file").status_code == 409
    services.write_tables(now=clock.now())
    assert api.get(f"/insights/tables/{begun['id']}").json()["state"] == "done"
    assert api.get(f"/insights/tables/{begun['id']}/file").status_code == 200
    assert api.get("/insights/tables/10000").status_code == 404
