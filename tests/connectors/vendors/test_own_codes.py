"""How Google, LinkedIn, Marketo and TikTok tell what went wrong, and what access tokens do."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from connectors.destinations import oauth
from connectors.destinations.errors import (
    DeliveryError,
    InvalidCredentials,
    InvalidPayload,
    Misconfigured,
    RateLimited,
    Temporary,
)
from connectors.destinations.kit import Delivered, Skipped
from tests.connectors.receiver import Reply
from tests.connectors.vendors import google, linkedin, marketo, tiktok, tracking
from tests.connectors.vendors.vendor import NOW, Example, Vendor, json_of, path_of, reaching, said

V = TypeVar("V", bound=Vendor)


@pytest.fixture
def running() -> Iterator[list[Vendor]]:
    oauth.forget()
    made: list[Vendor] = []
    yield made
    for vendor in made:
        vendor.close()
    oauth.forget()


def start(running: list[Vendor], vendor: V) -> V:
    running.append(vendor)
    return vendor


def raised(example: Example, vendor: Vendor, *numbers: int) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        example.perform(vendor, [example.payload(n) for n in numbers])
    return caught.value


def test_an_access_token_is_asked_for_once_and_again_before_it_ends(running: list[Vendor]) -> None:
    vendor, example = start(running, google.Google()), google.EXAMPLE
    account = example.account(vendor)
    with reaching() as outside:
        for moment in (NOW, NOW + timedelta(minutes=58), NOW + timedelta(minutes=59)):
            at = replace(outside, now=moment)
            assert example.does.perform_batch(at, account, [example.payload(0)])
    assert [path_of(call) for call in vendor.calls].count("/token") == 2


def test_an_app_that_is_refused_pauses_and_is_told_by_its_code_alone(running: list[Vendor]) -> None:
    vendor, example = start(running, google.Google()), replace(google.EXAMPLE, secrets={
        "client_secret": "another", "refresh_token": "refresh-1",
    })  # fmt: skip
    told = raised(example, vendor, 0)
    assert isinstance(told, InvalidCredentials)
    assert str(told) == "Google gives no access token: invalid_grant."


def test_a_token_that_was_revoked_is_not_kept(running: list[Vendor]) -> None:
    vendor, example = start(running, linkedin.LinkedIn()), linkedin.EXAMPLE
    example.perform(vendor, [example.payload(0)])
    vendor.token = "access-2"  # noqa: S105 - of a test
    assert isinstance(raised(example, vendor, 1), InvalidCredentials)
    assert isinstance(example.perform(vendor, [example.payload(1)])[0], Delivered)


def test_google_is_told_of_nobody_without_a_consent(running: list[Vendor]) -> None:
    vendor, example = start(running, google.Google()), google.EXAMPLE
    rows = [example.payload(0), example.payload(1, ad_user_data="yes"), example.payload(2, email="x", phone="1")]
    first, second, third = example.perform(vendor, rows)
    assert isinstance(first, Delivered)
    assert isinstance(second, InvalidPayload)
    assert isinstance(third, InvalidPayload)
    (member,) = json_of(vendor.calls[-1])["audienceMembers"]
    assert member["consent"] == {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"}


def test_google_gets_a_name_only_with_its_place(running: list[Vendor]) -> None:
    vendor, example = start(running, google.Google()), google.EXAMPLE
    named = {"first_name": " Ana ", "last_name": "O'Neil", "country": "de"}
    example.perform(vendor, [example.payload(0, **named), example.payload(1, **named, postcode="10 115")])
    without, whole = json_of(vendor.calls[-1])["audienceMembers"]
    assert len(without["userData"]["userIdentifiers"]) == 2
    address = whole["userData"]["userIdentifiers"][2]["address"]
    assert (address["regionCode"], address["postalCode"], len(address["givenName"])) == ("DE", "10 115", 64)


def test_a_list_that_google_does_not_know_is_none_of_the_rows_fault(running: list[Vendor]) -> None:
    vendor, example = start(running, google.Google()), google.EXAMPLE
    payload = example.payload(0, audience_id="78")
    with pytest.raises(Misconfigured):
        example.perform(vendor, [payload])


def test_each_row_has_linkedins_own_status(running: list[Vendor]) -> None:
    vendor, example = start(running, linkedin.LinkedIn()), linkedin.EXAMPLE
    vendor.statuses = [201, 400, 429, 201]
    verdicts = example.perform(vendor, [example.payload(n) for n in range(4)])
    assert [type(one) for one in verdicts] == [Delivered, InvalidPayload, RateLimited, Delivered]
    assert len(vendor.members) == 2


def test_a_linkedin_segment_that_is_not_there_yet_is_waited_for(running: list[Vendor]) -> None:
    vendor, example = start(running, linkedin.LinkedIn()), linkedin.EXAMPLE
    with pytest.raises(Temporary, match="some minutes"):
        example.perform(vendor, [example.payload(0, audience_id="78")])
    vendor.faults = [said(200, {"elements": []})]
    assert isinstance(raised(example, vendor, 0), Temporary)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(40105, InvalidCredentials), (40100, RateLimited), (50002, Temporary), (40002, InvalidPayload)],
)
def test_tiktoks_codes_say_what_its_status_does_not(running: list[Vendor], code: int, kind: type[Exception]) -> None:
    vendor, example = start(running, tiktok.TikTok()), tiktok.EXAMPLE
    vendor.code = code
    assert type(raised(example, vendor, 0)) is kind
    assert vendor.members == {}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("601", InvalidCredentials), ("602", Temporary), ("606", RateLimited), ("611", Temporary),
        ("1013", Misconfigured), ("1001", InvalidPayload), ("", Temporary),
    ],
)  # fmt: skip
def test_marketos_codes_say_what_its_status_does_not(running: list[Vendor], code: str, kind: type[Exception]) -> None:
    vendor, example = start(running, marketo.Marketo()), marketo.EXAMPLE
    vendor.faults = [said(200, {"success": False, "errors": [{"code": code, "message": "person0@example.com"}]})]
    told = raised(example, vendor, 0)
    assert type(told) is kind
    assert "@" not in str(told)


def test_marketo_takes_the_others_when_it_refuses_one(running: list[Vendor]) -> None:
    vendor, example = start(running, marketo.Marketo()), marketo.EXAMPLE
    rows = [example.payload(0), example.payload(1, email="bad@example.com"), example.payload(2)]
    verdicts = example.perform(vendor, rows)
    assert [type(one) for one in verdicts] == [Delivered, InvalidPayload, Delivered]
    gone = example.perform(vendor, [example.payload(0, "remove"), example.payload(9, "remove")])
    assert [type(one) for one in gone] == [Delivered, Skipped]
    assert set(vendor.members) == {"person2@example.com"}
    assert set(vendor.leads) == {"person0@example.com", "person2@example.com"}, "who leaves stays a lead"


def test_whoever_has_no_id_is_not_tracked(running: list[Vendor]) -> None:
    example = tracking.EXAMPLES[0]
    vendor = start(running, tracking.Tracking())
    known, unknown = example.perform(vendor, [example.payload(0), example.payload(1, user_id="")])
    assert isinstance(known, Delivered)
    assert isinstance(unknown, InvalidPayload)
    vendor.faults = [Reply(413)]
    assert isinstance(raised(example, vendor, 2), InvalidPayload)
