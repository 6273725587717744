"""Customer.io as its pages describe it."""

import base64
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said

_KEY = "Basic " + base64.b64encode(b"site-1:key-3").decode()


class CustomerIo(Vendor):
    """People must be known before they are put into the segment. Ids that begin with `bad` are refused in a 207."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Any] = {}

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != _KEY:
            return said(401, {"meta": {"error": "Unauthorized"}})
        match path_of(call):
            case "/api/v1/accounts/region":
                return said(200, {"region": "us"})
            case "/api/v2/batch":
                return self._batch(json_of(call)["batch"])
            case "/api/v1/segments/7/add_customers":
                self.members |= {one: True for one in json_of(call)["ids"] if one in self.people}
                return Reply(200, body=b"")
            case "/api/v1/segments/7/remove_customers":
                for one in json_of(call)["ids"]:
                    self.members.pop(one, None)
                return Reply(200, body=b"")
        return said(404)

    def _batch(self, items: list[Any]) -> Reply:
        assert len(items) <= 100
        errors = []
        for index, item in enumerate(items):
            assert (item["type"], item["action"]) == ("person", "identify")
            if item["identifiers"]["id"].startswith("bad"):
                errors.append({"batch_index": index, "reason": "invalid", "field": "identifiers", "message": "no"})
            else:
                self.people[item["identifiers"]["id"]] = item["attributes"]
        return said(207, {"errors": errors}) if errors else said(200, {})


def fields(number: int) -> dict[str, Any]:
    return {"segment_id": "7", "id": f"user-{number}", "attributes": {"plan": "pro"}}


EXAMPLE = Example(
    destination="customerio",
    action="segment",
    vendor=CustomerIo,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"site_id": "site-1", "api_key": "key-3"},
    fields=fields,
    member=lambda number: f"user-{number}",
)
