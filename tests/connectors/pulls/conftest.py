"""A database on the loopback, and a source that is asked for rows."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from common import clock, pg
from events import services as events
from tests.connectors.carriers.test_postgres_table import Wire
from tests.connectors.pulls.world import Asked


@pytest.fixture
def asked(transactional_db: None, settings: Any) -> Asked:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return Asked()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def shop(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """Another database session, with a schema whose tables are somebody else's."""
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if parameters.get(name)}
    with psycopg.connect(**wanted, autocommit=True) as made:
        made.execute("drop schema if exists in_test cascade")
        made.execute("create schema in_test")
        yield made
        made.execute("drop schema in_test cascade")
