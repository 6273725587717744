"""Customer.io: what is its own."""

from collections.abc import Iterator

import pytest

from connectors.destinations.errors import InvalidPayload
from connectors.destinations.kit import Delivered
from tests.connectors.vendors.customerio import EXAMPLE, CustomerIo


@pytest.fixture
def vendor() -> Iterator[CustomerIo]:
    made = CustomerIo()
    yield made
    made.close()


def test_a_partial_success_is_mapped_to_its_rows(vendor: CustomerIo) -> None:
    rows = [EXAMPLE.payload(0), EXAMPLE.payload(1, id="bad-1"), EXAMPLE.payload(2)]
    assert [type(verdict) for verdict in EXAMPLE.perform(vendor, rows)] == [Delivered, InvalidPayload, Delivered]
    assert set(vendor.members) == {"user-0", "user-2"}


def test_people_are_known_with_their_attributes_before_they_are_put_into_the_segment(vendor: CustomerIo) -> None:
    EXAMPLE.perform(vendor, [EXAMPLE.payload(0)])
    assert vendor.people == {"user-0": {"plan": "pro"}}
    assert [call.path for call in vendor.calls] == ["/api/v2/batch", "/api/v1/segments/7/add_customers?id_type=id"]
