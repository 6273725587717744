"""HubSpot as its pages describe it."""

from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said


class HubSpot(Vendor):
    """Contacts and one list. One address that is none refuses the whole batch."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, str] = {}

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Bearer pat-1":
            return said(401, {"category": "INVALID_AUTHENTICATION", "message": "no"})
        match call.method, path_of(call):
            case "GET", "/crm/v3/objects/contacts":
                return said(200, {"results": []})
            case "POST", "/crm/v3/objects/contacts/batch/upsert":
                return self._upsert(json_of(call)["inputs"])
            case "POST", "/crm/v3/objects/contacts/batch/read":
                asked = [one["id"] for one in json_of(call)["inputs"]]
                known = [one for one in asked if one in self.contacts]
                return said(
                    200 if len(known) == len(asked) else 207, {"results": [self._contact(one) for one in known]}
                )
            case "PUT", "/crm/v3/lists/5/memberships/add-and-remove":
                return self._move(json_of(call))
        return said(404, {"category": "OBJECT_NOT_FOUND"})

    def _contact(self, address: str) -> dict[str, Any]:
        return {"id": self.contacts[address], "properties": {"email": address}}

    def _upsert(self, inputs: list[Any]) -> Reply:
        assert len(inputs) <= 100
        if any("@" not in one["id"] for one in inputs):
            return said(400, {"category": "VALIDATION_ERROR", "message": "invalid email"})
        for one in inputs:
            assert one["idProperty"] == "email"
            self.contacts.setdefault(one["id"], str(1000 + len(self.contacts)))
        return said(200, {"status": "COMPLETE", "results": [self._contact(one["id"]) for one in inputs]})

    def _move(self, body: Any) -> Reply:
        by_id = {record: address for address, record in self.contacts.items()}
        missing = [one for one in (*body["recordIdsToAdd"], *body["recordIdsToRemove"]) if one not in by_id]
        for one in body["recordIdsToAdd"]:
            self.members[by_id[one]] = True
        for one in body["recordIdsToRemove"]:
            self.members.pop(by_id[one], None)
        return said(200, {"recordIdsAdded": body["recordIdsToAdd"], "recordIdsMissing": missing})


def fields(number: int) -> dict[str, Any]:
    return {"list_id": "5", "email": f"person{number}@example.com", "properties": {"firstname": "Ann"}}


EXAMPLE = Example(
    destination="hubspot",
    action="list",
    vendor=HubSpot,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"token": "pat-1"},
    fields=fields,
    member=lambda number: f"person{number}@example.com",
)
