"""`manage.py link`: files in, clusters and pairs out, and plain words when something does not fit."""

import contextlib
import csv
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from cdp.environment import PROJECT_FOLDER
from identity.linkage import files
from tests.linkage.test_base_runs import GIVEN, SURNAMES

Row = dict[str, str]
FOLDERS = {"DJANGO_SETTINGS_MODULE": "cdp.settings", "PATH": os.environ["PATH"]}


def rows(count: int, *, twice: int, seed: int = 1) -> list[Row]:
    """So many people, the first ones twice, the second time with a slip and another telephone."""
    rng = random.Random(seed)
    found = []
    for n in range(count):
        row = {
            "record_id": f"r{n}", "first_name": rng.choice(GIVEN), "surname": rng.choice(SURNAMES),
            "dob": f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            "phone": f"+1212{rng.randint(2_000_000, 9_999_999)}", "town": rng.choice(["Dayton", "Tulsa", "Boise"]),
        }  # fmt: skip
        found.append(row)
        if n < twice:
            other = {"surname": row["surname"][:-1] + "x", "phone": f"+1312{rng.randint(2_000_000, 9_999_999)}"}
            found.append({**row, **other, "record_id": f"s{n}"})
    return found


def write(path: Path, table: list[Row]) -> Path:
    """As CSV, NDJSON or Parquet by the ending."""
    if path.suffix == ".ndjson":
        path.write_text("\n".join(json.dumps(row) for row in table))
        return path
    plain = path.with_suffix(".csv")
    with plain.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    if path.suffix == ".parquet":
        duckdb.execute(f"copy (select * from read_csv('{plain}', all_varchar = true)) to '{path}' (format parquet)")
    return path


def link(*files: Path, out: Path, **options: Any) -> dict[str, Any]:
    """The figures of a run."""
    said = io.StringIO()
    call_command("link", *map(str, files), out=out, format="json", stdout=said, **options)
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def clusters(path: Path) -> set[frozenset[str]]:
    """The clusters of more than one record that a run has written."""
    members: dict[str, set[str]] = defaultdict(set)
    with path.open() as file:
        for row in csv.DictReader(file):
            members[row["cluster_id"]].add(row["record_id"])
    return {frozenset(held) for held in members.values() if len(held) > 1}


@pytest.mark.parametrize("ending", [".csv", ".ndjson", ".parquet"])
def test_a_file_of_any_kind_is_linked_and_graded(tmp_path: Path, ending: str) -> None:
    table = rows(300, twice=60)
    path = write(tmp_path / f"people{ending}", table)
    labels = write(
        tmp_path / "truth.csv", [{"record_id": r["record_id"], "cluster": r["record_id"][1:]} for r in table]
    )
    told = link(path, out=tmp_path / "clusters.csv", pairs=tmp_path / "pairs.parquet", labels=labels)
    assert told["records"] == 360
    assert told["grades"]["Clusters"]["f1"] > 0.98
    found = clusters(tmp_path / "clusters.csv")
    assert len(found) == told["records"] - told["entities"]
    pairs = duckdb.sql(f"select * from '{tmp_path / 'pairs.parquet'}' where linked").fetchall()
    assert len(pairs) >= len(found)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("a.csv", "utf-8-sig"), ("a.csv", "latin-1"), ("a.csv", "utf-16"), ("a.tsv", "utf-16"), ("a.csv.gz", "latin-1")],
)
def test_a_file_is_read_alike_in_the_ways_programs_save_it(tmp_path: Path, name: str, encoding: str) -> None:
    # What is not ASCII comes late: a look at the beginning would not tell.
    table = [{"record_id": f"r{n}", "first_name": "Ann", "last_name": "Ash"} for n in range(90_000)]
    table += [{"record_id": "last", "first_name": "José", "last_name": "Müller"}]
    text = (
        write(tmp_path / "plain.csv", table).read_text().replace(",", "\t" if ".tsv" in name else ",").encode(encoding)
    )
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)

    assert files.open_source(path).rows == len(table)
    for column in ("first_name", "last_name"):
        assert files.key_values(path, "record_id", column) == {row["record_id"]: row[column] for row in table}


@pytest.mark.parametrize("engine", ["duckdb", "recordlinkage"])
def test_every_engine_gives_the_same_clusters(tmp_path: Path, engine: str) -> None:
    path = write(tmp_path / "people.csv", rows(250, twice=40))
    link(path, out=tmp_path / "first.csv")
    link(path, out=tmp_path / "second.csv", engine=engine)
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()


def test_two_files_are_linked_one_to_one(tmp_path: Path) -> None:
    table = rows(300, twice=120)
    left = write(tmp_path / "left.csv", [row for row in table if row["record_id"][0] == "r"])
    right = write(tmp_path / "right.csv", [row for row in table if row["record_id"][0] == "s"])
    told = link(left, right, out=tmp_path / "out.csv")
    found = clusters(tmp_path / "out.csv")
    assert told["notes"] == []
    assert len(found) > 115
    assert all(len(pair) == 2 and {one[0] for one in pair} == {"r", "s"} for pair in found)


