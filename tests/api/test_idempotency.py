"""A POST that is repeated with its key does its work once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from cdp.api.models import IdempotentAnswer
from connectors import selectors
from tests.api.conftest import Api


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_posts_with_one_key_make_one_source(api: Callable[..., Api]) -> None:
    holder = api("admin:*")

    def post(_: int) -> tuple[int, bytes]:
        try:
            client = Client(headers={"Authorization": f"Bearer {holder.token}", "Idempotency-Key": "k1"})
            answer = client.post("/api/v1/sources", json.dumps({"name": "Shop"}), "application/json")
            return answer.status_code, answer.content
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(post, range(50)))
    assert {status for status, _ in answers} <= {201, 409}
    assert len({body for status, body in answers if status == 201}) == 1
    assert [source.name for source in selectors.sources()] == ["Shop"]


@pytest.mark.django_db
def test_the_same_request_gets_the_first_answer_back(api: Callable[..., Api]) -> None:
    holder = api("admin:*")
    first = holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    again = holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Location"] == first.headers["Location"]
    assert len(selectors.sources()) == 1


@pytest.mark.django_db
def test_a_secret_in_an_answer_is_repeated_and_is_readable_in_no_table(api: Callable[..., Api]) -> None:
    holder = api("admin:*")
    first = holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    kept = bytes(IdempotentAnswer.objects.get().body)
    assert first.json()["write_key"].encode() in first.content
    assert first.json()["write_key"].encode() not in kept
    assert b"Shop" not in kept


@pytest.mark.django_db
def test_an_answer_under_another_secret_key_is_refused_and_does_no_work_twice(
    api: Callable[..., Api], settings: Any
) -> None:  # fmt: skip
    holder = api("admin:*")
    holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    sealed = IdempotentAnswer.objects.get().body
    settings.SECRET_KEY = "another"  # noqa: S105 - a test's
    other = holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    assert (other.status_code, "CDP_SECRET_KEY" in other.json()["detail"]) == (422, True)
    assert len(selectors.sources()) == 1
    assert IdempotentAnswer.objects.get().body == sealed


@pytest.mark.django_db
def test_a_refusal_is_repeated_too(api: Callable[..., Api]) -> None:
    holder = api("admin:*")
    first = holder.post("/sources", {"name": "Shop", "kind": "nonsense"}, Idempotency_Key="k1")
    again = holder.post("/sources", {"name": "Shop", "kind": "nonsense"}, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 422
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.django_db
def test_another_body_with_the_key_is_refused(api: Callable[..., Api]) -> None:
    holder = api("admin:*")
    holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    other = holder.post("/sources", {"name": "Kiosk"}, Idempotency_Key="k1")
    assert other.status_code == 422
    assert other.json()["type"].endswith("/problems/idempotency-key-reused/")


@pytest.mark.django_db
def test_keys_of_two_tokens_do_not_meet(api: Callable[..., Api]) -> None:
    for holder in (api("admin:*"), api("admin:*")):
        assert "Idempotent-Replayed" not in holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1").headers
    assert len(selectors.sources()) == 2


@pytest.mark.django_db
def test_while_the_first_runs_the_second_is_told_to_wait_and_a_dead_one_is_taken_over(api: Callable[..., Api]) -> None:
    holder = api("admin:*")
    holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    IdempotentAnswer.objects.update(status=None)
    waiting = holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1")
    assert waiting.status_code == 409
    assert waiting.headers["Retry-After"] == "1"
    IdempotentAnswer.objects.update(started_at=F("started_at") - timedelta(minutes=3))
    assert holder.post("/sources", {"name": "Shop"}, Idempotency_Key="k1").status_code == 201


@pytest.mark.django_db
def test_after_a_day_the_key_is_free_and_old_answers_are_swept(api: Callable[..., Api]) -> None:
    holder = api("admin:*")
    for key in ("k1", "k2"):
        holder.post("/sources", {"name": "Shop"}, Idempotency_Key=key)
    IdempotentAnswer.objects.update(expires_at=F("started_at") - timedelta(seconds=1))
    assert "Idempotent-Replayed" not in holder.post("/sources", {"name": "Kiosk"}, Idempotency_Key="k1").headers
    assert list(IdempotentAnswer.objects.values_list("key", flat=True)) == ["k1"]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "é", "x" * 256, "a\tb"])
def test_a_key_that_cannot_be_used_is_refused(api: Callable[..., Api], key: str) -> None:
    answer = api("admin:*").post("/sources", {"name": "Shop"}, Idempotency_Key=key)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/problems/idempotency-key-invalid/")
