"""Who is told of alerts, and limits of freshness, by the API."""

from collections.abc import Callable

import pytest

from common import clock
from common.models import User
from connectors import services as connectors
from quality.alerting.models import AlertDigest
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)


def test_mail_and_webhooks_are_kept_listed_and_dropped(api: Callable[..., Api]) -> None:
    admin = api("admin:*")
    User.objects.create(email="ann@example.com")
    mail = admin.post("/quality/recipients", {"way": "mail", "email": "ann@example.com", "reports": "own"}).json()
    assert (mail["to"], mail["secret"], mail["kinds"]) == ("ann@example.com", "", [])
    hook = admin.post("/quality/recipients", {"way": "webhook", "name": "Pager", "url": "https://pager.example.com"})
    assert (hook.status_code, hook.json()["secret"][:6]) == (201, "whsec_")
    found = admin.all("/quality/recipients")
    assert [one["way"] for one in found] == ["mail", "webhook"]
    assert all("secret" not in one for one in found)
    wrong = admin.post("/quality/recipients", {"way": "mail", "email": "bo@example.com"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/email")
    assert admin.delete(f"/quality/recipients/{mail['id']}").status_code == 204
    assert admin.delete(f"/quality/recipients/{mail['id']}").status_code == 404
    assert api("sync:write").get("/quality/recipients").status_code == 403


def test_digests_are_listed_and_sent_again(api: Callable[..., Api]) -> None:
    admin = api("admin:*")
    hook = admin.post("/quality/recipients", {"way": "webhook", "name": "Pager", "url": "https://pager.example.com"})
    made = AlertDigest.objects.create(
        recipient_id=int(hook.json()["id"]), content={"raised": [], "resolved": [{}], "reports": []}, state="unknown",
        made_at=clock.now(), due_at=clock.now(),
    )  # fmt: skip
    (one,) = admin.all("/quality/digests")
    assert (one["subject"], one["state"]) == ("1 alert over data quality resolved", "unknown")
    assert admin.post(f"/quality/digests/{made.pk}/send-again").json()["state"] == "waiting"
    assert admin.post(f"/quality/digests/{made.pk}/send-again").status_code == 404


def test_limits_of_freshness_are_kept_listed_and_taken_back(api: Callable[..., Api]) -> None:
    admin, source = api("admin:*"), connectors.create_source(name="Shop", kind="web", by="ann").id
    made = admin.post("/quality/freshness-limits", {"source_id": str(source), "minutes": 45, "weekdays": [1, 2]})
    assert (made.json()["event"], made.json()["passed"], made.json()["last_at"]) == ("", False, None)
    wrong = {"source_id": str(source), "minutes": 45, "time_zone": "Berlin"}
    assert admin.post("/quality/freshness-limits", wrong).json()["errors"][0]["pointer"] == "/time_zone"
    assert admin.post("/quality/freshness-limits", {"source_id": "999", "minutes": 45}).status_code == 404
    assert [one["minutes"] for one in admin.all("/quality/freshness-limits")] == [45]
    where = f"/quality/freshness-limits/{made.json()['id']}"
    assert [admin.delete(where).status_code for _ in range(2)] == [204, 404]
