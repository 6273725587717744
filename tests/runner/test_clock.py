"""The clock of a running product: it follows a change of its schedule, and goes on after its database was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdp.environment import PROJECT_FOLDER
from tests.runner.processes_kit import Product, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture
def product() -> Iterator[Product]:
    folder = Path(tempfile.mkdtemp(prefix="cdp-clock-", dir="/tmp"))
    folder.chmod(0o711)
    made = Product(folder / "data")
    yield made
    made.close()
    pointer = folder / "data" / "postgres_home"
    if pointer.is_file():  # root, and a data folder that `nobody` cannot reach
        shutil.rmtree(pointer.read_text(encoding="utf-8"), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def asked(product: Product, code: str) -> Any:
    """What a line of Python in the product says, as JSON."""
    program = f"import json; from cdp import schedules; print('>' + json.dumps({code}, default=str))"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", program],
        cwd=PROJECT_FOLDER, env=product.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.rpartition(">")[2])


def timers(product: Product) -> int:
    return int(asked(product, "schedules.schedule('run-due-timers').runs"))


def test_the_clock_follows_a_change_and_goes_on_when_its_database_was_killed(product: Product) -> None:
    product.up()
    assert asked(product, "all(one.enabled for one in schedules.schedules())") is True
    wait_until("starts are noted", lambda: timers(product) > 3, 240)
    asked(product, "schedules.change(name='link-profiles', seconds=7 * 86_400, by='a').seconds")
    passed = timers(product)
    wait_until("the clock has read that", lambda: timers(product) > passed + 10, 240)
    before = asked(product, "schedules.schedule('link-profiles').runs")
    asked(product, "schedules.change(name='link-profiles', seconds=5, by='a').seconds")
    wait_until(
        "a task is started anew", lambda: asked(product, "schedules.schedule('link-profiles').runs") > before, 240
    )

    killed = product.child("postgres").pid
    os.kill(killed, signal.SIGKILL)
    wait_until("the database runs again", lambda: product.has("postgres", other_than=killed), 240)
    wait_until("it answers", lambda: product.get("/readyz") == 200, 240)
    seen = timers(product)
    wait_until("the clock goes on", lambda: timers(product) > seen, 240)
