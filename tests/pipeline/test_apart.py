"""Long computations in processes of their own hold one thread of a worker, however often the clock asks for them."""

import subprocess
import threading
from pathlib import Path

import pytest

from cdp.apart import run_apart
from tests.connectors.killing import wait_until

COMMAND = """
import pathlib, sys, time
here = pathlib.Path(__file__).parent
(here / f"begun-{sys.argv[1]}").touch()
while not (here / "go").exists():
    time.sleep(0.02)
sys.exit(1 if sys.argv[1] == "fails" else 0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manage.py").write_text(COMMAND, encoding="utf-8")
    return tmp_path


def test_while_a_command_runs_it_is_not_begun_again_and_another_one_is(folder: Path) -> None:
    answers: list[bool] = []
    long = threading.Thread(target=lambda: answers.append(run_apart("long", folder=folder)))
    long.start()
    wait_until(lambda: (folder / "begun-long").exists())
    (folder / "begun-long").unlink()
    assert run_apart("long", folder=folder) is False
    assert not (folder / "begun-long").exists()
    (folder / "go").touch()
    assert run_apart("other", folder=folder) is True
    long.join()
    assert answers == [True]
    assert run_apart("long", folder=folder) is True


def test_a_command_that_fails_says_so_and_is_run_again_the_next_time(folder: Path) -> None:
    (folder / "go").touch()
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            run_apart("fails", folder=folder)
