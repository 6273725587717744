"""Mailchimp as its pages describe it."""

import base64
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said

_KEY = "Basic " + base64.b64encode(b"any:key-us21").decode()
_SEGMENT = "/3.0/lists/aud/segments/12"


class Mailchimp(Vendor):
    """An audience and one tag of it. Addresses of `refused.example` are refused as compliance would."""

    def __init__(self) -> None:
        super().__init__()
        self.audience: dict[str, Any] = {}

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != _KEY:
            return said(401, {"title": "API Key Invalid", "detail": "no"})
        match call.method, path_of(call):
            case "GET", "/3.0/ping":
                return said(200, {"health_status": "Everything's Chimpy!"})
            case "POST", "/3.0/lists/aud":
                return self._upsert(json_of(call))
            case "POST", path if path == _SEGMENT:
                return self._tag(json_of(call))
            case "GET", path if path == f"{_SEGMENT}/members":
                return said(200, {"members": [{"email_address": one} for one in self.members]})
        return said(404, {"title": "Resource Not Found"})

    def _upsert(self, body: Any) -> Reply:
        assert body["update_existing"] is True
        assert len(body["members"]) <= 500
        errors = []
        for one in body["members"]:
            address = one["email_address"]
            assert "status" not in one, "nobody is subscribed again"
            if address.endswith("@refused.example"):
                errors.append({"email_address": address, "error": "compliance", "error_code": "ERROR_CONTACT_EXISTS"})
            else:
                known = self.audience.setdefault(address, {"status": one["status_if_new"]})
                known["merge_fields"] = one["merge_fields"]
        return said(200, {"errors": errors, "error_count": len(errors)})

    def _tag(self, body: Any) -> Reply:
        strangers = [one for one in body["members_to_add"] if one not in self.audience]
        self.members |= {one: True for one in body["members_to_add"] if one in self.audience}
        for one in body["members_to_remove"]:
            self.members.pop(one, None)
        errors = [{"email_addresses": strangers, "error": "not subscribed"}] if strangers else []
        return said(200, {"errors": errors})


def fields(number: int) -> dict[str, Any]:
    return {
        "list_id": "aud", "segment_id": "12", "email": f"person{number}@example.com", "merge_fields": {"FNAME": "Ann"},
    }  # fmt: skip


EXAMPLE = Example(
    destination="mailchimp",
    action="segment",
    vendor=Mailchimp,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"api_key": "key-us21"},
    fields=fields,
    member=lambda number: f"person{number}@example.com",
)
