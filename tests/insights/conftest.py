from collections.abc import Iterator

import pytest

from common import clock
from tests.insights import crowd
from tests.insights.sending import Sender
from tests.insights.world import Shop


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop()


@pytest.fixture
def sender(transactional_db: None) -> Iterator[Sender]:
    made = Sender()
    yield made
    made.close()


@pytest.fixture
def people(sender: Sender) -> Sender:
    """The crowd, with its past."""
    crowd.fill(sender, clock.now())
    return sender