def test_a_file_that_holds_people_twice_is_not_linked_one_to_one(tmp_path: Path) -> None:
    table = rows(300, twice=120)
    left = write(tmp_path / "left.csv", table)
    again = [{**row, "record_id": f"t{row['record_id']}"} for row in table[:40]]
    told = link(left, write(tmp_path / "right.csv", again), out=tmp_path / "out.csv")
    assert any("holds people twice" in note for note in told["notes"])
    assert max(map(len, clusters(tmp_path / "out.csv"))) >= 3


def test_columns_without_names_are_recognised_by_their_values(tmp_path: Path) -> None:
    table = rows(400, twice=80)
    letters = dict(zip(table[0], "ABCDEF", strict=True))
    path = write(tmp_path / "letters.csv", [{letters[name]: value for name, value in row.items()} for row in table])
    mapped = tmp_path / "map.yaml"
    mapped.write_text("A: id\n")
    told = link(path, out=tmp_path / "out.csv", map=mapped)
    right = sum({one[1:] for one in cluster} == {min(cluster)[1:]} for cluster in clusters(tmp_path / "out.csv"))
    assert right > 70
    assert told["records"] == 480


def test_without_a_name_nothing_is_merged(tmp_path: Path) -> None:
    table = [{"record_id": row["record_id"], "phone": row["phone"], "dob": row["dob"]} for row in rows(200, twice=60)]
    told = link(write(tmp_path / "nameless.csv", table), out=tmp_path / "out.csv")
    assert told["linked_records"] == 0
    assert any("--map" in note for note in told["notes"])


MARY = {"first_name": "Mary", "surname": "Oduya", "mail": "mary.oduya@example.com", "town": "Dayton"}
PAUL = {"first_name": "Paul", "surname": "Berg", "mail": "", "town": "Dayton"}
JOHN = {"first_name": "John", "surname": "Smith", "mail": "jsmith@example.org", "town": "Tulsa"}


def test_of_three_records_the_two_with_one_name_and_mailbox_are_linked(tmp_path: Path) -> None:
    people = [{"record_id": str(n), **row} for n, row in enumerate((MARY, {**MARY, "first_name": "Maria"}, JOHN))]
    told = link(write(tmp_path / "three.csv", people), out=tmp_path / "out.csv", model=tmp_path / "model.json")
    assert clusters(tmp_path / "out.csv") == {frozenset("01")}
    assert any("too few to learn" in note for note in told["notes"])
    # What nothing was learned for is no model for another file.
    assert not (tmp_path / "model.json").exists()


def test_two_tiny_files_are_linked_to_one_another(tmp_path: Path) -> None:
    left = write(tmp_path / "left.csv", [{"record_id": "a", **MARY}, {"record_id": "b", **JOHN}])
    right = write(tmp_path / "right.csv", [{"record_id": "c", **MARY, "first_name": "M."}, {"record_id": "d", **PAUL}])
    link(left, right, out=tmp_path / "out.csv")
    assert clusters(tmp_path / "out.csv") == {frozenset("ac")}


def test_a_few_namesakes_kin_and_twins_stay_apart(tmp_path: Path) -> None:
    home = {"surname": "Oduya", "street": "5 Main Street", "town": "Dayton", "phone": "+12125550123"}
    people = [
        {**home, "first_name": "Mary", "dob": "1980-02-03", "mail": "oduyas@example.com"},
        {**home, "first_name": "Paul", "dob": "1978-05-06", "mail": "oduyas@example.com"},
        {**home, "first_name": "Anna", "dob": "2010-07-08", "mail": ""},
        {**home, "first_name": "Clara", "dob": "2010-07-08", "mail": ""},
        {**home, "first_name": "Mary", "dob": "1951-09-10", "mail": "", "street": "8 Mill Lane", "phone": ""},
        {**home, "first_name": "Paul", "dob": "", "mail": "", "street": "", "phone": "", "town": "Tulsa"},
    ]
    table = [{"record_id": str(n), **row} for n, row in enumerate(people)]
    link(write(tmp_path / "kin.csv", table), out=tmp_path / "out.csv")
    assert clusters(tmp_path / "out.csv") == set()


def test_a_trained_model_is_written_and_used_again(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(400, twice=80))
    model = tmp_path / "model.json"
    link(path, out=tmp_path / "first.csv", model=model)
    kept = model.read_text()
    link(path, out=tmp_path / "second.csv", model=model)
    assert model.read_text() == kept
    assert clusters(tmp_path / "first.csv") == clusters(tmp_path / "second.csv")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("nothing.csv", None, "does not exist"),
        ("people.xlsx", "x", "convert it"),
        ("empty.csv", "a,b\n", "has no rows"),
        ("broken.parquet", "not parquet", "cannot be read"),
        ("broken.csv.gz", "not packed", "cannot be unpacked"),
    ],
)
def test_what_does_not_fit_is_said_in_words(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match=said):
        link(path, out=tmp_path / "out.csv")


