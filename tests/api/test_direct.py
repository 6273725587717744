"""What slots show, asked by servers: the plain case is answered beside Django, and nobody can tell but by the clock."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application

from campaigns import services
from cdp.api.direct import PATH, Direct
from common import access
from tests.api.conftest import Api, World
from tests.api.test_personalise import DOCUMENT
from tests.ingestion.client import Answer, Caller

pytestmark = pytest.mark.django_db(transaction=True)
ASKED: dict[str, Any] = {"identifiers": ["user_id:u1"], "slots": ["banner", "no-such-slot"]}


class Both:
    """Asks the one beside Django and the API's view itself."""

    def __init__(self) -> None:
        self._django = get_wsgi_application()
        self.looked = 0
        self._direct = Caller(Direct(self._view, nudge=lambda: None))
        self._alone = Caller(self._django)

    def _view(self, environ: Any, start: Any) -> Any:
        self.looked += 1
        return self._django(environ, start)

    def __call__(self, body: object, token: str, *, method: str = "POST", query: str = "",
                 content_type: str = "application/json", **headers: str) -> Answer:  # fmt: skip
        given = {"Host": "testserver", "Authorization": f"Bearer {token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        first, second = (
            caller(method, PATH, body, query=query, headers=given, content_type=content_type)
            for caller in (self._direct, self._alone)
        )
        assert (first.status, _told(first)) == (second.status, _told(second))
        assert set(first.headers) >= {"X-Request-Id", "Cache-Control", "X-Content-Type-Options"}
        assert first.headers["Content-Type"] == second.headers["Content-Type"]
        assert first.headers.get("X-RateLimit-Limit") == second.headers.get("X-RateLimit-Limit")
        return first


def _told(answer: Answer) -> Any:
    return {key: value for key, value in answer.json.items() if key not in ("instance", "request_id")}


@pytest.fixture(autouse=True)
def _forget(transactional_db: None) -> Iterator[None]:
    from campaigns.personalise import deciding

    deciding._decider.cache_clear()
    yield
    services.let_go()
    deciding._decider.cache_clear()


@pytest.fixture
def both(world: World, api: Callable[..., Api]) -> Both:
    world.identify("u1", plan="pro")
    assert api("slots:write").post("/slots", {"name": "Banner", "document": DOCUMENT}).status_code == 201
    return Both()


def token(*scopes: str) -> str:
    return access.create_token(name="asker", scopes=scopes)[0]


@pytest.mark.parametrize(
    "asked",
    [
        ASKED, {**ASKED, "identifiers": []}, {**ASKED, "expose": False}, {**ASKED, "context": {"device": "mobile"}},
        {**ASKED, "identifiers": ["anonymous_id:nobody", "user_id:u1"]}, {**ASKED, "slots": ["no-such-slot"]},
    ],
)  # fmt: skip
def test_the_plain_case_is_answered_without_the_view_and_alike(both: Both, asked: dict[str, Any]) -> None:
    found = both(asked, token("personalise"), X_Request_Id="mine-1")
    assert (found.status, both.looked, found.headers["X-Request-Id"]) == (200, 0, "mine-1")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"", 422), (b"{", 400), (b"[]", 422), ({}, 422), ({**ASKED, "slots": []}, 422), ({**ASKED, "more": 1}, 422),
        ({**ASKED, "slots": ["x" * 81]}, 422), ({**ASKED, "identifiers": ["nonsense"]}, 422),
        ({**ASKED, "identifiers": ["user_id:x"] * 11}, 422), ({**ASKED, "context": None}, 422),
        ({**ASKED, "slots": [" banner "]}, 200), ({**ASKED, "expose": "false"}, 200), ({**ASKED, "slots": [7]}, 200),
        ({**ASKED, "context": {"a": "\x00"}}, 400), (b'{"slots": ["banner"], "identifiers": ["user_id:\\ud800"]}', 400),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_judged_by_the_view_which_gets_it_whole(both: Both, asked: object, status: int) -> None:
    assert both(asked, token("personalise")).status == status
    assert both.looked == 1


def test_tokens_scopes_methods_and_types_are_judged_by_the_view(both: Both) -> None:
    good = token("personalise")
    assert both(ASKED, "cdp_live_x_y").status == 401
    assert both(ASKED, "", Authorization="").status == 401
    assert both(ASKED, token("slots:read")).status == 403
    assert both(ASKED, good, query="a=1").status == 422
    assert both(ASKED, good, method="GET").status == 405
    assert both(ASKED, good, content_type="text/plain").status == 415
    assert both(ASKED, good, Accept="text/html").status == 406
    assert both(ASKED, good, Accept="application/json, text/plain, */*").status == 200
    assert both.looked == 7


def test_over_tls_what_is_answered_beside_django_says_that_it_is_to_stay_so(settings: Any, world: World) -> None:
    from cdp.wsgi import application

    asks = [("POST", PATH, ASKED), ("POST", PATH, b"{"), ("POST", "/v1/track", {})]

    def told(**headers: str) -> set[str | None]:
        given = {"Host": "testserver", "Authorization": f"Bearer {token('personalise')}", **headers}
        return {
            Caller(application)(method, path, body, headers=given).headers.get("Strict-Transport-Security")
            for method, path, body in asks
        }

    assert told(**{"X-Forwarded-Proto": "https"}) == {None}, "TLS is not set up here"
    settings.SECURE_HSTS_SECONDS, settings.SECURE_PROXY_SSL_HEADER = 60, ("HTTP_X_FORWARDED_PROTO", "https")
    assert told() == {None}
    assert told(**{"X-Forwarded-Proto": "https"}) == {"max-age=60"}
