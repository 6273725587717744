"""Files on their way in: counted first, taken in once whatever dies, and each row that is not fine is told."""

import csv
import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cdp.pipeline.run import Applier
from common import clock, jobs, pg
from common.models import AuditEntry, Job
from connectors import selectors, services
from connectors.contracts import BadMapping, ImportView, UnreadableFile
from connectors.storage.models import FilePart, StoredFile
from events import selectors as log
from events import services as events
from identity import selectors as identity
from tests.applying import apply_all
from tests.connectors.killing import kill_worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = """Customer ID;E-Mail;First name;Age
1;ana@example.com;Ana;30
2;ben@example.com;Ben;-4
1;ana@example.com;Ana;30
;;Nobody;50
3;lea@example.com;Lea
4;kim@example.com;Kim;old
"""


@pytest.fixture
def source(transactional_db: None) -> int:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return services.create_source(name="Till", kind="offline", by="ann").id


def taken(source: int, content: str | bytes = PEOPLE, name: str = "people.csv") -> ImportView:
    data = content.encode() if isinstance(content, str) else content
    return services.take_file(source_id=source, name=name, chunks=[data], by="ann", now=clock.now())


def with_range(draft: ImportView) -> dict[str, Any]:
    columns = [
        {**one, "kind": "number", "least": 0} if one["name"] == "Age" else one for one in draft.mapping["columns"]
    ]
    return {**draft.mapping, "columns": columns}


def run(draft: ImportView, *, dry: bool = False, mapping: dict[str, Any] | None = None) -> ImportView:
    services.request_run(
        import_id=draft.id, mapping=mapping or dict(draft.mapping), dry=dry, by="ann", now=clock.now()
    )  # fmt: skip
    assert services.run_imports(now=clock.now()) == 1
    done = selectors.one_import(draft.id)
    assert done is not None
    return done


def apply() -> None:
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()


def problems(one: ImportView) -> list[dict[str, str]]:
    text = b"".join(selectors.import_problems(one.id)).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_a_check_counts_everything_and_writes_nothing(source: int) -> None:
    draft = taken(source)
    assert (draft.layout.delimiter, draft.header) == (";", ("Customer ID", "E-Mail", "First name", "Age"))
    checked = run(draft, dry=True, mapping=with_range(draft))
    counts = checked.checked
    assert counts is not None
    assert (checked.state, counts.rows, counts.good, counts.duplicates) == ("draft", 6, 4, 1)
    assert counts.refused == {"not as many cells as the header has": 1}
    assert counts.flagged == {"Age: below the range": 1, "Age: not a number": 1}
    assert counts.blank == {"Customer ID": 1, "E-Mail": 1, "First name": 0, "Age": 0}
    assert [(one["row"], one["column"], one["reason"], one["came in"]) for one in problems(checked)] == [
        ("2", "Age", "below the range", "yes"), ("3", "", "the same as an earlier row", "no"),
        ("5", "", "not as many cells as the header has", "no"), ("6", "Age", "not a number", "yes"),
    ]  # fmt: skip
    apply()
    assert identity.find_profile("user_id", "1") is None


def test_what_was_counted_comes_in_and_the_file_is_let_go(source: int) -> None:
    draft = taken(source)
    assert run(draft, dry=True).checked is not None
    again = selectors.one_import(draft.id)
    assert again is not None
    done = run(again)
    assert done.counts == again.checked
    assert (done.state, done.file_size) == ("done", None)
    apply()
    profile_id = identity.find_profile("email", "ana@example.com")
    assert profile_id is not None
    assert profile_id == identity.find_profile("user_id", "1")
    profile = identity.profile_view(profile_id)
    assert profile is not None
    assert profile.traits["first_name"] == "Ana"
    assert StoredFile.objects.count() == 1, "only the problems are kept"
    assert AuditEntry.objects.filter(action="import.started").count() == 1
    assert Job.objects.get(pk=done.job_id).counts == {"rows": 6, "good": 4}


