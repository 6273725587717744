"""Small parts of the supervisor, each with real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cdp.celery import broker_url
from cdp.runner import holding, processes
from cdp.runner.services import last_line
from cdp.runner.supervisor import LONGEST_PAUSE, pause_before
from cdp.runner.watchdog import Watchdog
from tests.runner.processes_kit import wait_until

SLEEP = ["sleep", "300"]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_pauses_between_restarts_double_up_to_half_a_minute() -> None:
    pauses = [pause_before(deaths) for deaths in range(12)]
    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE == pause_before(10_000)


def test_the_watchdog_stops_the_listed_processes_when_its_supervisor_vanishes(tmp_path: Path) -> None:
    children = [subprocess.Popen(SLEEP, start_new_session=True) for _ in range(2)]
    watchdog = Watchdog(tmp_path)
    watchdog.tell([(child.pid, signal.SIGTERM) for child in children])
    assert watchdog.shell.stdin
    watchdog.shell.stdin.close()  # what the kernel does when the supervisor is killed
    for child in children:
        assert child.wait(timeout=120) == -signal.SIGTERM
    watchdog.shell.wait(timeout=120)


def test_the_watchdog_touches_nobody_after_a_farewell(tmp_path: Path) -> None:
    child = subprocess.Popen(SLEEP, start_new_session=True)
    watchdog = Watchdog(tmp_path)
    watchdog.tell([(child.pid, signal.SIGTERM)])
    watchdog.close()
    assert child.poll() is None
    child.kill()
    child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's leash is Linux'")
def test_a_child_on_the_leash_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "from cdp.runner import processes; from pathlib import Path; import os, sys, time\n"
        f"child = processes.start(['sleep', '300'], log=Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        wait_until("the child is gone", lambda: not alive(pid), 120)


def test_stopping_a_deaf_process_kills_its_whole_session(tmp_path: Path) -> None:
    deaf = "trap '' TERM; sleep 300 & echo $!; while :; do sleep 1; done"
    log = tmp_path / "log"
    process = processes.start(["/bin/sh", "-c", deaf], log=log)
    wait_until("it has started", lambda: log.read_text().strip().isdigit(), 120)
    grandchild = int(log.read_text())
    assert processes.stop(process, stop_signal=signal.SIGTERM, patience=0.3) is False
    wait_until("the grandchild is gone", lambda: not alive(grandchild), 120)


def test_a_data_folder_is_held_by_one_and_free_again_when_let_go(tmp_path: Path) -> None:
    held = holding.hold(tmp_path)
    assert held
    assert holding.hold(tmp_path) is None
    assert holding.holder(tmp_path) == str(os.getpid())
    held.close()
    again = holding.hold(tmp_path)
    assert again
    again.close()


def test_the_last_complaint_of_a_log_is_told_rather_than_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_line(log) == "no log"
    log.write_text("starting\nFATAL:  no room\ndatabase system is shut down\n", encoding="utf-8")
    assert last_line(log) == "FATAL:  no room"


@pytest.mark.parametrize(
    ("redis", "celery"),
    [
        ("unix:///data/valkey.sock?db=0", "redis+socket:///data/valkey.sock?virtual_host=0"),
        ("unix:///data/valkey.sock", "redis+socket:///data/valkey.sock?virtual_host=0"),
        ("rediss://:pw@redis:6379/2", "rediss://:pw@redis:6379/2"),
    ],
)
def test_celery_reads_the_same_address_in_its_own_words(redis: str, celery: str) -> None:
    assert broker_url(redis) == celery
