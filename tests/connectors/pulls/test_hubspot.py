"""HubSpot as its pages describe it, on the loopback: contacts and deals, each change once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from common import clock
from connectors import services
from connectors.contracts import InvalidSettings
from events import selectors as log
from identity import selectors as identity
from tests.connectors.pulls.world import Asked, apply, came
from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Vendor, json_of, path_of, query_of, said

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class HubSpotCrm(Vendor):
    """Records with the time of their last change. Searches give at most 200, by one order; none goes beyond `most`."""

    most = 10_000

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[int, dict[str, Any]]] = {"contacts": {}, "deals": {}}
        self.contact_of: dict[int, int] = {}
        self.archived: list[tuple[int, datetime]] = []
        # Called before each search, as others work on meanwhile.
        self.meanwhile: Callable[[], None] = lambda: None

    def keep(self, number: int, at: datetime, kind: str = "contacts", **properties: str) -> None:
        name = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
        usual = {"email": f"p{number}@example.com", "firstname": "Ann"} if kind == "contacts" else {"amount": "12.5"}
        self.records[kind][number] = {**usual, **properties, name: clock.iso(at), "hs_object_id": str(number)}

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Bearer pat-1":
            return said(401, {"category": "INVALID_AUTHENTICATION", "message": "no"})
        if call.method == "GET":
            return self._deleted(call)
        body = json_of(call)
        if path_of(call) == "/crm/v4/associations/deals/contacts/batch/read":
            asked = [int(one["id"]) for one in body["inputs"]]
            found = [
                {"from": {"id": str(one)}, "to": [{"toObjectId": self.contact_of[one], "associationTypes": []}]}
                for one in asked if one in self.contact_of
            ]  # fmt: skip
            return said(200 if len(found) == len(asked) else 207, {"status": "COMPLETE", "results": found})
        kind = path_of(call).split("/")[4]
        self.meanwhile()
        return self._search(kind, body)

    def _deleted(self, call: Call) -> Reply:
        """Two a page, so that there are several."""
        asked = query_of(call)
        assert asked["archived"] == ["true"]
        first = int(asked.get("after", ["0"])[0])
        names = asked["properties"][0].split(",")
        shown = [
            {"id": str(number), "archived": True, "archivedAt": clock.iso(at),
             "properties": {name: self.records["contacts"][number].get(name) for name in names}}
            for number, at in self.archived[first : first + 2]
        ]  # fmt: skip
        more = {"paging": {"next": {"after": str(first + 2)}}} if self.archived[first + 2 :] else {}
        return said(200, {"results": shown, **more})

    def _search(self, kind: str, body: Any) -> Reply:
        assert body["limit"] <= 200
        assert len(body["sorts"]) == 1
        if int(body.get("after") or 0) + body["limit"] > self.most:
            return said(400, {"category": "VALIDATION_ERROR"})
        found = list(self.records[kind].items())
        for group in body["filterGroups"]:
            for one in group["filters"]:
                found = [row for row in found if _fits(row[1], one)]
        (order,) = body["sorts"]
        found.sort(key=lambda row: _number(row[1][order["propertyName"]]), reverse=order["direction"] == "DESCENDING")
        shown = [
            {"id": str(number), "properties": {name: row.get(name) for name in body["properties"]}}
            for number, row in found[: body["limit"]]
        ]  # fmt: skip
        return said(200, {"total": len(found), "results": shown})


@cache
def _number(text: str) -> int:
    return int(text) if text.isdigit() else clock.micros(datetime.fromisoformat(text)) // 1000


def _fits(row: dict[str, Any], one: dict[str, str]) -> bool:
    have, wanted = _number(row[one["propertyName"]]), int(one["value"])
    return {"GT": have > wanted, "GTE": have >= wanted, "EQ": have == wanted}[one["operator"]]


@pytest.fixture
def hubspot(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubSpotCrm]:
    monkeypatch.setattr("connectors.pulls.hubspot._PAUSE", 0.0)
    made = HubSpotCrm()
    yield made
    made.close()


def setup(asked: Asked, hubspot: HubSpotCrm, **more: Any) -> None:
    asked.setup("hubspot", {"base_url": hubspot.url, **more}, {"token": "pat-1"})


def test_contacts_become_profiles_and_changes_follow(asked: Asked, hubspot: HubSpotCrm) -> None:
    for number in range(1, 451):
        hubspot.keep(number, BEGIN + timedelta(seconds=number // 3))
    setup(asked, hubspot)
    assert asked.pull().items == 450
    assert asked.pull().items == 0
    hubspot.keep(7, BEGIN + timedelta(hours=1), firstname="Bea")
    assert asked.pull().items == 1
    apply()
    person = identity.find_profile("hubspot_id", "7")
    assert person == identity.find_profile("email", "p7@example.com")
    found = identity.profile_view(person or 0)
    assert found is not None
    assert found.traits["first_name"] == "Bea"


def test_more_of_one_time_than_a_search_gives_are_read_each_once(asked: Asked, hubspot: HubSpotCrm) -> None:
    hubspot.most = 1_000
    hubspot.keep(1, BEGIN)
    for number in range(2, 1_402):
        hubspot.keep(number, BEGIN + timedelta(seconds=5))
    hubspot.keep(20_000, BEGIN + timedelta(seconds=6))
    setup(asked, hubspot, look_back=0)
    for _ in range(4):
        asked.pull(seconds=0)
    while not asked.pull().done:
        pass
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 1_402


def test_no_record_is_passed_over_while_others_change(asked: Asked, hubspot: HubSpotCrm) -> None:
    for number in range(1, 901):
        hubspot.keep(number, BEGIN + timedelta(seconds=number))
    setup(asked, hubspot)
    changed = iter(range(1, 60))

    def meanwhile() -> None:
        number = next(changed, None)
        if number is not None:
            hubspot.keep(number, BEGIN + timedelta(hours=2, seconds=number), firstname="Bea")

    hubspot.meanwhile = meanwhile
    asked.pull()
    assert {item["traits"]["email"] for item in came()} == {f"p{number}@example.com" for number in range(1, 901)}


def test_deleted_contacts_are_told_once_each_and_only_those_of_which_it_is_asked(
    asked: Asked, hubspot: HubSpotCrm
) -> None:
    for number in range(1, 8):
        hubspot.keep(number, BEGIN + timedelta(seconds=number))
    hubspot.archived = [(7, BEGIN)]
    setup(asked, hubspot, gone="event", gone_event="Contact Deleted")
    assert asked.pull().gone == 0, "nothing had come in before"
    hubspot.archived += [(number, clock.now()) for number in range(1, 6)]
    assert asked.pull().gone == 5
    asked.pull()
    apply()
    told = [one for one in log.stream_events() if one.name == "Contact Deleted"]
    assert len(told) == 5, "those that are looked at again are known"
    person = identity.find_profile("hubspot_id", "3")
    assert person is not None
    assert person == identity.find_profile("email", "p3@example.com")
    with pytest.raises(InvalidSettings, match="whose a deleted deal was"):
        setup(asked, hubspot, object="deals", gone="event")


def test_deals_are_events_of_their_contact(asked: Asked, hubspot: HubSpotCrm) -> None:
    hubspot.keep(1, BEGIN)
    hubspot.keep(501, BEGIN, "deals", dealname="Roof", dealstage="closedwon")
    hubspot.keep(502, BEGIN, "deals", dealname="Nobody's")
    hubspot.contact_of[501] = 1
    setup(asked, hubspot, object="deals")
    did = asked.pull()
    assert (did.items, did.refused) == (1, 1)
    (item,) = came()
    assert (item["type"], item["event"], item["timestamp"]) == ("track", "Deal Updated", "2026-01-01T00:00:00.000Z")
    assert item["context"]["externalIds"][0]["type"] == "hubspot_id"
    assert (item["properties"]["amount"], item["properties"]["dealname"]) == (12.5, "Roof")


def test_a_rest_that_is_asked_for_is_kept_and_the_rest_comes_after_it(asked: Asked, hubspot: HubSpotCrm) -> None:
    for number in range(1, 301):
        hubspot.keep(number, BEGIN + timedelta(seconds=number))
    setup(asked, hubspot)
    searches: list[int] = []

    def meanwhile() -> None:
        searches.append(1)
        if len(searches) == 2:
            hubspot.faults.append(said(429, {"category": "RATE_LIMITS"}, Retry_After="40"))

    hubspot.meanwhile = meanwhile
    assert "429" in asked.pull().problem
    assert len(came()) == 199
    view = asked.view
    assert view.next_pull_at is not None
    assert 30 < (view.next_pull_at - clock.now()).total_seconds() <= 40
    assert asked.pull().done
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 300
    assert [run.rows for run in asked.view.runs] == [300]


def test_what_is_wrong_is_told(asked: Asked, hubspot: HubSpotCrm) -> None:
    def told(token: str = "pat-1", **more: Any) -> str:
        given = {"base_url": hubspot.url, **more}
        return services.test_pull(
            source_id=asked.id, kind="hubspot", settings=given, secrets={"token": token}, now=clock.now()
        ).message

    hubspot.keep(1, BEGIN)
    assert "1 contacts" in told()
    assert "401" in told("wrong")
    assert "refused" in told(base_url="http://10.0.0.1")
