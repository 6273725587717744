"""Limits per token, and no harm when Redis is away."""

import socket
from collections.abc import Callable

import pytest
from pytest_django import Settings

from cdp.api.ratelimit import Bucket
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def five_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_API_REQUESTS_PER_MINUTE", "5")


@pytest.mark.usefixtures("five_a_minute")
def test_a_client_that_obeys_the_headers_never_sees_a_429_and_one_that_does_not_is_told_when_to_come_back(
    api: Callable[..., Api],
) -> None:
    holder, other = api("profiles:read"), api("profiles:read")
    left = [int(holder.get("/profiles").headers["X-RateLimit-Remaining"]) for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    refused = holder.get("/profiles")
    assert refused.status_code == 429
    assert refused.json()["type"].endswith("/problems/rate-limited/")
    assert 1 <= int(refused.headers["Retry-After"]) <= 12
    assert refused.headers["RateLimit-Policy"] == '"default";q=5;w=60'
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
    assert refused.headers["X-RateLimit-Limit"] == "5"
    assert other.get("/profiles").status_code == 200


def test_without_redis_everything_is_let_through(api: Callable[..., Api], settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{closed.getsockname()[1]}/0"
        answer = api("profiles:read").get("/profiles")
    assert answer.status_code == 200
    assert "RateLimit" not in answer.headers


def test_an_absent_redis_is_not_asked_again_at_once() -> None:
    bucket = Bucket("redis://127.0.0.1:1/0", quota=10)
    assert bucket.take("a") is None
    assert bucket._away_until > 0
    assert bucket.take("a") is None
