"""What probes, monitoring and the doctor tell."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from cdp import health, rollcall, vitals
from cdp.environment import PROJECT_FOLDER
from cdp.runner import children
from cdp.runner.report import CREDENTIALS_FILE, credentials
from common import clock
from tests.runner.processes_kit import wait_until
from tests.server import end_family

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


def test_a_server_whose_broker_is_gone_still_takes_what_comes_and_the_doctor_tells(
    rf: RequestFactory, settings: Settings
) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    assert health.readyz(rf.get("/readyz")).status_code == 200
    found = {one.name: one for one in vitals.examine(vitals.ALL, now=clock.now())}
    assert not found["broker"].ok
    assert not found["workers"].ok
    assert found["workers"].mend


# As where a package is missing: the tasks cannot be imported, and Celery goes on without.
_EMPTY = "import sys; sys.modules['cdp.nudge'] = None; from celery.__main__ import main; main()"


@contextmanager
def pipeline_worker(redis_url: str, *, empty: bool) -> Iterator[None]:
    """The worker of the pipeline as the product starts it."""
    python, *words = next(one.command for one in children.workers() if one.name == "pipeline")
    if empty:
        words[: words.index("celery") + 1] = ["-c", _EMPTY]
    process = subprocess.Popen(
        [python, *words], cwd=PROJECT_FOLDER, env=os.environ | {"CDP_REDIS_URL": redis_url}, stdin=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        end_family(process, patience=60)


@pytest.mark.processes
def test_a_worker_that_knows_no_task_or_has_gone_is_told_by_health(rf: RequestFactory, settings: Settings) -> None:
    # A broker of its own: nothing of other tests waits in it.
    settings.REDIS_URL = django_settings.REDIS_URL.rpartition("db=")[0] + "db=9"
    redis.Redis.from_url(settings.REDIS_URL).flushdb()

    def told(later: timedelta = timedelta()) -> vitals.Check:
        return vitals.check_workers(clock.now() + later)

    assert told() == vitals.Check("workers", True, "none seen yet")
    with pipeline_worker(settings.REDIS_URL, empty=True):
        wait_until("it says what it does not know", lambda: not told().ok, 240)
        assert "serves pipeline and does not know cdp.tasks.apply_inbox" in told().finding
        assert health.readyz(rf.get("/readyz")).status_code == 200, "what comes in is kept all the same"
    with pipeline_worker(settings.REDIS_URL, empty=False):
        wait_until("it knows its tasks", lambda: told().ok, 240)
        assert told().finding == f"1 of {len(rollcall.queues())} queues served"
    assert not told(rollcall.SILENT).ok
    assert "no worker of pipeline for" in told(rollcall.SILENT).finding
    assert told(rollcall.SILENT).mend


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
    assert list(checks) == [
        "database",
        "broker",
        "beat",
        "workers",
        "migrations",
        "disk",
        "lag",
        "documents",
        "kept features",
    ]
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


def test_a_new_password_of_the_first_admin_is_what_the_next_start_prints(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_FOLDER = tmp_path
    kept = {"admin_email": "admin@example.com", "admin_password": "old", "write_key": "k"}
    (tmp_path / CREDENTIALS_FILE).write_text(json.dumps(kept), encoding="utf-8")
    call_command("create_admin", "--email", "ada@example.com", stdout=StringIO())
    assert credentials(tmp_path) == kept
    call_command("create_admin", "--password", "a new one", stdout=StringIO())
    assert credentials(tmp_path) == {**kept, "admin_password": "a new one"}
