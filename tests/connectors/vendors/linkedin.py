"""LinkedIn as its pages describe it: a status for each element of a batch."""

import hashlib
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.oauth import SECRETS, TokenVendor
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, query_of, said


class LinkedIn(TokenVendor):
    """One segment, by the hash of the address; `statuses` are answered for elements, in order, instead of acting."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []

    def handle_signed(self, call: Call) -> Reply:
        assert call.headers["linkedin-version"] == "202604"
        assert call.headers["x-restli-protocol-version"] == "2.0.0"
        if path_of(call) == "/rest/dmpSegments":
            assert query_of(call)["account"] == ["urn:li:sponsoredAccount:5"]
            return said(200, {"elements": []})
        if path_of(call) != "/rest/dmpSegments/77/users":
            return said(404, {"serviceErrorCode": 100, "message": "no such segment"})
        assert call.headers["x-restli-method"] == "BATCH_CREATE"
        elements = json_of(call)["elements"]
        assert len(elements) <= 5_000
        return said(200, {"elements": [{"status": self._change(one)} for one in elements]})

    def _change(self, element: dict[str, Any]) -> int:
        status = self.statuses.pop(0) if self.statuses else 201
        email = next(one["idValue"] for one in element["userIds"] if one["idType"] == "SHA256_EMAIL")
        assert len(email) == 64
        if status != 201:
            return status
        if element["action"] == "ADD":
            self.members[email] = element
        else:
            self.members.pop(email, None)
        return status


def settings(vendor: Vendor) -> dict[str, Any]:
    return {
        "ad_account_id": "5", "client_id": "app-1", "base_url": vendor.url, "token_url": f"{vendor.url}/token",
    }  # fmt: skip


EXAMPLE = Example(
    destination="linkedin",
    action="audience",
    vendor=LinkedIn,
    settings=settings,
    secrets=SECRETS,
    fields=lambda number: {"audience_id": "77", "email": f"Person{number}@Example.com ", "company": "Shop"},
    member=lambda number: hashlib.sha256(f"person{number}@example.com".encode()).hexdigest(),
)
