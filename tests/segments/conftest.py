import pytest

from tests.segments.world import World


@pytest.fixture
def world(db: None) -> World:
    return World()
