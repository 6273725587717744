"""A shop that can write to people."""

from collections.abc import Iterator

import pytest

from tests.campaigns.sending_world import World


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    made = World()
    made.policy()
    yield made
    made.close()
