"""The world and a channel, for each test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.receiver import Receiver, receiving
from tests.connectors.world import World


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Path) -> World:
    """People can be made in it; the loopback may be called, and files go to a folder of the test."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    settings.DROP_FOLDER = str(tmp_path)
    made = World(drop_folder=tmp_path)
    made.make_segment()
    return made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made
