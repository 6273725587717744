"""What every vendor destination must do, whatever its API looks like: one list of promises, run against each."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.destinations.errors import DeliveryError, InvalidCredentials, RateLimited, Temporary
from connectors.destinations.kit import Delivered, Field, ListingAction, Skipped, Verdict, setting_problems
from tests.connectors.receiver import Reply
from tests.connectors.vendors.examples import EXAMPLES
from tests.connectors.vendors.vendor import LOST, Example, Vendor, reaching

pytestmark = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.destination}-{example.action}")


@pytest.fixture
def vendor(example: Example) -> Iterator[Vendor]:
    made = example.vendor()
    yield made
    made.close()


def outcome(example: Example, vendor: Vendor, *payloads: object) -> list[Verdict]:
    """Verdicts, whether given or raised for all."""
    try:
        return example.perform(vendor, payloads)  # type: ignore[arg-type]
    except DeliveryError as error:
        return [error] * len(payloads)


def has(example: Example, *numbers: int) -> set[str]:
    return {example.member(n) for n in numbers}


def fine(verdicts: list[Verdict]) -> bool:
    return all(isinstance(verdict, Delivered | Skipped) for verdict in verdicts)


def test_those_who_enter_are_there_and_those_who_leave_are_not(example: Example, vendor: Vendor) -> None:
    assert fine(outcome(example, vendor, *(example.payload(n) for n in range(5))))
    assert set(vendor.members) == has(example, 0, 1, 2, 3, 4)
    mixed = [
        example.payload(0, "remove"),
        example.payload(5),
        example.payload(1, "update"),
        example.payload(3, "remove"),
    ]
    assert fine(outcome(example, vendor, *mixed))
    assert set(vendor.members) == has(example, 1, 2, 4, 5)


def test_a_lost_answer_and_a_repeat_have_the_effect_of_one(example: Example, vendor: Vendor) -> None:
    batch = [example.payload(0), example.payload(1)]
    assert fine(outcome(example, vendor, *batch))
    leave = [example.payload(0, "remove"), example.payload(2)]
    vendor.faults = [LOST]
    outcome(example, vendor, *leave)
    assert fine(outcome(example, vendor, *leave))
    assert set(vendor.members) == has(example, 1, 2)


def test_removing_somebody_who_is_not_there_is_no_failure(example: Example, vendor: Vendor) -> None:
    assert fine(outcome(example, vendor, example.payload(7, "remove")))


@pytest.mark.parametrize(
    "fault",
    [Reply(500), Reply(503), Reply(429), Reply(200, body=b"<html>oh</html>"), Reply(cut=True), Reply(301)],
    ids=["500", "503", "429", "not-json", "cut", "redirect"],
)
def test_what_may_pass_is_tried_again_and_then_it_is_in(example: Example, vendor: Vendor, fault: Reply) -> None:
    vendor.faults = [fault]
    (verdict,) = outcome(example, vendor, example.payload(0))
    assert isinstance(verdict, Temporary)
    assert fine(outcome(example, vendor, example.payload(0)))
    assert set(vendor.members) == has(example, 0)


def test_a_wait_that_is_asked_for_is_kept(example: Example, vendor: Vendor) -> None:
    vendor.faults = [Reply(429, {"retry-after": "37"})]
    (verdict,) = outcome(example, vendor, example.payload(0))
    assert isinstance(verdict, RateLimited)
    assert verdict.retry_after == timedelta(seconds=37)


def test_a_refused_key_pauses_and_tells(example: Example, vendor: Vendor) -> None:
    vendor.faults = [Reply(401)]
    (verdict,) = outcome(example, vendor, example.payload(0))
    assert isinstance(verdict, InvalidCredentials)


def test_no_message_quotes_a_secret_or_a_person(example: Example, vendor: Vendor) -> None:
    payload = example.payload(0)
    told = [*example.secrets.values(), example.member(0), *(str(v) for v in payload.fields.values() if "@" in str(v))]
    for status in (400, 401, 404, 500):
        vendor.faults = [Reply(status, body=" ".join(told).encode())]
        for verdict in outcome(example, vendor, payload):
            assert not [one for one in told if isinstance(verdict, DeliveryError) and one in verdict.message]


def test_the_account_can_be_tested_and_a_bad_key_is_found(example: Example, vendor: Vendor) -> None:
    with reaching() as outside:
        assert example.kind.test(outside, example.account(vendor))
        vendor.faults = [Reply(401)]
        with pytest.raises(InvalidCredentials):
            example.kind.test(outside, example.account(vendor))


def test_what_is_read_back_is_who_is_there(example: Example, vendor: Vendor) -> None:
    outcome(example, vendor, *(example.payload(n) for n in range(3)))
    if not isinstance(example.does, ListingAction):
        return
    with reaching(mapping=example.fields(0)) as outside:
        there = example.does.read_back(outside, example.account(vendor))
        assert set(there) == {example.does.member(example.payload(n).fields) for n in range(3)}


def test_its_declaration_is_whole(example: Example, vendor: Vendor) -> None:
    kind, action = example.kind, example.does
    assert setting_problems(kind.settings, example.settings(vendor), example.secrets) == []
    assert kind.check(example.settings(vendor), example.secrets) == []
    assert any(spec.key for spec in action.fields.values()), "somebody must be told apart"
    assert all(spec.label for spec in (*kind.settings.values(), *action.fields.values()))
    assert set(example.fields(0)) <= set(action.fields)
    assert kind.api_version
    assert kind.verified
    assert all(isinstance(spec, Field) for spec in kind.settings.values())
