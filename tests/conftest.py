"""Fixtures for every test. The servers are started by `tests/embedded.py`."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

# Django empties its own tables after a test that commits; these were made by SQL.
_PARTITIONED = "events_inbox, events_event, events_cursor, events_seen"


def _commits(node: pytest.Item) -> bool:
    marker = node.get_closest_marker("django_db")
    asked = {"transactional_db", "live_server"} & set(getattr(node, "fixturenames", ()))
    return bool(asked or (marker is not None and marker.kwargs.get("transaction")))


@pytest.fixture(autouse=True)
def _empty_partitioned_tables(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A test that commits leaves no event behind."""
    yield
    if _commits(request.node):
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f"truncate {_PARTITIONED}")


def pytest_configure() -> None:
    # A password costs a second to hash, on purpose; a test makes dozens of people.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
