"""An ingestion API with one web source, on the real database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from common import clock, pg
from connectors.sources.contracts import SourceView
from connectors.sources.ingestion import Ingestion
from connectors.sources.services import create_source
from events.services import ensure_inbox
from tests.ingestion.client import Caller

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def source(transactional_db: None) -> SourceView:
    return create_source(name="Shop", kind="web", by="tests")


@pytest.fixture
def call(source: SourceView) -> Iterator[Caller]:
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    application = Ingestion(nudge=lambda: None, key_seconds=0)
    yield Caller(application)
    application.close()
