"""Fixtures: a connection inside the test's own transaction."""

from typing import Any

import psycopg
import pytest

from common import pg


@pytest.fixture
def conn(db: None) -> psycopg.Connection[Any]:
    """The connection under Django's, inside the transaction that the test rolls back."""
    return pg.raw()
