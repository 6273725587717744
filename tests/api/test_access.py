"""Every route with every scope, and what comes without a token."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from cdp.api import urls
from cdp.api.openapi import document
from common.access import SCOPES
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def operations() -> Iterator[tuple[str, str, str]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            filled = path.replace("{reference}", "1").replace("{slug}", "press").replace("{key}", "newsletter")
            filled = re.sub(r"\{\w+\}", "1", filled)
            yield method, filled.removeprefix("/api/v1"), operation["x-scope"]


def call(api: Api, method: str, path: str) -> Any:
    if method == "delete":
        return api.client.delete(f"/api/v1{path}")
    return api.get(path) if method == "get" else getattr(api, method)(path, {})


# Committed: some tokens are looked up by a thread beside (`cdp.api.enduring`).
@pytest.mark.django_db(transaction=True)
def test_each_operation_needs_its_own_scope_and_no_other_one_will_do(api: Callable[..., Api]) -> None:
    single = [one for one in SCOPES if one != "admin:*"]
    admin, alone = api("admin:*"), {scope: api(scope) for scope in single}
    # Whom all other scopes together do not let in, none of them does.
    others = {scope: api(*(one for one in single if one != scope)) for scope in single}
    for method, path, scope in operations():
        for holder in (admin, alone.get(scope, admin)):
            answer = call(holder, method, path)
            assert answer.status_code not in (401, 403, 500), (method, path, scope, answer.status_code)
        refused = call(others.get(scope) or others["profiles:read"], method, path)
        assert (refused.status_code, refused.json()["scope"]) == (403, scope), (method, path)


def test_without_a_token_or_with_a_bad_one_nothing_is_answered(client: Client) -> None:
    for method, path, _ in operations():
        bare = getattr(client, method)(f"/api/v1{path}")
        assert bare.status_code == 401, (method, path)
        assert bare.headers["WWW-Authenticate"].startswith("Bearer")
        assert bare.headers["Content-Type"] == "application/problem+json"
    for text in ("Bearer", "Bearer x", "Bearer cdp_live_a_b", "Basic eDp5", "Bearer a b", "Bearer \xff\xfe"):
        assert client.get("/api/v1/profiles", headers={"Authorization": text}).status_code == 401


def test_every_method_of_every_route_is_documented_and_has_a_scope() -> None:
    documented = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "cls", None)
        if view is None or view is urls.Nowhere:
            continue
        path = "/api/" + str(pattern.pattern).replace("<str:", "{").replace("<path:", "{").replace(">", "}")
        served = {method for method in ("get", "post", "patch", "put", "delete") if hasattr(view, method)}
        assert served == set(view.scopes), path
        assert {(method, path) for method in served} <= documented


def test_a_revoked_token_stops_working_at_once(api: Callable[..., Api]) -> None:
    from common import access, clock

    holder = api("profiles:read")
    assert holder.get("/profiles").status_code == 200
    access.revoke_token(token_id=holder.token_id, now=clock.now())
    assert holder.get("/profiles").status_code == 401
