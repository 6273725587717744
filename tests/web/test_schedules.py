"""The clock's tasks are in the database, seen by all, changed by admins, and what is vital stays on."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django_celery_beat.models import PeriodicTask, PeriodicTasks

import cdp.tasks  # noqa: F401 - the tasks are known
from cdp import beat, schedules
from cdp.celery import app
from common.models import AuditEntry
from tests.web.conftest import Shop, signed_in, text_of

# The clock ends transactions and closes connections of its own.
pytestmark = pytest.mark.django_db(transaction=True)


def clock() -> beat.Scheduler:
    return beat.Scheduler(app=app, lazy=True)


def started() -> beat.Scheduler:
    """A clock as it stands after its start; nothing is sent."""
    made = clock()
    made.setup_schedule()
    return made


def test_every_scheduled_task_exists() -> None:
    for planned in schedules.PLANNED.values():
        assert f"cdp.tasks.{planned.task}" in app.tasks
        assert planned.least <= planned.seconds <= planned.most


def test_the_clock_starts_with_the_tasks_of_the_code() -> None:
    found = started().schedule
    assert set(found) == set(schedules.PLANNED)
    timers = found["run-due-timers"]
    assert (timers.schedule.run_every.total_seconds(), timers.options["queue"], timers.options["expires"]) == (
        1.0, "default", 5,
    )  # fmt: skip


def test_starting_again_changes_nothing_and_keeps_what_a_person_chose() -> None:
    schedules.install()
    schedules.change(name="refresh-segments", seconds=7200, by="a@example.org")
    schedules.change(name="link-profiles", enabled=False, by="a@example.org")
    before = list(PeriodicTask.objects.order_by("name").values()), PeriodicTasks.last_change()
    schedules.install()
    assert (list(PeriodicTask.objects.order_by("name").values()), PeriodicTasks.last_change()) == before
    assert "link-profiles" not in started().schedule
    assert started().schedule["refresh-segments"].schedule.run_every.total_seconds() == 7200


def test_an_interval_that_nobody_changed_follows_the_code_and_tasks_that_are_gone_go() -> None:
    schedules.install()
    ours = PeriodicTask.objects.get(name="keep-house")
    PeriodicTask.objects.filter(pk=ours.pk).update(interval=PeriodicTask.objects.get(name="beat-heartbeat").interval)
    PeriodicTask.objects.create(name="of-old", task="cdp.tasks.no_more", interval=ours.interval)
    foreign = PeriodicTask.objects.create(name="theirs", task="elsewhere.tasks.own", interval=ours.interval)
    schedules.install()
    assert PeriodicTask.objects.get(name="keep-house").interval.every == 300  # type: ignore[union-attr]
    assert not PeriodicTask.objects.filter(name="of-old").exists()
    assert PeriodicTask.objects.filter(pk=foreign.pk).exists()


def test_a_vital_task_that_was_switched_off_by_hand_is_on_after_a_start() -> None:
    schedules.install()
    PeriodicTask.objects.filter(name__in=["run-due-timers", "apply-inbox"]).update(enabled=False)
    assert {"run-due-timers", "apply-inbox"} <= set(started().schedule)


def test_the_running_clock_follows_a_change_and_does_not_write_it_back() -> None:
    running = started()
    entry = running.reserve(running.schedule["refresh-segments"])
    running.schedule["refresh-segments"] = entry
    schedules.change(name="refresh-segments", seconds=900, by="a@example.org")
    assert running.schedule["refresh-segments"].schedule.run_every.total_seconds() == 900
    kept = schedules.schedule("refresh-segments")
    assert kept is not None
    assert (kept.seconds, kept.runs) == (900, 1), "the start is noted and the new interval stands"


def test_last_and_next_start_are_told() -> None:
    schedules.install()
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    PeriodicTask.objects.filter(name="keep-house").update(last_run_at=at, total_run_count=4)
    found = schedules.schedule("keep-house")
    assert found is not None
    assert (found.last_run_at, found.next_run_at, found.runs) == (at, datetime(2026, 3, 1, 12, 5, tzinfo=UTC), 4)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"name": "run-due-timers", "enabled": False}, "cannot be paused"),
        ({"name": "beat-heartbeat", "seconds": 60}, "between 5 and 30"),
        ({"name": "refresh-segments", "seconds": 1}, "between 60"),
        ({"name": "of-old", "seconds": 60}, "no such task"),
    ],
)
def test_what_would_hurt_is_refused(asked: dict[str, object], told: str) -> None:
    with pytest.raises(schedules.NotAllowed, match=told):
        schedules.change(by="a@example.org", **asked)  # type: ignore[arg-type]
    assert not AuditEntry.objects.exists()


def test_an_admin_changes_and_pauses_a_task_on_its_page(shop: Shop) -> None:
    client, page = signed_in("admin"), reverse("web:schedule", args=["audit-consistency"])
    assert "Audit consistency" in text_of(client.get(reverse("web:schedules")))
    answer = client.post(page, {"do": "interval", "every": "2", "unit": "3600"}, follow=True)
    assert "The clock follows within seconds" in text_of(answer)
    client.post(page, {"do": "pause"})
    found = schedules.schedule("audit-consistency")
    assert found is not None
    assert (found.seconds, found.enabled, found.next_run_at) == (7200, False, None)
    assert found.changed_by == "changed by admin@example.org"
    told = [
        (entry.before, entry.after) for entry in AuditEntry.objects.filter(action="schedule.changed").order_by("id")
    ]
    assert [after for _, after in told] == [
        {"every_seconds": 7200, "enabled": True}, {"every_seconds": 7200, "enabled": False},
    ]  # fmt: skip
    wrong = client.post(page, {"do": "interval", "every": "1", "unit": "1"})
    assert (wrong.status_code, "Choose between 600" in text_of(wrong)) == (422, True)


def test_a_vital_task_offers_no_pause_and_refuses_one(shop: Shop) -> None:
    client, page = signed_in("admin"), reverse("web:schedule", args=["run-due-timers"])
    assert 'value="pause"' not in client.get(page).content.decode()
    assert "cannot be paused" in text_of(client.post(page, {"do": "pause"}, follow=True))
    assert started().schedule["run-due-timers"]
    assert client.get(reverse("web:schedule", args=["nothing"])).status_code == 404
