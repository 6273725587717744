"""Tables of a real MariaDB, by the same code. Skipped where no server is installed (Debian: mariadb-server-core)."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from common import clock
from connectors import services
from tests.connectors.pulls.test_postgres import IDENTIFY
from tests.connectors.pulls.world import Asked, came

# Servers are in /usr/sbin, which not everybody's PATH has.
MARIADB = shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(MARIADB is None, reason="no mariadbd here: apt-get install mariadb-server-core"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of its own on the loopback; its port."""
    folder = tmp_path_factory.mktemp("maria")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    who = ["--user=root"] if os.geteuid() == 0 else []
    data = ["--no-defaults", f"--datadir={folder}/data", *who]
    (folder / "data").mkdir()
    subprocess.run(
        [str(MARIADB), *data, "--bootstrap"], input=_bootstrap(), check=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    process = subprocess.Popen([
        str(MARIADB), *data, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/s",
        f"--pid-file={folder}/pid", "--skip-log-error",
    ], stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        _wait(folder / "s")
        with admin(folder / "s") as connection, connection.cursor() as cursor:
            cursor.execute("create database shop character set utf8mb4")
            cursor.execute("create user reader@'%' identified by 'hunter2'")
            cursor.execute("grant all on shop.* to reader@'%'")
        yield port
    finally:
        process.terminate()
        process.wait()


def _bootstrap() -> bytes:
    """The tables of the server itself, and one who may do everything."""
    tables = (Path("/usr/share/mysql") / f"mysql_{name}_tables.sql" for name in ("system", "performance"))
    root = "insert into global_priv values ('localhost', 'root', '{\"access\":18446744073709551615}');\n"
    return b"create database mysql;\nuse mysql;\n" + b"".join(one.read_bytes() for one in tables) + root.encode()


def admin(path: Path) -> Any:
    return pymysql.connect(unix_socket=str(path), user="root", autocommit=True)


def _wait(path: Path) -> None:
    end = time.monotonic() + 240
    while True:
        try:
            admin(path).close()
            return
        except pymysql.Error:
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.1)


@pytest.fixture
def tables(server: int) -> Iterator[Any]:
    with (
        pymysql.connect(
            host="127.0.0.1", port=server, user="reader", password="hunter2", database="shop", autocommit=True
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("drop table if exists people")
        cursor.execute("create table people (id int primary key, email varchar(200), first_name varchar(50),"
                       " spend decimal(9, 2), updated_at datetime(6) not null, index (updated_at, id))")  # fmt: skip
        cursor.execute("insert into people select seq, concat('p', seq, '@example.com'), 'Änn', seq / 2,"
                       " '2026-01-01 00:00:00.5' from seq_1_to_2500")  # fmt: skip
        yield cursor


def settings(server: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1", "port": server, "database": "shop", "user": "reader", "tls": "off", "table": "people",
        "cursor": "updated_at", "key": "id", **more,
    }  # fmt: skip


def test_rows_come_once_and_changes_after_them(asked: Asked, server: int, tables: Any) -> None:
    asked.setup("mysql", settings(server, look_back=0), {"password": "hunter2"}, mapping=IDENTIFY)
    turns = [asked.pull(seconds=0).rows for _ in range(3)]
    assert turns == [1000, 1000, 500]
    assert asked.pull().done
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 2_500
    assert came()[0]["traits"]["first_name"] == "Änn"
    assert came()[0]["timestamp"] == "2026-01-01T00:00:00.500Z"
    tables.execute("update people set spend = 9, updated_at = '2026-01-01 00:00:01' where id in (3, 4)")
    assert asked.pull().items == 2


def test_more_rows_than_a_page_are_read_in_pages(
    asked: Asked, server: int, tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.pulls.mysql.MySql.page", 600)
    asked.setup("mysql", settings(server, mode="full"), {"password": "hunter2"}, mapping=IDENTIFY)
    assert asked.pull().items == 2_500
    tables.execute("delete from people where id > 2000")
    tables.execute("update people set spend = 7777 where id = 1")
    did = asked.pull()
    assert (did.items, did.unchanged, did.gone) == (1, 1_999, 500)


def test_what_is_wrong_is_told(asked: Asked, server: int, tables: Any) -> None:
    def told(secret: str = "hunter2", **more: Any) -> str:
        return services.test_pull(
            source_id=asked.id, kind="mysql", settings=settings(server, **more), secrets={"password": secret},
            now=clock.now(),
        ).message  # fmt: skip

    assert "5 columns" in told()
    assert "refuses this user" in told("wrong")
    assert "nothing" in told(table="nothing")
    assert "TLS" in told(tls="on")
    assert "took too long" in told(seconds=1, table="", query="select *, sleep(3) from people where id < 9")
    assert "refused" in told(host="10.0.0.1")
    assert "does not answer" in told(port=1)


def test_nothing_can_be_written_by_it(asked: Asked, server: int, tables: Any) -> None:
    tables.execute("drop function if exists bump")
    tables.execute("create function bump() returns int modifies sql data begin insert into people values"
                   " (99999, '', '', 0, now()); return 1; end")  # fmt: skip
    asked.setup(
        "mysql", settings(server, table="", query="select *, bump() as b from people"), {"password": "hunter2"},
        mapping=IDENTIFY,
    )  # fmt: skip
    assert "READ ONLY" in asked.pull().problem
    tables.execute("select count(*) from people where id = 99999")
    assert tables.fetchone() == (0,)
