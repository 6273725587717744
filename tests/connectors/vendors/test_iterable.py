"""Iterable: what is its own."""

from collections.abc import Iterator

import pytest

from connectors.destinations.errors import InvalidPayload, Misconfigured
from connectors.destinations.kit import Delivered, Skipped
from tests.connectors.vendors.iterable import EXAMPLE, Iterable
from tests.connectors.vendors.vendor import json_of


@pytest.fixture
def vendor() -> Iterator[Iterable]:
    made = Iterable()
    yield made
    made.close()


def test_an_address_that_is_not_taken_fails_alone(vendor: Iterable) -> None:
    verdicts = EXAMPLE.perform(vendor, [EXAMPLE.payload(0), EXAMPLE.payload(1, email="x@refused.example")])
    assert [type(verdict) for verdict in verdicts] == [Delivered, InvalidPayload]
    assert list(vendor.members) == ["person0@example.com"]


def test_nobody_is_opted_out_of_everything(vendor: Iterable) -> None:
    (verdict,) = EXAMPLE.perform(vendor, [EXAMPLE.payload(0, "remove")])
    assert isinstance(verdict, Skipped)
    assert json_of(vendor.calls[-1]) == {"listId": 12, "subscribers": [{"email": "person0@example.com"}]}


def test_profile_fields_go_along(vendor: Iterable) -> None:
    EXAMPLE.perform(vendor, [EXAMPLE.payload(0)])
    assert vendor.members == {"person0@example.com": {"plan": "pro"}}


def test_a_list_that_is_no_number_pauses_the_account(vendor: Iterable) -> None:
    with pytest.raises(Misconfigured):
        EXAMPLE.perform(vendor, [EXAMPLE.payload(0, list_id="vips")])
