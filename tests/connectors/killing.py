"""Workers that are killed in the middle of their work."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

from django.db import connection

from cdp.environment import PROJECT_FOLDER

# What every worker begins with: the test's database, and loopback servers allowed.
_BEGIN = """
import django, os, time
django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = os.environ["WORKER_DATABASE"]
connection.settings_dict["OPTIONS"]["application_name"] = os.environ["WORKER_SESSIONS"]
settings.OUTBOUND_ALLOW = ["127.0.0.1"]
from common import clock
from connectors import services

def resting(seconds, *, steps):
    '''For between the steps of a work: a rest after each of the first ones, then one without an end. However late the
    kill comes, the work is not done by then.'''
    taken = []
    def rest(*_, **more):
        taken.append(None)
        time.sleep(seconds if len(taken) < steps else 3600)
    return rest
"""
# A machine that is busy with others may take its time; what is waited for comes within seconds on one that is not.
PATIENCE = 180.0


def kill_worker(work: str, *, when: Callable[[], bool]) -> None:
    """Run a Python text in a process of its own on the test's database, and kill the process once `when` holds."""
    name = f"killed {uuid.uuid4()}"
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "cdp.settings", "WORKER_DATABASE": connection.settings_dict["NAME"],
        "WORKER_SESSIONS": name,
    }  # fmt: skip
    worker = subprocess.Popen([sys.executable, "-c", _BEGIN + work], cwd=PROJECT_FOLDER, env=environment)
    try:
        wait_until(when, worker)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    # Its locks go when the server has seen its end: only then is the next one told from the killed one.
    wait_until(lambda: not _sessions(name))


def wait_until(done: Callable[[], bool], worker: "subprocess.Popen[bytes] | None" = None) -> None:
    """Fails when patience ends, or the worker before."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert worker is None or worker.poll() is None, "the worker ended too soon"
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s"
        time.sleep(0.02)


def _sessions(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_stat_activity where application_name = %s", (name,))
        return int(cursor.fetchone()[0])


def items_waiting() -> int:
    """Items in the inbox."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(sum(events), 0) from events_inbox")
        return int(cursor.fetchone()[0])
