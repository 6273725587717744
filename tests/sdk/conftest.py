"""One web server for all libraries."""

from collections.abc import Iterator

import pytest

from tests.server import web_server


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[int]:
    """The port of the running server."""
    with web_server() as port:
        yield port
