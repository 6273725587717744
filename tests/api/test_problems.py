"""Errors: their form, and a page for each."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from cdp.api import problems
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db
SOURCES = Path(problems.__file__).parent


@pytest.mark.parametrize("slug", sorted(problems.KINDS))
def test_every_problem_has_a_page_with_cause_and_fix(client: Client, slug: str) -> None:
    page = client.get(f"/problems/{slug}/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<h2>Cause</h2>" in text
    assert "<h2>Fix</h2>" in text
    assert f"/problems/{slug}/" in client.get("/problems/").content.decode()


def test_no_problem_is_raised_that_has_no_page() -> None:
    code = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    raised = set(re.findall(r"Problem\(\s*\"([a-z-]+)\"", code))
    assert raised <= set(problems.KINDS)
    assert set(problems.KINDS) - raised == set()


def test_every_problem_is_in_the_documentation() -> None:
    text = (SOURCES.parent.parent / "docs" / "api.md").read_text()
    assert [slug for slug in problems.KINDS if f"| `{slug}` |" not in text] == []


def test_a_page_that_does_not_exist_is_not_found(client: Client) -> None:
    assert client.get("/problems/nothing-of-the-kind/").status_code == 404


def test_an_unknown_address_is_a_problem_and_not_a_web_page(client: Client) -> None:
    answer = client.get("/api/v1/nothing/here")
    assert answer.status_code == 404
    body = answer.json()
    assert body["type"] == "http://testserver/problems/not-found/"
    assert body["instance"] == f"urn:request:{answer.headers['X-Request-Id']}"


def test_a_request_id_that_can_be_used_comes_back_and_another_is_replaced(api: Callable[..., Api]) -> None:
    holder = api("profiles:read")
    assert holder.get("/profiles", X_Request_Id="order-7").headers["X-Request-Id"] == "order-7"
    assert holder.get("/profiles", X_Request_Id="bad id!").headers["X-Request-Id"] != "bad id!"
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert holder.get("/profiles", traceparent=f"00-{trace}-00f067aa0ba902b7-01").headers["X-Request-Id"] == trace


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("limit=0", "limit", "out-of-range"),
        ("limit=1001", "limit", "out-of-range"),
        ("limit=ten", "limit", "out-of-range"),
        ("surch=ann", "surch", "unknown"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(
    api: Callable[..., Api], query: str, parameter: str, code: str
) -> None:
    answer = api("profiles:read").get(f"/profiles?{query}")
    assert answer.status_code == 422
    assert [(one["parameter"], one["code"]) for one in answer.json()["errors"]] == [(parameter, code)]


def test_a_field_that_nobody_knows_is_named_however_deep_it_is(api: Callable[..., Api]) -> None:
    variants = [{"key": "a", "name": "A"}, {"key": "b", "name": "B", "colour": "red"}]
    metric = {"name": "Orders", "kind": "conversion", "event": "Order Completed", "a/b": 7}
    body = {"name": "X", "variants": variants, "metrics": [metric], "nope": 1}
    answer = api("experiments:write").post("/experiments", body)
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/metrics/0/a~1b", "unknown"), ("/nope", "unknown"), ("/variants/1/colour", "unknown")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b'{"reason": "\\ud800"}', 400), (b'{"a": 1e400}', 400),
        (b'{"a": "\\u0000"}', 400), (b'{"a": NaN}', 400), (b'{"a": ' + b"1" * 5000 + b"}", 400), (b"[]", 422),
        (b'"text"', 422), (b"null", 422), (b"", 422), (b'{"a": 1, "strange": 2}', 422),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_used_is_refused_and_never_breaks(
    api: Callable[..., Api], body: bytes, status: int
) -> None:
    answer = api("profiles:write").client.post("/api/v1/merges", body, "application/json")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_another_media_type_and_a_large_body_are_refused(api: Callable[..., Api]) -> None:
    client = api("profiles:write").client
    assert client.post("/api/v1/merges", "a=1", "text/plain").status_code == 415
    assert client.post("/api/v1/merges", b" " * (5 * 1024 * 1024 + 1), "application/json").status_code == 413


def test_a_nul_in_the_address_is_a_malformed_request(api: Callable[..., Api]) -> None:
    holder = api("profiles:read")
    assert holder.get("/profiles/lookup?kind=email&value=a%00b").status_code == 400
    assert holder.get("/profiles/email:a%00b").status_code == 400
