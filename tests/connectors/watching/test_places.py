"""Files that others put somewhere come in by themselves, once, mapped as the last of their kind was."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from common import clock, pg
from connectors import selectors, services
from connectors.contracts import InvalidSettings
from connectors.imports.models import Import
from events import services as events
from tests.connectors.carriers.sftp_server import PASSWORD, USER, SftpServer

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = b"Customer ID,E-Mail\n1,ana@example.com\n"
Put = Callable[[str, bytes], None]


@pytest.fixture
def source(transactional_db: None, settings: Any, tmp_path: Path) -> int:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    settings.WATCH_FOLDER = str(tmp_path / "watched")
    (tmp_path / "watched" / "crm").mkdir(parents=True)
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return services.create_source(name="Till", kind="offline", by="ann").id


def mapped_before(source: int) -> None:
    """A file with this header came in once, so its mapping is known."""
    draft = services.take_file(source_id=source, name="first.csv", chunks=[FIRST], by="ann", now=clock.now())
    services.request_run(import_id=draft.id, mapping=dict(draft.mapping), dry=False, by="ann", now=clock.now())
    services.run_imports(now=clock.now())


def old(path: Path) -> None:
    """As if it had been written a while ago."""
    then = time.time() - 600
    os.utime(path, (then, then))


def look(minutes: int = 0) -> int:
    now = clock.now() + timedelta(minutes=minutes)
    taken = services.look_at_places(now=now)
    services.run_imports(now=now)
    return taken


def keep(source: int, place: str, settings: dict[str, Any], every: int = 10, **secrets: str) -> None:
    services.keep_watch(
        source_id=source, place=place, settings=settings, secrets=secrets, every_minutes=every, by="ann",
        now=clock.now(),
    )  # fmt: skip


@pytest.fixture(params=["folder", "s3", "sftp"])
def place(request: pytest.FixtureRequest, source: int, tmp_path: Path) -> Iterator[Put]:
    """A watched place; called with a name and a content it puts a file there."""
    if request.param == "folder":
        keep(source, "folder", {"folder": "crm", "pattern": "*.csv"})
        yield lambda name, content: _write(tmp_path / "watched" / "crm" / name, content)
    elif request.param == "s3":
        yield from _bucket(source)
    else:
        (tmp_path / "remote" / "crm").mkdir(parents=True)
        server = SftpServer(tmp_path / "remote")
        keep(source, "sftp", {"host": "127.0.0.1", "port": server.port, "host_key": server.fingerprint, "user": USER,
                              "folder": "crm", "pattern": "*.csv"}, password=PASSWORD)  # fmt: skip
        yield lambda name, content: _write(tmp_path / "remote" / "crm" / name, content)
        server.close()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    old(path)


def _bucket(source: int) -> Iterator[Put]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    bucket = boto3.resource(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="AKIA1", aws_secret_access_key="s",
    ).create_bucket(Bucket="crm")  # fmt: skip
    bucket.put_object(Key="out/deeper/not-this.csv", Body=FIRST)
    keep(source, "s3", {"bucket": "crm", "endpoint": url, "access_key_id": "AKIA1", "folder": "out",
                        "pattern": "*.csv"}, secret_access_key="s")  # fmt: skip
    yield lambda name, content: bucket.put_object(Key=f"out/{name}", Body=content)
    # moto's buckets are those of the process: others look there, too.
    bucket.objects.all().delete()
    bucket.delete()
    server.stop()


def test_a_file_comes_in_once_and_its_next_content_again(source: int, place: Put) -> None:
    mapped_before(source)
    place("people.csv", FIRST + b"2,ben@example.com\n")
    place("notes.txt", b"nothing")
    assert look() == 1
    assert look(11) == 0
    place("people.csv", FIRST + b"3,lea@example.com\n4,kim@example.com\n")
    assert look(22) == 1
    watched = selectors.watch(source)
    assert watched is not None
    assert [(one.name, one.problem) for one in watched.files] == [("people.csv", ""), ("people.csv", "")]
    states = Import.objects.filter(file_name="people.csv").order_by("pk").values_list("state", "counts__good")
    assert list(states) == [("done", 2), ("done", 3)]


def test_a_file_of_a_new_kind_waits_for_a_person(source: int, place: Put) -> None:
    place("people.csv", FIRST)
    assert look() == 1
    watched = selectors.watch(source)
    assert watched is not None
    assert "never mapped" in watched.files[0].problem
    draft = selectors.one_import(watched.files[0].import_id or 0)
    assert draft is not None
    assert draft.state == "draft"
    services.request_run(import_id=draft.id, mapping=dict(draft.mapping), dry=False, by="ann", now=clock.now())
    services.run_imports(now=clock.now())
    place("more.csv", FIRST + b"9,zoe@example.com\n")
    assert look(11) == 1
    assert Import.objects.get(file_name="more.csv").state == "done"


def test_a_file_that_is_none_is_told_and_not_tried_again(source: int, place: Put) -> None:
    place("broken.csv", b"\x7fELF\0\0")
    assert look() == 0
    assert look(11) == 0
    watched = selectors.watch(source)
    assert watched is not None
    assert [(one.import_id, "no CSV" in one.problem) for one in watched.files] == [(None, True)]


def test_a_file_that_may_be_growing_is_left_for_the_next_look(source: int, tmp_path: Path) -> None:
    mapped_before(source)
    keep(source, "folder", {"folder": "crm"}, every=600)
    (tmp_path / "watched" / "crm" / "people.csv").write_bytes(FIRST)
    assert look() == 0
    assert look(1) == 1, "half a minute later, and not ten hours"


def test_links_hidden_files_and_folders_outside_are_not_taken(source: int, tmp_path: Path) -> None:
    mapped_before(source)
    (tmp_path / "secret.csv").write_bytes(FIRST)
    (tmp_path / "watched" / "crm" / "link.csv").symlink_to(tmp_path / "secret.csv")
    _write(tmp_path / "watched" / "crm" / ".hidden.csv", FIRST)
    keep(source, "folder", {"folder": "crm"})
    assert look() == 0
    (tmp_path / "watched" / "out").symlink_to(tmp_path)
    keep(source, "folder", {"folder": "out"})
    assert look(1) == 0
    assert "leads out" in selectors.watch(source).problem  # type: ignore[union-attr]


def test_a_place_that_cannot_be_reached_is_told_and_looked_at_again(source: int, tmp_path: Path) -> None:
    mapped_before(source)
    keep(source, "folder", {"folder": "later"})
    assert look() == 0
    assert "not there (yet)" in selectors.watch(source).problem  # type: ignore[union-attr]
    (tmp_path / "watched" / "later").mkdir()
    _write(tmp_path / "watched" / "later" / "people.csv", FIRST)
    assert look(5) == 0, "it is not yet time"
    assert look(11) == 1
    assert selectors.watch(source).problem == ""  # type: ignore[union-attr]


def test_a_paused_place_is_not_looked_at(source: int, tmp_path: Path) -> None:
    mapped_before(source)
    keep(source, "folder", {"folder": "crm"})
    services.switch_watch(source_id=source, enabled=False, by="ann", now=clock.now())
    _write(tmp_path / "watched" / "crm" / "people.csv", FIRST)
    assert look(60) == 0
    services.switch_watch(source_id=source, enabled=True, by="ann", now=clock.now())
    assert look(61) == 1


def test_settings_are_checked(source: int) -> None:
    for place, settings, told in (
        ("folder", {"folder": "../etc"}, "relative"), ("s3", {"bucket": "b"}, "Access key id"),
        ("ftp", {}, "choose one"),
        ("sftp", {"host": "h", "host_key": "x", "user": "u"}, "fingerprint"),
    ):  # fmt: skip
        with pytest.raises(InvalidSettings, match=told):
            keep(source, place, settings)
    with pytest.raises(InvalidSettings, match="between"):
        keep(source, "folder", {}, every=0)
