"""A worker that is really killed while it makes older records anew: the next one goes on, nothing is there twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from cdp.environment import PROJECT_FOLDER
from common import pg
from identity.linkage import blocking
from identity.models import BlockingKey, Link, LinkageRecord
from tests.identity.people import NOW
from tests.linkage.test_churn import counted
from tests.linkage.test_recipe import older
from tests.linkage.world import MARY, Connection, like, link, person, together

WORKER = f"""
import django, os
django.setup()
from datetime import datetime
from django.db import connection
connection.settings_dict["NAME"] = os.environ["WORKER_DATABASE"]
from identity.linkage.services import link_changed
link_changed(now=datetime.fromisoformat("{(NOW + timedelta(days=1)).isoformat()}"), batch_size=4, seconds=600.0)
"""


def wait_until(done: Callable[[], bool], worker: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + 120
    while not done():
        assert worker is None or worker.poll() is None, "the worker ended too soon"
        assert time.monotonic() < end, "two minutes went by"
        time.sleep(0.02)


def others_waiting() -> int:
    """Sessions that wait for what somebody else holds. Asked of the locks: activity stands still in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct pid) from pg_locks where not granted")
        return int(cursor.fetchone()[0])


def others() -> int:
    """Other sessions of clients of this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def kill_in_the_middle(profile_id: int) -> None:
    """Let a worker make records anew until it comes to this one, whose row is held, and kill it there."""
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "cdp.settings", "WORKER_DATABASE": connection.settings_dict["NAME"],
    }  # fmt: skip
    before = others()
    with transaction.atomic():
        LinkageRecord.objects.select_for_update().get(pk=profile_id)
        worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=PROJECT_FOLDER, env=environment)
        try:
            wait_until(lambda: others_waiting() > 0, worker)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
    wait_until(lambda: others() <= before)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_makes_records_anew_is_followed_by_one_that_goes_on() -> None:
    conn: Connection = pg.raw()
    with transaction.atomic():
        crowd = [
            person(conn, f"o{n}", first_name="Ann", last_name=f"Quill{n}", birth_date=f"19{40 + n}-0{1 + n % 9}-11")
            for n in range(11)
        ]
        person(conn, "c1", **MARY)
    link(conn)
    as_it_was = sorted(LinkageRecord.objects.values_list("pk", "fields", "keys"))
    with transaction.atomic():
        older(conn)
    kill_in_the_middle(crowd[6])

    renewed = LinkageRecord.objects.filter(recipe=blocking.RECIPE)
    assert sorted(renewed.values_list("pk", flat=True)) == crowd[:4]  # one batch of four; the second was undone
    run = link(conn, batch_size=4)
    assert (run.renewed, run.profiles, run.links, run.done) == (8, 0, 0, True)
    assert sorted(LinkageRecord.objects.values_list("pk", "fields", "keys")) == as_it_was
    assert set(LinkageRecord.objects.values_list("recipe", flat=True)) == {blocking.RECIPE}
    assert sorted(BlockingKey.objects.values_list("key_hash", "profile_id")) == sorted(
        (key, profile_id) for profile_id, _, keys in as_it_was for key in keys
    )
    assert counted(conn)
    again = link(conn)
    assert (again.renewed, again.profiles, again.done) == (0, 0, True)
    with transaction.atomic():
        person(conn, "c2", **like(MARY, last_name="Odyua"))
    assert (link(conn).links, Link.objects.filter(origin=2).count()) == (1, 1)
    assert together(conn, "c1", "c2")
