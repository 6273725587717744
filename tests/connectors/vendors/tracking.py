"""The tracking API as Segment and RudderStack describe it: messages by their ids, the write key as Basic user."""

from typing import Any

from connectors.destinations.calling import basic
from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Example, Vendor, json_of, path_of, said


class Tracking(Vendor):
    """Who has the trait, or whose last event was an entrance; messages seen before are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def handle(self, call: Call) -> Reply:
        if call.headers.get("authorization") != basic("wk-1", "")["authorization"]:
            return said(401, {"success": False})
        assert path_of(call) == "/v1/batch"
        assert len(call.body) < 500_000
        for message in json_of(call)["batch"]:
            assert message["timestamp"]
            if message["messageId"] not in self._seen:
                self._seen.add(message["messageId"])
                self._act(message)
        return said(200, {"success": True})

    def _act(self, message: dict[str, Any]) -> None:
        if message["type"] == "identify":
            inside = message["traits"]["in_vips"]
        else:
            inside = message["event"] == "Came" if message["event"] in ("Came", "Went") else None
        if inside is True:
            self.members[message["userId"]] = message
        elif inside is False:
            self.members.pop(message["userId"], None)


def example(action: str, constants: dict[str, str]) -> Example:
    return Example(
        destination="tracking",
        action=action,
        vendor=Tracking,
        settings=lambda vendor: {"url": vendor.url},
        secrets={"write_key": "wk-1"},
        fields=lambda number: {**constants, "user_id": f"u-{number}"},
        member=lambda number: f"u-{number}",
    )


EXAMPLES = [
    example("identify", {"trait": "in_vips"}),
    example("track", {"entered": "Came", "exited": "Went", "segment": "vips"}),
]
