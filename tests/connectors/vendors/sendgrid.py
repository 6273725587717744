"""SendGrid as its pages describe it; its jobs are done at once."""

from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, query_of, said


class SendGrid(Vendor):
    """One list, with contacts by id."""

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Bearer SG.key":
            return said(401, {"errors": [{"message": "authorization required"}]})
        match call.method, path_of(call):
            case "GET", "/v3/marketing/lists":
                return said(200, {"result": [], "_metadata": {"count": 1}})
            case "PUT", "/v3/marketing/contacts":
                body = json_of(call)
                assert body["list_ids"] == ["list-1"]
                self.members |= {one["email"]: one for one in body["contacts"]}
                return said(202, {"job_id": "job-1"})
            case "POST", "/v3/marketing/contacts/search/emails":
                return self._search(json_of(call)["emails"])
            case "DELETE", "/v3/marketing/lists/list-1/contacts":
                for one in query_of(call)["contact_ids"][0].split(","):
                    self.members.pop(one.removeprefix("id-"), None)
                return said(202, {"job_id": "job-2"})
        return said(404)

    def _search(self, addresses: list[str]) -> Reply:
        found: dict[str, Any] = {
            one: {"contact": {"id": f"id-{one}", "email": one}} if one in self.members else {"error": "not found"}
            for one in addresses
        }
        known = any("contact" in one for one in found.values())
        return said(200 if known else 404, {"result": found} if known else {"errors": [{"message": "not found"}]})


def fields(number: int) -> dict[str, Any]:
    return {"list_id": "list-1", "email": f"person{number}@example.com", "data": {"first_name": "Ann"}}


EXAMPLE = Example(
    destination="sendgrid",
    action="list",
    vendor=SendGrid,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"api_key": "SG.key"},
    fields=fields,
    member=lambda number: f"person{number}@example.com",
)
