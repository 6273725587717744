"""Braze: what is its own."""

from collections.abc import Iterator

import pytest

from connectors.destinations.errors import InvalidPayload
from connectors.destinations.kit import Delivered
from tests.connectors.vendors.braze import EXAMPLE, Braze
from tests.connectors.vendors.vendor import json_of


@pytest.fixture
def vendor() -> Iterator[Braze]:
    made = Braze()
    yield made
    made.close()


def test_a_row_that_is_refused_fails_alone_by_its_index(vendor: Braze) -> None:
    rows = [EXAMPLE.payload(0), EXAMPLE.payload(1, external_id="bad"), EXAMPLE.payload(2)]
    assert [type(verdict) for verdict in EXAMPLE.perform(vendor, rows)] == [Delivered, InvalidPayload, Delivered]
    assert set(vendor.members) == {"user-0", "user-2"}


def test_who_leaves_is_marked_and_nothing_else_of_them_is_sent(vendor: Braze) -> None:
    EXAMPLE.perform(vendor, [EXAMPLE.payload(0, "remove")])
    assert json_of(vendor.calls[-1]) == {"attributes": [{"external_id": "user-0", "in_vips": False}]}
