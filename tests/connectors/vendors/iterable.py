"""Iterable as its pages describe it."""

from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said


class Iterable(Vendor):
    """One list, by address. Refuses addresses of `refused.example`, as it would a malformed one."""

    def handle(self, call: Call) -> Reply:
        if call.headers.get("api-key") != "key-1":
            return said(401, {"code": "BadApiKey", "msg": "Invalid API key"})
        match path_of(call):
            case "/api/lists":
                return said(200, {"lists": [{"id": 12, "name": "VIPs"}]})
            case "/api/lists/getUsers":
                return Reply(200, {"content-type": "text/plain"}, "\n".join(self.members).encode())
            case "/api/lists/subscribe":
                return self._change(call, leaving=False)
            case "/api/lists/unsubscribe":
                return self._change(call, leaving=True)
        return said(404)

    def _change(self, call: Call, *, leaving: bool) -> Reply:
        body = json_of(call)
        assert body["listId"] == 12
        addresses = [one["email"] for one in body["subscribers"]]
        invalid = [one for one in addresses if one.endswith("@refused.example")]
        unknown = [one for one in addresses if leaving and one not in self.members]
        for one in body["subscribers"]:
            if leaving:
                self.members.pop(one["email"], None)
            elif one["email"] not in invalid:
                self.members[one["email"]] = one.get("dataFields", {})
        failed = len(invalid) + len(unknown)
        return said(
            200,
            {
                "successCount": len(addresses) - failed, "failCount": failed, "invalidEmails": invalid,
                "invalidUserIds": [], "failedUpdates": {"invalidEmails": invalid, "notFoundEmails": unknown},
            },
        )  # fmt: skip


def fields(number: int) -> dict[str, Any]:
    return {"list_id": "12", "email": f"person{number}@example.com", "data": {"plan": "pro"}}


EXAMPLE = Example(
    destination="iterable",
    action="list",
    vendor=Iterable,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"api_key": "key-1"},
    fields=fields,
    member=lambda number: f"person{number}@example.com",
)
