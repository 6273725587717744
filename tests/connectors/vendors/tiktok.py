"""TikTok as its pages describe it: 200 with a code, and all rows of a call or none."""

import hashlib
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, query_of, said


class TikTok(Vendor):
    """One audience, by the hash of the address; `code` is answered instead of acting when it is set."""

    code = 0

    def handle(self, call: Call) -> Reply:
        if call.headers.get("access-token") != "tt-1":
            return said(200, {"code": 40105, "message": "Access token is incorrect"})
        if self.code:
            return said(200, {"code": self.code, "message": "no"})
        if path_of(call) == "/open_api/v1.3/advertiser/info/":
            assert query_of(call)["advertiser_ids"] == ['["99"]']
            return said(200, {"code": 0, "data": {"list": [{"name": "Shop"}]}})
        assert path_of(call) == "/open_api/v1.3/segment/mapping/"
        body = json_of(call)
        assert body["advertiser_ids"] == ["99"]
        assert body["id_schema"] == ["EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"]
        assert len(body["batch_data"]) <= 1_000
        for row in body["batch_data"]:
            assert len(row) == 3
            assert all(one == {} or (len(one["id"]) == 64 and one["audience_ids"] == ["77"]) for one in row)
            if body["action"] == "add":
                self.members[row[0]["id"]] = row
            else:
                self.members.pop(row[0]["id"], None)
        return said(200, {"code": 0, "message": "OK", "data": {}})


def fields(number: int) -> dict[str, Any]:
    return {"audience_id": "77", "email": f"Person{number}@Example.com ", "phone": "+1 (202) 555-0143"}


EXAMPLE = Example(
    destination="tiktok",
    action="audience",
    vendor=TikTok,
    settings=lambda vendor: {"advertiser_id": "99", "base_url": vendor.url},
    secrets={"token": "tt-1"},
    fields=fields,
    member=lambda number: hashlib.sha256(f"person{number}@example.com".encode()).hexdigest(),
)
