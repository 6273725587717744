"""Braze as its pages describe it."""

from typing import Any

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said


class Braze(Vendor):
    """Keeps who has the attribute. Ids that begin with `bad` are refused, each by its index."""

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Bearer key-2":
            return said(401, {"message": "Invalid API key"})
        assert path_of(call) == "/users/track"
        rows = json_of(call)["attributes"]
        if not rows:
            return said(400, {"message": "Nothing to do"})
        assert len(rows) <= 75
        errors = []
        for index, row in enumerate(rows):
            if row["external_id"].startswith("bad"):
                errors.append({"index": index, "type": "'external_id' is not allowed", "input_array": "attributes"})
            elif row["in_vips"]:
                self.members[row["external_id"]] = row
            else:
                self.members.pop(row["external_id"], None)
        return said(201, {"attributes_processed": len(rows) - len(errors), "message": "success", "errors": errors})


def fields(number: int) -> dict[str, Any]:
    return {"attribute": "in_vips", "external_id": f"user-{number}", "attributes": {"plan": "pro"}}


EXAMPLE = Example(
    destination="braze",
    action="attribute",
    vendor=Braze,
    settings=lambda vendor: {"base_url": vendor.url},
    secrets={"api_key": "key-2"},
    fields=fields,
    member=lambda number: f"user-{number}",
)
