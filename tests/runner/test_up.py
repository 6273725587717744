"""`manage.py up` as a newcomer meets it: it starts, heals, stops, and says in one line why it does not."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.processes_kit import Product, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path, as unix sockets like it."""
    made = Path(tempfile.mkdtemp(prefix="cdp-up-", dir="/tmp"))
    made.chmod(0o711)
    yield made / "data"
    pointer = made / "data" / "postgres_home"
    if pointer.is_file():  # root, and a data folder that `nobody` cannot reach
        shutil.rmtree(pointer.read_text(encoding="utf-8"), ignore_errors=True)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def product(folder: Path) -> Iterator[Product]:
    product = Product(folder)
    yield product
    product.close()


def credentials(product: Product) -> list[str]:
    """The lines of the banner that must not change from start to start."""
    return [
        line for line in product.said().splitlines() if line.startswith(("  Password", "  Write key", "  API token"))
    ]


def test_it_starts_heals_after_kill_minus_9_of_each_child_and_stops_without_orphans(product: Product) -> None:
    product.up()
    assert product.get("/healthz") == 200
    assert len(credentials(product)) == 3

    for name in ["web", "work", "pipeline", "linkage", "beat", "valkey", "postgres"]:
        killed = product.child(name).pid
        os.kill(killed, signal.SIGKILL)
        wait_until(f"{name} runs again", lambda name=name, killed=killed: product.has(name, other_than=killed), 240)
    wait_until("the web server answers again", lambda: product.get("/healthz") == 200, 240)
    wait_until("the database answers again", lambda: product.get("/readyz") in {200, 503}, 240)

    assert product.stop() == 0
    assert product.tree() == []
    assert "The data is kept." in product.said()


def test_killing_the_supervisor_takes_everybody_along_and_the_next_start_finds_the_same_data(product: Product) -> None:
    product.up()
    before = credentials(product)
    assert product.process
    os.kill(product.process.pid, signal.SIGKILL)
    product.process.wait()

    product.up()  # at once, while the leftovers may still be stopping
    assert credentials(product) == before
    assert product.get("/healthz") == 200

    for process in [*product.tree()]:
        process.kill()
    product.process.kill()
    product.process.wait()
    wait_until("nobody is left", lambda: product.tree() == [], 120)

    product.up()
    assert credentials(product) == before
    assert product.stop(signal.SIGTERM) == 0
    assert product.tree() == []


def test_a_second_start_in_the_same_data_folder_is_refused_in_one_line(product: Product) -> None:
    product.up()
    second = Product(product.folder)
    second.output = product.folder.with_name("second.out")
    second.up(wait=False)
    assert second.process
    assert second.process.wait(timeout=300) == 1
    assert second.said().startswith("cause: the data folder")
    assert second.said().count("\n") == 1
    assert product.get("/healthz") == 200


def test_a_taken_port_is_named_with_another_one_to_use(product: Product) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", product.port))
        taken.listen()
        product.up(wait=False)
        assert product.process
        assert product.process.wait(timeout=300) == 1
    assert product.said().count("\n") == 1
    assert f"cause: port {product.port} is taken by" in product.said()
    assert "mend: stop that program, or choose another port: CDP_PORT=" in product.said()


def test_a_data_folder_that_is_a_file_is_refused_in_one_line(product: Product) -> None:
    product.folder.write_text("something else", encoding="utf-8")
    product.up(wait=False)
    assert product.process
    assert product.process.wait(timeout=300) == 1
    assert product.said() == (f"cause: {product.folder} is not a folder. mend: set CDP_DATA_DIR to a folder.\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_root_keeps_the_database_under_var_lib_when_the_data_folder_lies_in_a_closed_home(product: Product) -> None:
    product.folder.parent.chmod(0o700)
    product.up()
    home = Path((product.folder / "postgres_home").read_text(encoding="utf-8"))
    assert home.parent == Path("/var/lib/cdp")
    assert (home / "data" / "PG_VERSION").exists()
    assert product.folder.parent.stat().st_mode & 0o777 == 0o700
    assert product.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else")
def test_a_data_folder_of_somebody_else_is_refused_in_one_line(product: Product) -> None:
    product.folder.mkdir()
    os.chown(product.folder, 65534, 65534)
    product.up(wait=False)
    assert product.process
    assert product.process.wait(timeout=300) == 1
    assert product.said().startswith(f"cause: the data folder {product.folder} belongs to somebody else. mend: ")
    assert product.said().count("\n") == 1


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_the_start(product: Product) -> None:
    product.up()
    assert product.stop() == 0
    data = product.folder / "postgres" / "data"
    stale = data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{data}\n1\n5432\n{data.parent}/socket\n\n  0 0\nready\n", encoding="utf-8")
    shutil.chown(stale, data.stat().st_uid, data.stat().st_gid)

    product.up()
    assert "removed a stale postmaster.pid" in product.said()
    assert product.get("/healthz") == 200
