"""Members as files: one version, any size, masked unless asked otherwise, and whole whatever dies meanwhile."""

import csv
import io
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from django.db import connection

from common import jobs
from common.models import AuditEntry, Job
from connectors import selectors, services
from connectors.contracts import BadColumns, ExportView
from connectors.storage import services as storage
from connectors.storage.models import FilePart
from tests.connectors.killing import kill_worker, wait_until
from tests.connectors.world import World

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = ["identifiers.email", "traits.plan", "traits.first_name", "created_at"]


@pytest.fixture
def world(transactional_db: None, tmp_path: Path) -> World:
    """As elsewhere, but committed: a second connection writes the file."""
    made = World(drop_folder=tmp_path)
    made.make_segment()
    made.person(1, "ana@example.com", plan="pro", first_name="Ana")
    made.person(2, plan=["a", 1])
    made.person(3, "lea@example.com", plan="=1+1")
    made.add_email(3, "lea@example.org")
    made.enter(1, 2, 3)
    return made


def ask(world: World, **more: Any) -> ExportView:
    wanted: dict[str, Any] = {"file_format": "ndjson", "columns": COLUMNS, "personal": True, **more}
    return services.request_export(segment_id=world.segment_id, by="ann", now=world.now, **wanted)


def written(world: World, **more: Any) -> ExportView:
    asked = ask(world, **more)
    assert services.write_exports(now=world.now) == 1
    done = selectors.export(asked.id)
    assert done is not None
    assert (done.state, done.size) == ("done", len(content(done)))
    return done


def content(export: ExportView) -> bytes:
    return b"".join(selectors.export_file(export.id))


def lines(export: ExportView) -> list[Mapping[str, str]]:
    return [json.loads(line) for line in content(export).splitlines()]


def test_the_file_holds_the_members_of_one_version(world: World) -> None:
    done = written(world)
    world.leave(1)
    assert done.rows == 3
    first, second, third = lines(done)
    assert first["profile_id"] == "1"
    assert (first["identifiers.email"], first["traits.plan"], first["traits.first_name"]) == (
        "ana@example.com",
        "pro",
        "Ana",
    )
    assert (second["identifiers.email"], second["traits.plan"]) == ("", '["a",1]')
    assert set(third["identifiers.email"].split(";")) == {"lea@example.com", "lea@example.org"}
    again = written(world)
    assert [row["profile_id"] for row in lines(again)] == ["2", "3"]
    assert again.at_seq is not None
    assert done.at_seq is not None
    assert again.at_seq > done.at_seq


def test_all_formats_say_the_same_and_no_cell_is_run(world: World) -> None:
    told = lines(written(world))
    text = content(written(world, file_format="csv")).decode()
    assert [dict(row) for row in csv.DictReader(io.StringIO(text))] == [
        {name: "'=1+1" if value == "=1+1" else value for name, value in row.items()} for row in told
    ]
    table = pq.read_table(io.BytesIO(content(written(world, file_format="parquet"))))
    assert table.to_pylist() == told
    assert {str(field.type) for field in table.schema} == {"string"}


def test_personal_data_is_masked_unless_it_was_asked_for(world: World) -> None:
    world.set_traits(2, plan="write to bob@example.com", first_name="Robert")
    text = content(written(world, personal=False)).decode()
    for secret in ("ana@", "lea@", "bob@", "Ana", "Robert"):
        assert secret not in text
    assert "a•••@example.com" in text
    assert '"traits.plan":"pro"' in text


def test_an_empty_segment_gives_a_file_with_its_columns(world: World) -> None:
    world.leave(1, 2, 3)
    assert content(written(world, file_format="csv")).decode().startswith('"profile_id","identifiers.email"')
    assert pq.read_table(io.BytesIO(content(written(world, file_format="parquet")))).num_rows == 0


def test_columns_that_no_export_has_are_refused(world: World) -> None:
    with pytest.raises(BadColumns, match=r"password, identifiers\."):
        ask(world, columns=["password", "identifiers.", "traits.plan"])
    with pytest.raises(BadColumns, match="61 columns"):
        ask(world, columns=[f"traits.t{n}" for n in range(61)])
    assert ask(world, columns=[]).columns == ("identifiers.user_id", "identifiers.email")


def test_a_large_file_is_kept_in_parts_and_read_in_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PART_BYTES", 10_000)
    world.people(range(100, 6_200))
    world.enter(*range(100, 6_200))
    done = written(world)
    assert FilePart.objects.count() > 20
    assert [int(row["profile_id"]) for row in lines(done)] == [1, 2, 3, *range(100, 6_200)]
    job = Job.objects.get(pk=done.job_id)
    assert (job.state, job.done, job.total, job.counts) == ("succeeded", 6_103, 6_103, {"rows": 6_103})


def test_one_that_is_cancelled_leaves_no_file(world: World) -> None:
    asked = ask(world)
    jobs.cancel(asked.job_id)
    assert services.write_exports(now=world.now) == 0
    found = selectors.export(asked.id)
    assert found is not None
    assert (found.state, content(found)) == ("cancelled", b"")
    assert Job.objects.get(pk=asked.job_id).state == "cancelled"


def test_two_workers_write_one_file_once(world: World) -> None:
    asked = ask(world)
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if parameters.get(name)}
    with psycopg.connect(**wanted, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s, %s)", (0x6578706F, asked.id))
        assert services.write_exports(now=world.now) == 0
        assert selectors.export(asked.id).state == "waiting"  # type: ignore[union-attr]
    assert services.write_exports(now=world.now) == 1
    assert services.write_exports(now=world.now) == 0


_WORKER = """
from connectors.storage import services as storage
storage.PART_BYTES = 2_000
hand_on, rest = storage.Parts._hand_on, resting(0.01, steps=20)
storage.Parts._hand_on = lambda parts, size: (hand_on(parts, size), rest())
services.write_exports(now=clock.now())
"""


@pytest.mark.processes
def test_a_worker_that_is_killed_leaves_nothing_half_and_the_next_writes_it_whole(world: World) -> None:
    world.people(range(100, 30_000))
    world.enter(*range(100, 30_000))
    asked = ask(world)
    kill_worker(_WORKER, when=FilePart.objects.exists)
    assert selectors.export(asked.id).state == "waiting"  # type: ignore[union-attr]
    wait_until(lambda: services.write_exports(now=world.now) == 1)  # the killed session's lock goes when it is noticed
    done = selectors.export(asked.id)
    assert done is not None
    assert done.rows == 29_903
    assert len({row["profile_id"] for row in lines(done)}) == 29_903


def test_files_are_gone_after_a_week_and_all_is_in_the_audit_log(world: World) -> None:
    done = written(world)
    services.note_download(done, by="ann")
    assert services.expire_exports(now=world.now + timedelta(days=6)) == 0
    assert services.expire_exports(now=world.now + timedelta(days=8)) == 1
    found = selectors.export(done.id)
    assert found is not None
    assert (found.state, found.available, content(found)) == ("expired", False, b"")
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"export.requested", "export.downloaded"}