def test_a_wrong_map_and_wrong_labels_are_said_in_words(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(50, twice=5))
    mapped = tmp_path / "map.yaml"
    mapped.write_text("surname: lastname\n")
    with pytest.raises(CommandError, match="unknown roles"):
        link(path, out=tmp_path / "out.csv", map=mapped)
    with pytest.raises(CommandError, match="has no column cluster"):
        link(path, out=tmp_path / "out.csv", labels=path)


def test_of_more_columns_without_a_role_than_can_be_compared_those_that_tell_most_are_taken(tmp_path: Path) -> None:
    rng = random.Random(4)
    colours = [f"{a} {b}" for a in ("crimson", "olive", "teal", "umber") for b in ("coat", "hat", "scarf", "glove")]
    table = [{**row, **{f"extra {n}": rng.choice(colours) for n in range(9)}} for row in rows(50, twice=5)]
    for row in table:
        row["seldom"] = rng.choice(colours) if rng.random() < 0.3 else ""
        row["few"] = rng.choice(colours[:8])
    path, model = write(tmp_path / "people.csv", table), tmp_path / "model.json"
    found = link(path, out=tmp_path / "out.csv", model=model)
    said = "left out: few, seldom; at most 9 columns without a role are compared"
    assert any(note.startswith(said) for note in found["notes"])

    mapped = tmp_path / "map.yaml"
    mapped.write_text("seldom: other\n")
    found = link(path, out=tmp_path / "other.csv", map=mapped)
    assert any(note.startswith("left out: ") and "few" in note and "seldom" not in note for note in found["notes"])

    # A model is asked what it was trained with, whatever else a later file holds, or lacks.
    later = [{name: value for name, value in row.items() if name not in ("few", "extra 3")} for row in table]
    found = link(write(tmp_path / "later.csv", later), out=tmp_path / "later_out.csv", model=model)
    assert any("left out: seldom; the model was trained without them" in note for note in found["notes"])


@pytest.mark.parametrize(("memory", "told"), [("plenty", "no amount of memory"), ("1MB", "allow more with --memory")])
def test_a_limit_of_memory_that_does_not_do_is_said_in_words(tmp_path: Path, memory: str, told: str) -> None:
    path = write(tmp_path / "people.csv", rows(2_000, twice=50))
    with pytest.raises(CommandError, match=told):
        link(path, out=tmp_path / "out.csv", memory=memory)


@pytest.mark.processes
def test_a_folder_in_which_another_run_works_is_left_to_it(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(50, twice=5))
    words = ["link", str(path), "--out", str(tmp_path / "out.csv"), "--work", str(tmp_path / "work")]
    with running_to_training(words), pytest.raises(CommandError, match="another run works in"):
        link(path, out=tmp_path / "out.csv", work=tmp_path / "work")
    assert not (tmp_path / "out.csv").exists()


# Training that does not end by itself: the kill comes before the result, however late it comes.
_ENDLESS = """
import os, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
import manage
from identity.linkage.bulk.linking import Linking
Linking._train = lambda *_: time.sleep(3600)
manage.main()
"""


def kill_in_training(words: list[str]) -> None:
    """Run the command, and kill it when it trains."""
    with running_to_training(words):
        pass


@contextlib.contextmanager
def running_to_training(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The command, which has come to training; it is killed at the end."""
    command = [sys.executable, "-c", _ENDLESS, *words]
    with subprocess.Popen(command, cwd=PROJECT_FOLDER, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.strip() == "train":
                break
        else:
            raise AssertionError("".join(said))
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.processes
def test_a_run_that_is_killed_goes_on_in_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(1_500, twice=400))
    whole = tmp_path / "whole.csv"
    link(path, out=whole)
    words = ["link", str(path), "--out", str(tmp_path / "out.csv"), "--work", str(tmp_path / "work")]
    kill_in_training(words)
    assert not (tmp_path / "out.csv").exists()
    command = [sys.executable, "manage.py", *words]
    again = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)
    assert "block" not in again.stderr.split()
    assert (tmp_path / "out.csv").read_bytes() == whole.read_bytes()


@pytest.mark.processes
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_processes_that_clean_end_with_the_command(tmp_path: Path, how: signal.Signals) -> None:
    path, places = write(tmp_path / "people.parquet", rows(60_000, twice=1_000)), tmp_path / "places"
    places.mkdir()
    command = [sys.executable, "manage.py", "link", str(path), "--out", str(tmp_path / "out.csv")]
    environment = {**os.environ, "TMPDIR": str(places)}
    process = subprocess.Popen(command, cwd=PROJECT_FOLDER, env=environment, stderr=subprocess.DEVNULL)
    cleaning: list[psutil.Process] = []
    while len(cleaning) < 2:
        assert process.poll() is None, "the command ended before anything was cleaned"
        children = psutil.Process(process.pid).children()
        with contextlib.suppress(psutil.Error):  # one may end while it is looked at
            cleaning = [one for one in children if "multiprocessing.spawn" in " ".join(one.cmdline())]
        time.sleep(0.02)
    process.send_signal(how)
    process.wait(timeout=180)
    _, left = psutil.wait_procs([*cleaning, *children], timeout=180)
    assert [one.cmdline() for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
    # What was killed keeps its folder: nobody is left who could clear it away.
    assert how == signal.SIGKILL or list(places.iterdir()) == []
