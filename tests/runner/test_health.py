"""What probes, monitoring and the doctor tell."""

import json
from datetime import timedelta
from io import StringIO

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from cdp import health, vitals
from common import clock

pytestmark = pytest.mark.django_db


def test_an_idle_product_is_alive_and_ready(rf: RequestFactory) -> None:
    assert health.healthz(rf.get("/healthz")).status_code == 200
    assert json.loads(health.readyz(rf.get("/readyz")).content) == {"status": "ok", "failing": []}


@pytest.mark.parametrize(
    ("setting", "value", "name"), [("READY_MAX_LAG", -1, "lag"), ("READY_MIN_FREE_MB", 10**9, "disk")]
)
def test_it_is_not_ready_when_events_pile_up_or_the_disk_fills(
    rf: RequestFactory, settings: Settings, setting: str, value: int, name: str
) -> None:
    setattr(settings, setting, value)
    answer = health.readyz(rf.get("/readyz"))
    assert answer.status_code == 503
    [failing] = json.loads(answer.content)["failing"]
    assert failing["name"] == name
    assert failing["mend"]


def test_metrics_are_lines_that_prometheus_reads(rf: RequestFactory) -> None:
    answer = health.metrics(rf.get("/metrics"))
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    numbers = {name: float(value) for name, value in (line.split() for line in lines)}
    assert numbers["cdp_broker_up"] == 1
    assert numbers["cdp_inbox_events"] == 0


def test_metrics_are_for_the_private_network_or_for_the_token(rf: RequestFactory, settings: Settings) -> None:
    assert health.metrics(rf.get("/metrics", REMOTE_ADDR="8.8.8.8")).status_code == 403
    assert health.metrics(rf.get("/metrics", headers={"X-Forwarded-For": "8.8.8.8"})).status_code == 403
    settings.METRICS_TOKEN = "let-me-see"
    assert health.metrics(rf.get("/metrics")).status_code == 403
    assert health.metrics(rf.get("/metrics", headers={"Authorization": "Bearer let-me-see"})).status_code == 200


def test_the_doctor_sees_a_late_beat_and_says_what_to_do() -> None:
    broker = redis.Redis.from_url(django_settings.REDIS_URL)
    broker.set(vitals.BEAT_KEY, (clock.now() - timedelta(minutes=10)).isoformat(), ex=60)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--format", "json", stdout=out)
    assert ended.value.code == 1
    checks = {check["name"]: check for check in json.loads(out.getvalue())["checks"]}
    assert list(checks) == ["database", "broker", "beat", "migrations", "disk", "lag"]
    assert [name for name, check in checks.items() if not check["ok"]] == ["beat"]
    assert "last heartbeat 600 s ago" in checks["beat"]["finding"]
    assert checks["beat"]["mend"]


def test_the_doctor_is_content_with_a_fresh_beat() -> None:
    broker = redis.Redis.from_url(django_settings.REDIS_URL)
    broker.set(vitals.BEAT_KEY, clock.now().isoformat(), ex=60)
    out = StringIO()
    call_command("doctor", stdout=out)
    assert "WRONG" not in out.getvalue()
    assert "ok    database:    PostgreSQL" in out.getvalue()


def test_create_admin_makes_an_admin_and_later_changes_the_password() -> None:
    from common.models import User

    for created in (True, False):
        out = StringIO()
        call_command("create_admin", "--email", "Ada@Example.com", "--format", "json", stdout=out)
        told = json.loads(out.getvalue())
        assert told["created"] is created
        user = User.objects.get(email="ada@example.com")
        assert user.role == "admin"
        assert user.check_password(told["password"])
