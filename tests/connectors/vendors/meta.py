"""Meta as its pages describe it: it knows people by hashes alone."""

import hashlib
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said

_SCHEMA = ["EXTERN_ID", "EMAIL", "PHONE", "FN", "LN", "GEN", "CT", "ST", "ZIP", "COUNTRY", "MADID"]


class Meta(Vendor):
    """One audience, by the hash of the address. Every value but the two ids must be a hash or empty."""

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Bearer EAA1":
            return said(401, {"error": {"code": 190, "type": "OAuthException", "message": "no"}})
        if path_of(call) == "/v24.0/me":
            return said(200, {"id": "1"})
        if path_of(call) != "/v24.0/77/users":
            return said(400, {"error": {"code": 100, "message": "no such audience"}})
        payload = json_of(call)["payload"]
        assert payload["schema"] == _SCHEMA
        for row in payload["data"]:
            assert len(row) == len(_SCHEMA)
            assert all(len(value) in (0, 64) for value in row[1:-1])
            if call.method == "POST":
                self.members[row[1]] = row
            else:
                self.members.pop(row[1], None)
        return said(200, {"audience_id": "77", "num_received": len(payload["data"]), "num_invalid_entries": 0})


def fields(number: int) -> dict[str, Any]:
    return {
        "audience_id": "77", "email": f"Person{number}@Example.com ", "extern_id": str(number),
        "phone": "+1 (202) 555-0143", "first_name": "", "country": "US",
    }  # fmt: skip


EXAMPLE = Example(
    destination="meta",
    action="audience",
    vendor=Meta,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"token": "EAA1"},
    fields=fields,
    member=lambda number: hashlib.sha256(f"person{number}@example.com".encode()).hexdigest(),
)
