"""Fixtures for every test. The servers are started by `tests/embedded.py`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from hypothesis import HealthCheck, settings
from pytest_django.plugin import DjangoDbBlocker

# No test asserts a time, those of Hypothesis neither: a busy machine is no failure.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# Django empties its own tables after a test that commits; these were made by SQL.
_PARTITIONED = ("events_inbox", "events_event", "events_cursor", "events_seen")


# What migrations and `post_migrate` wrote is the same for every test and is kept; making it anew took four fifths of
# the time that emptying takes.
_KEPT = ("django_content_type", "auth_permission")


def _delete_rows(self: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
    """Deleting the few rows of a test is a hundred times quicker than making new files for every table, which is what
    TRUNCATE does. As a replica, foreign keys and the audit log's guard are not asked. One round trip."""
    deletions = [f"delete from {self.quote_name(table)}" for table in tables if table not in _KEPT]
    return ["; ".join(["set session_replication_role = replica", *deletions, "set session_replication_role = origin"])]


DatabaseOperations.sql_flush = _delete_rows  # type: ignore[method-assign, assignment]
flush.emit_post_migrate_signal = lambda *_args, **_options: None  # type: ignore[attr-defined]


def _commits(node: pytest.Item) -> bool:
    marker = node.get_closest_marker("django_db")
    asked = {"transactional_db", "live_server"} & set(getattr(node, "fixturenames", ()))
    return bool(asked or (marker is not None and marker.kwargs.get("transaction")))


def _let_go() -> None:
    """Threads that asked the database hold a connection, with which no database can be dropped."""
    from campaigns import services
    from cdp.api import enduring

    services.let_go()
    enduring.patience.let_go()


# What makes a file a long one, the longest first.
_LONG = ("browser", "processes", "slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers take file after file, the long ones come first: none is begun when all others are done."""
    if not hasattr(config, "workerinput"):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def length(tests: list[pytest.Item]) -> tuple[int, int]:
        kinds = [place for place, kind in enumerate(_LONG) if any(one.get_closest_marker(kind) for one in tests)]
        return min(kinds, default=len(_LONG)), -len(tests)

    items[:] = [one for tests in sorted(files.values(), key=length) for one in tests]


@pytest.fixture(autouse=True)
def _empty_partitioned_tables(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A test that commits leaves no event behind."""
    yield
    if _commits(request.node):
        _let_go()
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            for table in _PARTITIONED:
                cursor.execute(f"delete from {table}")
