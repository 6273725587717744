"""Fixtures: a connection inside the test's own transaction, and real ones for what must commit."""

from typing import Any

import psycopg
import pytest

from common import pg


@pytest.fixture
def conn(db: None) -> psycopg.Connection[Any]:
    """The connection under Django's, inside the transaction that the test rolls back."""
    return pg.raw()
