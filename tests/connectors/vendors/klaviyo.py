"""Klaviyo as its pages describe it."""

import json
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, query_of, said

_LIST = "/api/lists/L1"


class Klaviyo(Vendor):
    """Profiles and one list."""

    def __init__(self) -> None:
        super().__init__()
        self.profiles: dict[str, str] = {}

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Klaviyo-API-Key pk_1":
            return said(401, {"errors": [{"code": "not_authenticated"}]})
        assert call.headers["revision"] == "2025-01-15"
        match call.method, path_of(call):
            case "GET", "/api/accounts":
                return said(200, {"data": []})
            case "POST", "/api/profile-import":
                return self._import(json_of(call)["data"]["attributes"])
            case "GET", "/api/profiles":
                wanted = query_of(call)["filter"][0].removeprefix("any(email,").removesuffix(")")
                return said(200, {"data": [self._shown(one) for one in json.loads(wanted) if one in self.profiles]})
            case method, path if path == f"{_LIST}/relationships/profiles":
                return self._relate(method, json_of(call)["data"])
            case "GET", path if path == f"{_LIST}/profiles":
                return self._page(int(query_of(call).get("page[cursor]", ["0"])[0]))
        return said(404, {"errors": [{"code": "not_found"}]})

    def _shown(self, address: str) -> dict[str, Any]:
        return {"type": "profile", "id": self.profiles[address], "attributes": {"email": address}}

    def _import(self, attributes: Any) -> Reply:
        address = attributes["email"]
        if address.endswith("@refused.example"):
            return said(400, {"errors": [{"code": "invalid", "detail": f"{address} is no address"}]})
        self.profiles.setdefault(address, f"p{len(self.profiles)}")
        return said(200, {"data": self._shown(address)})

    def _relate(self, method: str, data: list[Any]) -> Reply:
        by_id = {profile: address for address, profile in self.profiles.items()}
        for one in data:
            if method == "POST":
                self.members[by_id[one["id"]]] = True
            else:
                self.members.pop(by_id[one["id"]], None)
        return Reply(204, body=b"")

    def _page(self, start: int) -> Reply:
        """Two at a time, so that pages are followed."""
        shown = list(self.members)[start : start + 2]
        more = f"{self.url}{_LIST}/profiles?page%5Bcursor%5D={start + 2}" if len(self.members) > start + 2 else None
        return said(200, {"data": [self._shown(one) for one in shown], "links": {"next": more}})


def fields(number: int) -> dict[str, Any]:
    return {"list_id": "L1", "email": f"person{number}@example.com", "attributes": {"first_name": "Ann"}}


EXAMPLE = Example(
    destination="klaviyo",
    action="list",
    vendor=Klaviyo,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"api_key": "pk_1"},
    fields=fields,
    member=lambda number: f"person{number}@example.com",
)