def test_the_same_file_again_changes_nothing_and_remembers_its_mapping(source: int) -> None:
    mapping = with_range(taken(source))
    run(taken(source), mapping=mapping)
    apply()
    second = taken(source, PEOPLE.replace("Ana;30", "Ana;31"))
    assert second.mapping == mapping
    run(second)
    apply()
    assert sum(row[3] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 3, "dropped as repeats"


def test_rows_become_events_at_their_own_time(source: int) -> None:
    text = "Invoice,Date,Customer ID,Amount\nC1,3/12/2025 10:00,7,-5\n2,14/12/2025 11:30,7,12.5\n"
    draft = taken(source, text)
    assert (draft.mapping["rows"], draft.mapping["event"]) == ("track", "Order Completed")
    run(
        draft,
        mapping={**draft.mapping, "cases": [{"column": "Invoice", "starts_with": "C", "event": "Order Cancelled"}]},
    )
    apply()
    with connection.cursor() as cursor:
        cursor.execute("select name, occurred_at, properties ->> 'amount' from events_event order by occurred_at")
        rows = [(name, at.isoformat(), amount) for name, at, amount in cursor.fetchall()]
    assert rows == [
        ("Order Cancelled", "2025-12-03T10:00:00+00:00", "-5"),
        ("Order Completed", "2025-12-14T11:30:00+00:00", "12.5"),
    ]  # fmt: skip


ORDERS = """Order,Date,Customer ID,E-Mail,Amount,Company,Account
1,2026-03-01 10:00,7,ana@example.com,12.5,Acme,acme
2,2026-03-01 11:00,7,ana@example.com,8,Acme,acme
3,2026-03-01 12:00,8,ben@example.com,3,,
4,someday,9,lea@example.com,1,,
5,2026-03-01 13:00,10,,2,,
2,2026-03-01 11:00,7,ana@example.com,8,Acme,acme
,,,,,,
"""
_ID = {"name": "Customer ID", "to": "identifiers.user_id"}
_MAIL = {"name": "E-Mail", "to": "identifiers.email"}
SEVERAL: dict[str, Any] = {"items": [
    {"rows": "track", "event": "Order Completed", "columns": [
        _ID, {"name": "Date", "to": "timestamp"}, {"name": "Order", "to": "properties.order_id"},
        {"name": "Amount", "to": "properties.revenue", "kind": "number", "least": 0, "most": 10},
    ]},
    {"rows": "identify", "columns": [_MAIL, {"name": "Company", "to": "traits.company"}]},
    {"rows": "group", "columns": [_ID, {"name": "Account", "to": "group_id"}, {"name": "Company", "to": "traits.n"}]},
]}  # fmt: skip


def test_a_row_becomes_several_items_and_each_of_them_counts_once(source: int) -> None:
    checked = run(taken(source, ORDERS), dry=True, mapping=SEVERAL)
    counts = checked.checked
    assert counts is not None
    assert (counts.rows, counts.good, counts.duplicates) == (7, 4, 1)
    assert counts.events == {"Order Completed": 4, "identify": 2, "group": 1}, "what rows tell alike is told once"
    assert counts.refused == {"not a date": 1, "no_identity": 1}
    assert counts.flagged == {
        "Amount: above the range": 1,
        "identify: The item has neither `userId` nor `anonymousId`.": 1,
    }
    assert [(one["row"], one["column"], one["came in"]) for one in problems(checked)] == [
        ("1", "Amount", "yes"), ("4", "Date", "no"), ("5", "identify", "yes"), ("6", "", "no"), ("7", "", "no"),
    ]  # fmt: skip
    done = run(checked, mapping=SEVERAL)
    assert done.counts == counts
    apply()
    with connection.cursor() as cursor:
        cursor.execute("select type, count(*) from events_event group by type order by type")
        assert sorted(count for _, count in cursor.fetchall()) == [1, 2, 4]
    ana = identity.find_profile("email", "ana@example.com")
    assert ana is not None
    view = identity.profile_view(ana)
    assert view is not None
    assert view.traits["company"] == "Acme"


def test_of_a_file_that_comes_again_with_more_only_what_is_new_comes_in(source: int) -> None:
    run(taken(source, ORDERS), mapping=SEVERAL)
    apply()
    again = run(taken(source, ORDERS + "6,2026-03-02,8,ben@example.com,9,,\n"))
    assert again.mapping == SEVERAL, "remembered"
    apply()
    assert sum(row[3] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 7, "dropped as repeats"
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from events_event")
        assert cursor.fetchone()[0] == 8


def test_a_file_is_read_differently_when_that_is_asked(source: int) -> None:
    draft = taken(source, "a;b\nGr\xfcn;1\n".encode("cp1252"))
    changed = services.change_layout(import_id=draft.id, encoding="cp1252", delimiter=",", sheet="")
    assert changed.header == ("a;b",)
    assert services.sample_rows(draft.id) == [["Grün;1"]]
    with pytest.raises(UnreadableFile):
        services.change_layout(import_id=draft.id, encoding="utf-16", delimiter=",", sheet="")


def test_what_cannot_be_used_is_told_before_anything_runs(source: int) -> None:
    with pytest.raises(UnreadableFile):
        taken(source, b"\x7fELF\0\0")
    assert StoredFile.objects.count() == 0
    draft = taken(source)
    with pytest.raises(BadMapping):
        services.request_run(import_id=draft.id, mapping={}, dry=True, by="ann", now=clock.now())
    run(draft)
    with pytest.raises(services.NotNow, match="done"):
        services.request_run(import_id=draft.id, mapping=dict(draft.mapping), dry=False, by="ann", now=clock.now())


def test_one_that_is_stopped_says_how_far_it_came(source: int) -> None:
    draft = taken(source)
    services.request_run(import_id=draft.id, mapping=dict(draft.mapping), dry=False, by="ann", now=clock.now())
    jobs.cancel(selectors.one_import(draft.id).job_id or 0)  # type: ignore[union-attr]
    services.run_imports(now=clock.now())
    stopped = selectors.one_import(draft.id)
    assert stopped is not None
    assert stopped.state == "cancelled"
    assert stopped.counts is not None
    assert stopped.counts.rows == 6


def large(rows: int) -> bytes:
    """The last hundred rows are those of the beginning again."""
    numbers = [n % (rows - 100) for n in range(rows)]
    lines = (f"{n},p{n}@example.com,Name{n % 97}" for n in numbers)
    return ("Customer ID,E-Mail,First name\n" + "\n".join(lines) + "\n").encode()


_WORKER = """
services.run_imports(now=clock.now(), after=resting(0.05, steps=3))
"""


@pytest.mark.processes
def test_a_worker_that_is_killed_costs_no_row_and_none_comes_twice(source: int) -> None:
    draft = taken(source, large(20_000))
    services.request_run(import_id=draft.id, mapping=dict(draft.mapping), dry=False, by="ann", now=clock.now())
    kill_worker(_WORKER, when=lambda: bool(_inbox()[0]))
    part = _inbox()[1]
    assert 0 < part < 19_900
    wait_until(lambda: services.run_imports(now=clock.now()) == 1)
    done = selectors.one_import(draft.id)
    assert done is not None
    assert done.counts is not None
    assert (done.state, done.counts.rows, done.counts.good, done.counts.duplicates) == ("done", 20_000, 19_900, 100)
    assert _inbox()[1] == 19_900
    assert len(problems(done)) == 100


def _inbox() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("select count(*), coalesce(sum(events), 0) from events_inbox")
        requests, items = cursor.fetchone()
    return int(requests), int(items)


_READS = """
import os, sys, pathlib
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
import django
django.setup()
from connectors.imports.services import check_file
assert check_file(pathlib.Path(sys.argv[1])).good == 4
print("pandas" in sys.modules)
"""


def test_a_worker_that_reads_files_does_not_carry_pandas_for_it(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-c", _READS, str(tmp_path / "people.csv")], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["False"]


def test_files_are_let_go_when_they_are_of_no_use(source: int) -> None:
    run(taken(source))
    assert FilePart.objects.count() == StoredFile.objects.count() == 1


def _command(*words: str) -> str:
    out = io.StringIO()
    call_command("import_file", *words, stdout=out)
    return out.getvalue()


def test_the_command_shows_counts_and_takes_in(source: int, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    assert '"identifiers.email"' in _command(str(file), "--show-mapping")
    assert '"good": 4' in _command(str(file), "--dry-run")
    assert not StoredFile.objects.exists()
    assert '"good": 4' in _command(str(file), "--source", "till")
    with pytest.raises(CommandError, match="Known: till"):
        _command(str(file), "--source", "none")
    with pytest.raises(CommandError, match="no file"):
        _command(str(tmp_path / "none.csv"), "--dry-run")
    (tmp_path / "map.json").write_text('{"rows": "identify", "columns": []}', encoding="utf-8")
    with pytest.raises(CommandError, match="who it is"):
        _command(str(file), "--dry-run", "--mapping", str(tmp_path / "map.json"))
