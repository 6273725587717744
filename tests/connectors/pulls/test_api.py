"""A pull by the API: set up, tested, tried, mapped, steered."""

from typing import Any

import psycopg
import pytest

from common import clock
from common.access import create_token
from common.masking import shape_of
from connectors import services
from tests.api.conftest import Api
from tests.connectors.carriers.test_postgres_table import Wire
from tests.connectors.pulls.test_postgres import _FILL, _PEOPLE, IDENTIFY, secrets, settings
from tests.connectors.pulls.world import BY, Asked

pytestmark = pytest.mark.django_db(transaction=True)


def api(*scopes: str) -> Api:
    token, row = create_token(name="T", scopes=list(scopes), by=BY)
    return Api(token, row.pk)


def test_a_pull_is_set_up_mapped_read_and_steered(asked: Asked, wire: Wire, shop: psycopg.Connection[Any]) -> None:
    shop.execute(_PEOPLE)
    shop.execute(_FILL, [1, 25])
    admin, here = api("admin:*"), f"/sources/{asked.id}/pull"
    assert admin.get(here).status_code == 404
    given = {"kind": "postgres", "settings": settings(wire), "secrets": secrets()}
    assert admin.post(f"{here}/test", given).json()["ok"]
    kept = admin.post(here, {**given, "every_minutes": 5}).json()
    assert (kept["state"], kept["secrets_set"], kept["every_minutes"]) == ("draft", ["password"], 5)
    assert admin.post(f"{here}/run").status_code == 409
    shown = admin.post(f"{here}/preview", {"mapping": IDENTIFY}).json()
    assert (len(shown["rows"]), shown["problems"]) == (20, [])
    assert shown["rows"][0]["items"][0]["traits"]["email"] == "p1@example.com"
    assert admin.post(f"{here}/preview", {"mapping": {"rows": "identify", "columns": 5}}).json()["problems"]
    wrong = admin.post(f"{here}/mapping", {"mapping": {"rows": "identify", "columns": [{"name": 5, "to": []}, 7]}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/mapping")
    assert admin.post(f"{here}/mapping", {"mapping": IDENTIFY}).json()["state"] == "waiting"
    services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set())
    reader = api("sync:read")
    told = reader.get(here).json()
    assert (told["read_until"], told["problem"]) == ("2026-01-01T00:00:25.000Z", "")
    for act, state in (("pause", "paused"), ("resume", "waiting"), ("run", "waiting"), ("reset", "waiting")):
        assert admin.post(f"{here}/{act}").json()["state"] == state
    assert reader.get(here).json()["read_until"] == ""
    services.read_pulls(now=clock.now(), suppressed=lambda conn, keys: set())
    runs = reader.all(f"{here}/runs", limit=1)
    assert [(one["rows"], one["state"]) for one in runs] == [(25, "done"), (25, "done")]


def test_what_is_wrong_is_pointed_at_and_who_may_not_is_refused(asked: Asked, wire: Wire) -> None:
    admin, here = api("admin:*"), f"/sources/{asked.id}/pull"
    wrong = admin.post(here, {"kind": "postgres", "settings": {**settings(wire), "key": ""}, "secrets": secrets()})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/key")
    assert admin.post(here, {"kind": "abacus"}).json()["errors"][0]["pointer"] == "/kind"
    assert admin.post("/sources/99999/pull", {"kind": "postgres"}).status_code == 404
    assert admin.post(f"{here}/preview", {}).status_code == 404
    assert api("sync:read").post(f"{here}/run").status_code == 403


def test_a_preview_shows_only_shapes_to_those_who_may_not_see_people() -> None:
    item = {"type": "identify", "traits": {"email": "ann@example.com", "tags": ["vip"], "age": 41, "old": None}}
    assert shape_of(item) == {
        "type": "identify", "traits": {"email": "a•••@example.com", "tags": ["v•••"], "age": "4•••", "old": None},
    }  # fmt: skip
