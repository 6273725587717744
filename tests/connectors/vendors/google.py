"""Google as its pages describe it: it takes requests, gives an id, and knows people by hashes alone."""

import hashlib
from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.oauth import SECRETS, TokenVendor
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said

_DESTINATION = {
    "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
    "productDestinationId": "77",
}


class Google(TokenVendor):
    """One customer list, by the hash of the address."""

    def handle_signed(self, call: Call) -> Reply:
        where = path_of(call)
        if where == "/v1/requestStatus:retrieve":
            return said(404, {"error": {"code": 404, "status": "NOT_FOUND"}})
        method = where.removeprefix("/v1/audienceMembers:")
        body = json_of(call)
        if body["destinations"] != [_DESTINATION]:
            violations = [{"field": "destinations[0].product_destination_id", "description": "no such list"}]
            return said(400, {"error": {"status": "INVALID_ARGUMENT", "details": [{"fieldViolations": violations}]}})
        assert body["encoding"] == "HEX"
        assert len(body["audienceMembers"]) <= 10_000
        assert ("termsOfService" in body) is (method == "ingest")
        for member in body["audienceMembers"]:
            self._change(member, method)
        return said(200, {"requestId": "req-1"})

    def _change(self, member: dict[str, Any], method: str) -> None:
        identifiers = member["userData"]["userIdentifiers"]
        hashed = [value for one in identifiers for value in one.values() if isinstance(value, str)]
        assert all(len(one) == 1 for one in identifiers)
        assert all(len(value) == 64 for value in hashed)
        email = next(one["emailAddress"] for one in identifiers if "emailAddress" in one)
        if method == "remove":
            self.members.pop(email, None)
        else:
            assert set(member["consent"].values()) <= {"CONSENT_GRANTED", "CONSENT_DENIED"}
            self.members[email] = member


def settings(vendor: Vendor) -> dict[str, Any]:
    return {
        "customer_id": "123-456-7890", "terms_accepted": True, "client_id": "app-1", "base_url": vendor.url,
        "token_url": f"{vendor.url}/token",
    }  # fmt: skip


def fields(number: int) -> dict[str, Any]:
    return {
        "audience_id": "77", "email": f" Per.son.{number}@Gmail.com", "phone": "+1 (202) 555-0143",
        "ad_user_data": "granted", "ad_personalization": "DENIED",
    }  # fmt: skip


EXAMPLE = Example(
    destination="google",
    action="customer_list",
    vendor=Google,
    settings=settings,
    secrets=SECRETS,
    fields=fields,
    member=lambda number: hashlib.sha256(f"person{number}@gmail.com".encode()).hexdigest(),
)
