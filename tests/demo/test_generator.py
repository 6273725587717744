"""The generator: the same play every time, and a truth that stays at home."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cdp.demo import loyalty, messages
from cdp.demo.messages import CHANNELS, Key, days_to_today, keys_of, to_wire
from cdp.demo.shopping import LAST_MOMENT, Household, households
from cdp.demo.stories import Play, write_play

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def homes() -> list[Household]:
    return households(others=20)[:200]


@pytest.fixture(scope="module")
def play(homes: list[Household]) -> Play:
    return write_play(only=homes)


@pytest.fixture(scope="module")
def wires(play: Play) -> dict[str, list[dict]]:
    return {channel: to_wire(play.messages, channel=channel, shift=days_to_today(NOW)) for channel in CHANNELS}


def test_the_same_households_give_the_same_play(homes: list[Household], play: Play) -> None:
    again = write_play(only=homes)
    assert again.people == play.people
    assert again.messages == play.messages
    assert again.loyalty_file == play.loyalty_file


def test_another_seed_gives_other_people_around_the_same_shopping(homes: list[Household], play: Play) -> None:
    other = write_play(only=homes, seed=7)
    assert other.people != play.people


def test_message_ids_do_not_depend_on_the_day_the_demo_is_played(play: Play, wires: dict[str, list[dict]]) -> None:
    later = to_wire(play.messages, channel="web", shift=days_to_today(NOW + timedelta(days=40)))
    assert [one["messageId"] for one in later] == [one["messageId"] for one in wires["web"]]


def test_message_ids_are_unique_over_all_channels(play: Play, wires: dict[str, list[dict]]) -> None:
    ids = [one["messageId"] for wire in wires.values() for one in wire]
    assert len(ids) == len(set(ids)) == len(play.messages)


def test_no_truth_goes_over_the_wire(play: Play, wires: dict[str, list[dict]]) -> None:
    sent = json.dumps(wires)
    assert not any(person.key in sent for person in play.people)
    assert not any(name in sent for name in ('"person"', '"person_id"', '"household"', '"household_id"'))


def test_the_order_of_messages_and_rows_tells_nothing_about_who_is_who(play: Play) -> None:
    neighbours = zip(play.loyalty_people, play.loyalty_people[1:], strict=False)
    assert sum(one == other for one, other in neighbours) <= 2


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_message_has_segments_shape(channel: str, wires: dict[str, list[dict]]) -> None:
    allowed = {
        "type", "event", "name", "properties", "traits", "context", "userId", "anonymousId", "messageId", "timestamp",
    }  # fmt: skip
    for message in wires[channel]:
        assert set(message) <= allowed
        assert message["type"] in {"track", "page", "screen", "identify"}
        assert (message["type"] == "track") == ("event" in message)
        assert message.get("userId") != ""
        assert keys_of(message), "somebody did it"
        assert len(json.dumps(message)) < 32_000
        datetime.fromisoformat(message["timestamp"])


def test_the_year_ends_in_the_last_two_days_and_never_in_the_future(wires: dict[str, list[dict]]) -> None:
    times = [datetime.fromisoformat(one["timestamp"]) for wire in wires.values() for one in wire]
    assert NOW - timedelta(days=2) <= max(times) <= NOW
    assert min(times) >= NOW - timedelta(days=368)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_is_sent_in_order_of_time(channel: str, wires: dict[str, list[dict]]) -> None:
    times = [one["timestamp"] for one in wires[channel]]
    assert times == sorted(times)


def test_orders_are_the_receipts_of_the_data(homes: list[Household], play: Play) -> None:
    receipts = {basket.id: basket.revenue for home in homes for basket in home.baskets}
    orders = [one.body["properties"] for one in play.messages if one.body.get("event") == "Order Completed"]
    assert len(orders) > 1_000
    assert len({order["order_id"] for order in orders}) == len(orders), "each receipt is one order"
    assert all(receipts[order["order_id"]] == order["revenue"] for order in orders)


def test_what_is_hard_about_real_customers_is_there() -> None:
    people = write_play(only=households()[:600]).people
    homes: dict[int, list] = {}
    for person in people:
        homes.setdefault(person.household_id, []).append(person)
    pairs = [(a, b) for members in homes.values() for a in members for b in members if a.key < b.key]
    assert any(len(person.residences) > 1 for person in people), "moved"
    assert any(len(person.last_names) > 1 for person in people), "took another name"
    assert any(a.tablet and a.tablet == b.tablet for a, b in pairs), "shared tablet"
    assert any(a.landline and a.landline == b.landline for a, b in pairs), "shared landline"
    assert any(set(a.emails) & set(b.emails) for a, b in pairs), "shared address"
    assert any(a.birth_date == b.birth_date for a, b in pairs), "twins"
    assert any((a.first_name, a.last_names) == (b.first_name, b.last_names) for a, b in pairs), "father and son"


def test_all_addresses_and_numbers_are_of_the_ranges_kept_for_fiction(play: Play) -> None:
    for person in play.people:
        assert all(address.endswith(".example") for address in person.emails)
        assert all(number[5:10] == "55501" for number in (person.mobile, person.landline) if number)


def test_a_shared_tablet_has_several_true_owners_and_a_browser_of_ones_own_has_one(play: Play) -> None:
    truth = play.truth()
    tablets = {person.tablet for person in play.people if person.tablet}
    for key, owners in truth.items():
        if key.kind == "anonymous_id" and key.value not in tablets:
            assert len(owners) == 1


def test_the_loyalty_file_reads_back_as_it_was_written(play: Play, tmp_path: Path) -> None:
    loyalty.write_file(tmp_path / "demo" / "loyalty.csv", play.loyalty_file)
    assert tuple(loyalty.read_file(tmp_path / "demo" / "loyalty.csv")) == play.loyalty_file


def test_a_row_without_a_card_is_known_by_its_number_alone(play: Play) -> None:
    row = next(row for row in play.loyalty_file if not row.loyalty_id)
    external = loyalty.row_message(row, "somebody").body["context"]["externalIds"]
    assert [(key["type"], key["id"]) for key in external] == [(messages.RECORD_KIND, row.row)]


def test_keys_of_reads_every_place_where_identifiers_are_sent() -> None:
    body = {
        "userId": "u1",
        "anonymousId": "a1",
        "traits": {"email": "a@b.example", "phone": "+15135550100"},
        "context": {
            "device": {"id": "d1", "token": "t1"},
            "externalIds": [messages.external_id("loyalty_id", "LC1")],
        },
    }
    assert keys_of(body) == [
        Key("user_id", "u1"),
        Key("anonymous_id", "a1"),
        Key("device_id", "d1"),
        Key("push_token", "t1"),
        Key("email", "a@b.example"),
        Key("phone", "+15135550100"),
        Key("loyalty_id", "LC1"),
    ]


def test_the_data_ends_where_we_say() -> None:
    last = max(basket.at for home in households() for basket in home.baskets)
    assert timedelta() <= LAST_MOMENT - last < timedelta(days=1)
