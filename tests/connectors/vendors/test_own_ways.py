"""What is peculiar to single vendors: partial failures, throttling in disguise, whole batches refused for one row."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.destinations.errors import InvalidCredentials, InvalidPayload, RateLimited, Temporary
from connectors.destinations.kit import Delivered, ListingAction
from tests.connectors.receiver import Reply
from tests.connectors.vendors import hubspot, iterable, klaviyo, mailchimp, meta
from tests.connectors.vendors.vendor import Example, Vendor, json_of, reaching, said


@pytest.fixture
def running() -> Iterator[list[Vendor]]:
    started: list[Vendor] = []
    yield started
    for one in started:
        one.close()


def start(running: list[Vendor], example: Example) -> Vendor:
    running.append(example.vendor())
    return running[-1]


def test_mailchimp_names_the_addresses_it_does_not_take(running: list[Vendor]) -> None:
    vendor, example = start(running, mailchimp.EXAMPLE), mailchimp.EXAMPLE
    rows = [example.payload(0), example.payload(1, email="x@refused.example")]
    first, second = example.perform(vendor, rows)
    assert isinstance(first, Delivered)
    assert isinstance(second, InvalidPayload)
    assert "refused.example" not in second.message
    assert set(vendor.members) == {"person0@example.com"}


def test_mailchimp_makes_nobody_a_subscriber_who_did_not_agree(running: list[Vendor]) -> None:
    vendor, example = start(running, mailchimp.EXAMPLE), mailchimp.EXAMPLE
    example.perform(vendor, [example.payload(0)])
    example.perform(vendor, [example.payload(1, status_if_new="pending")])
    statuses = {address: one["status"] for address, one in vendor.audience.items()}  # type: ignore[attr-defined]
    assert statuses == {"person0@example.com": "transactional", "person1@example.com": "pending"}


def test_mailchimps_403_without_a_body_is_throttling(running: list[Vendor]) -> None:
    vendor, example = start(running, mailchimp.EXAMPLE), mailchimp.EXAMPLE
    vendor.faults = [Reply(403, body=b"")]
    with pytest.raises(RateLimited):
        example.perform(vendor, [example.payload(0)])
    vendor.faults = [said(403, {"title": "Forbidden"})]
    with pytest.raises(InvalidCredentials):
        example.perform(vendor, [example.payload(0)])


def test_hubspot_refuses_a_batch_for_one_address_so_it_is_split(running: list[Vendor]) -> None:
    vendor, example = start(running, hubspot.EXAMPLE), hubspot.EXAMPLE
    with pytest.raises(InvalidPayload):
        example.perform(vendor, [example.payload(0), example.payload(1, email="no address")])
    (verdict,) = example.perform(vendor, [example.payload(0)])
    assert isinstance(verdict, Delivered)


def test_klaviyo_takes_the_others_when_it_refuses_one(running: list[Vendor]) -> None:
    vendor, example = start(running, klaviyo.EXAMPLE), klaviyo.EXAMPLE
    rows = [example.payload(0), example.payload(1, email="x@refused.example"), example.payload(2)]
    verdicts = example.perform(vendor, rows)
    assert [type(one) for one in verdicts] == [Delivered, InvalidPayload, Delivered]
    assert set(vendor.members) == {"person0@example.com", "person2@example.com"}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(400, 190, InvalidCredentials), (400, 80003, RateLimited), (400, 2, Temporary), (400, 100, InvalidPayload)],
)
def test_metas_own_codes_say_more_than_the_status(
    running: list[Vendor], status: int, code: int, kind: type[Exception]
) -> None:
    vendor, example = start(running, meta.EXAMPLE), meta.EXAMPLE
    vendor.faults = [said(status, {"error": {"code": code, "message": "Person0@Example.com"}}, retry_after="9")]
    with pytest.raises(kind) as caught:
        example.perform(vendor, [example.payload(0)])
    assert "Example.com" not in str(caught.value)
    if kind is RateLimited:
        assert caught.value.retry_after == timedelta(seconds=9)  # type: ignore[attr-defined]


def test_meta_gets_hashes_and_empty_texts_and_never_a_person(running: list[Vendor]) -> None:
    vendor, example = start(running, meta.EXAMPLE), meta.EXAMPLE
    example.perform(vendor, [example.payload(0, email=" John.Doe+Promo@GMAIL.com ")])
    (row,) = json_of(vendor.calls[-1])["payload"]["data"]
    assert row[:3] == [
        "0",
        "80f9126efd0446cb338c54ea6fe3d4af8fa3fe93db0024b14150441550e632a2",
        "c117141ed6aa9255b2be93c99c3ae2c1786cd5fe0a78d382c4de0cbb90c9b486",
    ]
    assert row[3] == ""
    assert b"GMAIL" not in vendor.calls[-1].body


def test_meta_is_not_told_of_somebody_without_any_identifier(running: list[Vendor]) -> None:
    vendor, example = start(running, meta.EXAMPLE), meta.EXAMPLE
    nobody = example.payload(1, email="none", phone="12", country="")
    first, second = example.perform(vendor, [example.payload(0), nobody])
    assert isinstance(first, Delivered)
    assert isinstance(second, InvalidPayload)
    assert len(vendor.members) == 1


def test_meta_is_not_told_of_somebody_by_their_country_alone(running: list[Vendor]) -> None:
    vendor, example = start(running, meta.EXAMPLE), meta.EXAMPLE
    (verdict,) = example.perform(vendor, [example.payload(0, email="none", phone="12", country="NO")])
    assert isinstance(verdict, InvalidPayload)
    assert vendor.calls == []


def test_half_an_answer_is_no_list_of_those_who_are_there(running: list[Vendor]) -> None:
    vendor, example = start(running, iterable.EXAMPLE), iterable.EXAMPLE
    vendor.faults = [Reply(200, {"content-type": "text/plain"}, b"somebody@example.com\n" * 3_400_000)]
    assert isinstance(example.does, ListingAction)
    with (
        reaching(mapping=example.fields(0), seconds=30) as outside,
        pytest.raises(Temporary, match="longer than 64 MB"),
    ):
        example.does.read_back(outside, example.account(vendor))
