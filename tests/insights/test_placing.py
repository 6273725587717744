"""A folder takes another's place in one step: whoever looks sees a whole one, whenever the work is killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from insights.bulk.placing import put_in_place

# The process ends itself without warning at the moment that Python's audit events name.
_KILLED = """
import os, signal, sys
from pathlib import Path
from insights.bulk.placing import put_in_place

def hook(event, arguments):
    if event == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
put_in_place(Path(sys.argv[2]), Path(sys.argv[3]))
"""
_ENDLESS = """
import sys
from pathlib import Path
from insights.bulk.placing import put_in_place

number = 0
while True:
    number += 1
    fresh = Path(sys.argv[1])
    fresh.mkdir()
    for name in ("first", "last"):
        (fresh / name).write_text(str(number))
    put_in_place(fresh, Path(sys.argv[2]))
    print(number, flush=True)
"""


def _folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "text").write_text(text)
    return path


@pytest.mark.parametrize(
    ("moment", "stands"),
    [("ctypes.dlsym", "old"), ("shutil.rmtree", "new")],
    ids=["before they change places", "before the old one goes"],
)
def test_a_kill_leaves_a_whole_folder_and_the_next_run_puts_things_right(
    tmp_path: Path, moment: str, stands: str
) -> None:
    fresh, folder = _folder(tmp_path / "fresh", "new"), _folder(tmp_path / "folder", "old")
    ended = subprocess.run([sys.executable, "-c", _KILLED, moment, fresh, folder], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (folder / "text").read_text() == stands
    put_in_place(fresh, folder)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_whoever_looks_meanwhile_always_finds_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, tmp_path / "fresh", folder], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            seen = int(child.stdout.readline())
            looked = 0
            while looked < 2_000 or seen < 20:
                looked += 1
                assert folder.is_dir(), "there was a moment with none"
                if looked % 100 == 0:
                    seen = int(child.stdout.readline())
        finally:
            child.kill()
    assert (folder / "first").read_text().isdecimal()


def test_where_nothing_stands_it_is_moved_there(tmp_path: Path) -> None:
    put_in_place(_folder(tmp_path / "fresh", "new"), tmp_path / "folder")
    assert (tmp_path / "folder" / "text").read_text() == "new"
    assert not (tmp_path / "fresh").exists()
