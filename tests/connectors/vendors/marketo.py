"""Marketo as its pages describe it: leads with numbers, 200 with `success`, a status and reasons for each record."""

from typing import Any
from urllib.parse import parse_qs

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.oauth import SECRETS, TokenVendor
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, query_of, said

_LIST = "/rest/v1/lists/77/leads.json"


class Marketo(TokenVendor):
    """Leads by address and one list; `code` is answered instead of acting when it is set."""

    token_path = "/identity/oauth/token"  # noqa: S105 - a path
    grant = "client_credentials"

    def __init__(self) -> None:
        super().__init__()
        self.leads: dict[str, int] = {}
        self.code = ""

    def handle_signed(self, call: Call) -> Reply:
        if self.code:
            return said(200, {"success": False, "errors": [{"code": self.code, "message": "no"}]})
        where = (call.method, path_of(call))
        if where == ("GET", "/rest/v1/lists.json"):
            return self._done([{"id": 77, "name": "list"}])
        if where == ("POST", "/rest/v1/leads.json"):
            return self._leads(call)
        if where[1] != _LIST:
            return said(200, {"success": False, "errors": [{"code": "1013", "message": "List not found"}]})
        return self._read(call) if call.method == "GET" else self._list(call)

    def _leads(self, call: Call) -> Reply:
        if call.headers["content-type"] == "application/x-www-form-urlencoded":
            form = parse_qs(call.body.decode())
            assert form["_method"] == ["GET"]
            wanted = form["filterValues"][0].split(",")
            assert len(wanted) <= 300
            return self._done([{"id": self.leads[one], "email": one} for one in wanted if one in self.leads])
        body = json_of(call)
        assert (body["action"], body["lookupField"]) == ("createOrUpdate", "email")
        assert len(body["input"]) <= 300
        return self._done([self._keep(one["email"]) for one in body["input"]])

    def _keep(self, email: str) -> dict[str, Any]:
        if "bad" in email:
            return {"status": "skipped", "reasons": [{"code": "1003", "message": f"{email} is not valid"}]}
        status = "updated" if email in self.leads else "created"
        return {"id": self.leads.setdefault(email, 500 + len(self.leads)), "status": status}

    def _list(self, call: Call) -> Reply:
        emails = {number: email for email, number in self.leads.items()}
        done = []
        for number in map(int, query_of(call)["id"]):
            if call.method == "POST":
                status = "memberof" if emails[number] in self.members else "added"
                self.members[emails[number]] = number
            else:
                status = "removed" if self.members.pop(emails[number], None) else "notmemberof"
            done.append({"id": number, "status": status})
        return self._done(done)

    def _read(self, call: Call) -> Reply:
        """Two a page."""
        start = int(query_of(call).get("nextPageToken", ["0"])[0])
        rows = [{"id": number, "email": email} for email, number in self.members.items()]
        more = {"nextPageToken": str(start + 2)} if len(rows) > start + 2 else {}
        return said(200, {"success": True, "result": rows[start : start + 2], **more})

    @staticmethod
    def _done(result: list[dict[str, Any]]) -> Reply:
        return said(200, {"success": True, "requestId": "1#2", "result": result})


def settings(vendor: Vendor) -> dict[str, Any]:
    return {
        "munchkin_id": "123-ABC-456", "client_id": "app-1", "base_url": vendor.url,
        "token_url": f"{vendor.url}/identity/oauth/token",
    }  # fmt: skip


EXAMPLE = Example(
    destination="marketo",
    action="list",
    vendor=Marketo,
    settings=settings,
    secrets={"client_secret": SECRETS["client_secret"]},
    fields=lambda number: {"list_id": "77", "email": f"Person{number}@example.com", "data": {"firstName": "Ana"}},
    member=lambda number: f"person{number}@example.com",
)
