"""Salesforce as its pages describe it, on the loopback: SOQL in parts, tokens that end, locators that go."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common import clock
from connectors import services
from connectors.contracts import InvalidSettings
from connectors.destinations import oauth
from events import selectors as log
from identity import selectors as identity
from tests.connectors.pulls.world import Asked, apply, came
from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.oauth import SECRETS, TokenVendor
from tests.connectors.vendors.vendor import path_of, query_of, said

pytestmark = pytest.mark.django_db(transaction=True)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_QUERY = re.compile(
    r"select (?P<fields>.+?) from (?P<object>\w+)(?P<bin> where IsDeleted = true and SystemModstamp >= (?P<since>\S+))?"
    r"( where \(?SystemModstamp (?P<how>>=|>) (?P<at>\S+?)( or \(SystemModstamp = \S+ and Id > '(?P<key>\w+)'\)\))?)?"
    r"(?P<order> order by SystemModstamp(, Id| desc))?( limit (?P<limit>\d+))?"
)
_QUERY_PATH = "/services/data/v63.0/query"
_ALL_PATH = "/services/data/v63.0/queryAll"


class Org(TokenVendor):
    """Records of some objects. A result has parts of the size that was asked for; `forget_parts` lets their rest go."""

    token_path = "/services/oauth2/token"  # noqa: S105 - a path

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, dict[str, Any]]] = {"Contact": {}, "Lead": {}, "Opportunity": {}}
        self._parts: dict[str, list[Any]] = {}
        self.forget_parts = 0

    def keep(self, number: int, at: datetime, kind: str = "Contact", **fields: Any) -> str:
        key = f"003{number:012d}"
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        usual = {"Email": f"p{number}@example.com", "FirstName": "Ann"} if kind != "Opportunity" else {}
        self.records[kind][key] = {**usual, **fields, "Id": key, "SystemModstamp": stamp}
        return key

    def handle(self, call: Call) -> Reply:
        told = super().handle(call)
        return said(401, [{"errorCode": "INVALID_SESSION_ID", "message": "no"}]) if told.status == 401 else told

    def handle_signed(self, call: Call) -> Reply:
        size = int(call.headers["sforce-query-options"].removeprefix("batchSize="))
        assert 200 <= size <= 2_000
        if path_of(call) not in (_QUERY_PATH, _ALL_PATH):
            return self._part(path_of(call).rpartition("/")[2], size)
        asked = _QUERY.fullmatch(query_of(call)["q"][0])
        if asked is None:
            return said(400, [{"errorCode": "MALFORMED_QUERY", "message": "unexpected token"}])
        assert bool(asked["bin"]) == (path_of(call) == _ALL_PATH)
        since = datetime.fromisoformat(asked["since"]) if asked["bin"] else None
        rows = [
            row for row in self.records[asked["object"]].values()
            if ("deleted" in row) == (since is not None)
            and (since is None or datetime.fromisoformat(row["SystemModstamp"]) >= since)
        ]  # fmt: skip
        if asked["fields"] == "count()":
            return said(200, {"totalSize": len(rows), "done": True, "records": []})
        if "Nothing" in asked["fields"]:
            return said(400, [{"errorCode": "INVALID_FIELD", "message": "No such column"}])
        found = sorted((row for row in rows if _fits(row, asked)), key=lambda row: (row["SystemModstamp"], row["Id"]))
        if asked["order"] and "desc" in asked["order"]:
            found.reverse()
        names = asked["fields"].split(", ")
        shown = [{"attributes": {}, **{name: row.get(name) for name in names}} for row in found]
        name = f"01g{len(self._parts)}-{size}"
        self._parts[name] = shown[: int(asked["limit"])] if asked["limit"] else shown
        return self._part(name, size)

    def _part(self, name: str, size: int) -> Reply:
        if self.forget_parts and name in self._parts and name.endswith("+"):
            self.forget_parts -= 1
            self._parts.clear()
        if name not in self._parts:
            return said(400, [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}])
        rows = self._parts.pop(name)
        self._parts[f"{name}+"] = rows[size:]
        more = {"nextRecordsUrl": f"{_QUERY_PATH}/{name}+"} if rows[size:] else {}
        return said(200, {"totalSize": len(rows), "done": not more, "records": rows[:size], **more})


def _fits(row: dict[str, Any], asked: re.Match[str]) -> bool:
    if not asked["at"]:
        return True
    at, stamp = datetime.fromisoformat(asked["at"]), datetime.fromisoformat(row["SystemModstamp"])
    if asked["how"] == ">=":
        return stamp >= at
    return stamp > at or (stamp == at and bool(asked["key"]) and row["Id"] > asked["key"])


@pytest.fixture
def org() -> Iterator[Org]:
    oauth.forget()
    made = Org()
    yield made
    made.close()


def setup(asked: Asked, org: Org, **more: Any) -> None:
    asked.setup("salesforce", {"base_url": org.url, "client_id": "app-1", **more}, SECRETS)


def test_contacts_come_in_parts_each_once_and_changes_follow(asked: Asked, org: Org) -> None:
    for number in range(2_500):
        org.keep(number, BEGIN + timedelta(seconds=number // 1_500))
    setup(asked, org)
    turns = [asked.pull(seconds=0).rows for _ in range(3)]
    assert turns == [1000, 1000, 500]
    assert asked.pull().done
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 2_500
    key = org.keep(3, BEGIN + timedelta(hours=1), FirstName="Bea")
    assert asked.pull().items == 1
    apply()
    person = identity.find_profile("salesforce_id", key)
    assert person == identity.find_profile("email", "p3@example.com")
    assert person is not None


def test_deleted_records_are_told_once_each(asked: Asked, org: Org) -> None:
    keys = [org.keep(number, BEGIN) for number in range(1_500)]
    org.keep(1_500, BEGIN, deleted=True)
    setup(asked, org, gone="event")
    while not asked.pull().done:
        pass
    for number in range(1_200):
        org.keep(number, clock.now(), deleted=True)
    assert asked.pull().gone == 1_200, "in two parts"
    asked.pull()
    apply()
    told = [one for one in log.stream_events() if one.name == "Row Deleted"]
    assert len(told) == 1_200
    assert identity.find_profile("salesforce_id", keys[3]) == identity.find_profile("email", "p3@example.com")


def test_a_locator_that_is_gone_is_followed_by_a_query_after_the_last_record(asked: Asked, org: Org) -> None:
    for number in range(2_500):
        org.keep(number, BEGIN)
    setup(asked, org)
    org.forget_parts = 1
    assert asked.pull().items == 2_500
    assert len({item["traits"]["email"] for item in came()}) == len(came()) == 2_500


def test_a_token_that_ended_before_its_time_is_asked_for_anew(asked: Asked, org: Org) -> None:
    org.keep(1, BEGIN)
    setup(asked, org)
    org.token = "access-2"
    assert asked.pull().items == 1


def test_the_client_credentials_of_the_app_are_enough(asked: Asked, org: Org) -> None:
    org.grant = "client_credentials"
    org.keep(1, BEGIN)
    asked.setup("salesforce", {"base_url": org.url, "client_id": "app-1"}, {"client_secret": SECRETS["client_secret"]})
    assert asked.pull().items == 1


def test_leads_are_the_contacts_that_they_became_and_opportunities_their_events(asked: Asked, org: Org) -> None:
    contact = org.keep(1, BEGIN)
    org.keep(2, BEGIN, "Lead", ConvertedContactId=contact, Company="Roofs")
    setup(asked, org, object="Lead")
    assert asked.pull().items == 1
    apply()
    assert identity.find_profile("salesforce_id", contact) == identity.find_profile("email", "p2@example.com")
    org.keep(3, BEGIN, "Opportunity", Name="Roof", Amount=12.5, IsWon=True, ContactId=contact)
    setup(asked, org, object="Opportunity")
    assert asked.pull().items == 1
    apply()
    person = identity.find_profile("salesforce_id", contact)
    assert person is not None
    told = came() or [{}]
    assert told[-1].get("event", "Opportunity Updated") == "Opportunity Updated"


def test_what_is_wrong_is_told(asked: Asked, org: Org) -> None:
    def told(secrets: dict[str, str] = SECRETS, **more: Any) -> str:
        given = {"base_url": org.url, "client_id": "app-1", **more}
        return services.test_pull(
            source_id=asked.id, kind="salesforce", settings=given, secrets=secrets, now=clock.now()
        ).message

    org.keep(1, BEGIN)
    assert "1 records" in told()
    assert "invalid_grant" in told({**SECRETS, "client_secret": "wrong"})
    assert "INVALID_FIELD" in told(properties="Email, Nothing__c")
    assert "refused" in told(base_url="http://10.0.0.1")
    with pytest.raises(InvalidSettings, match="no name of a field"):
        told(properties="Email from Contact limit 1 --")
    setup(asked, org)
    org.faults = [said(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded"}])]
    assert "used up" in asked.pull().problem
    assert asked.pull().done
