"""Vendors on the loopback: each subclass behaves as the vendor's pages say, and remembers who is on its lists."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from common.http import AllowList, Http
from connectors.destinations.kit import Account, Action, Destination, Operation, Outside, Payload, Verdict
from connectors.destinations.registry import DESTINATIONS
from tests.connectors.receiver import Call, Receiver, Reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# A fault that lets the vendor do its work and then loses the answer.
LOST = Reply(cut=True)


class Vendor(ABC):
    """Answers by `handle`; `faults` come first, one a call: LOST acts and loses the answer, others do not act."""

    def __init__(self) -> None:
        self.members: dict[str, Any] = {}
        self.faults: list[Reply] = []
        self._one_at_a_time = threading.Lock()
        self._receiver = Receiver(self._script)

    @abstractmethod
    def handle(self, call: Call) -> Reply:
        """Act and answer as the vendor would."""

    def spares(self, call: Call) -> bool:
        """Whether faults pass this call by, such as one for an access token."""
        return False

    def _script(self, call: Call, before: int) -> Reply:
        with self._one_at_a_time:
            fault = self.faults.pop(0) if self.faults and not self.spares(call) else None
            if fault is not None and fault is not LOST:
                return fault
            reply = self.handle(call)
            return LOST if fault is LOST else reply

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._receiver.port}"

    @property
    def calls(self) -> list[Call]:
        return self._receiver.calls

    def close(self) -> None:
        self._receiver.close()


def said(status: int, data: Any = None, **headers: str) -> Reply:
    """A JSON answer."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Reply(status, {"content-type": "application/json", **named}, orjson.dumps(data) if data is not None else b"")


def path_of(call: Call) -> str:
    return urlsplit(call.path).path


def query_of(call: Call) -> dict[str, list[str]]:
    return parse_qs(urlsplit(call.path).query)


def json_of(call: Call) -> Any:
    return orjson.loads(call.body) if call.body else None


@dataclass(frozen=True)
class Example:
    """A kind of destination, with a vendor that behaves and people to send.

    `fields(n)` are the rendered fields of the n-th person (keys and constants among them); `member(n)` is the key under
    which `vendor.members` holds them.
    """

    destination: str
    action: str
    vendor: Callable[[], Vendor]
    settings: Callable[[Vendor], Mapping[str, Any]]
    secrets: Mapping[str, str]
    fields: Callable[[int], dict[str, Any]]
    member: Callable[[int], str]
    # Some vendors answer a removal of somebody unknown with an error that is none.
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def kind(self) -> Destination:
        return DESTINATIONS[self.destination]

    @property
    def does(self) -> Action:
        return self.kind.actions[self.action]

    def account(self, vendor: Vendor) -> Account:
        return Account(id=1, settings=self.settings(vendor), secrets=self.secrets)

    def payload(self, number: int, operation: Operation = "add", **more: Any) -> Payload:
        """The same person gives the same id for the same operation. A removal has the key fields alone."""
        fields = {**self.fields(number), **more}
        if operation == "remove":
            fields = {name: value for name, value in fields.items() if self.does.fields[name].key}
        return Payload(id=f"msg_{operation}_{number}", operation=operation, fields=fields, at=NOW)

    def perform(self, vendor: Vendor, payloads: Sequence[Payload]) -> list[Verdict]:
        """One call of the action as the engine makes it."""
        with reaching(mapping=self.fields(0)) as outside:
            return self.does.perform_batch(outside, self.account(vendor), payloads)


@contextmanager
def reaching(
    *, mapping: Mapping[str, Any] | None = None, seconds: float = 2.0, folder: Path | None = None
) -> Iterator[Outside]:
    """What the engine hands to a destination, with the loopback permitted."""
    with Http(allow=AllowList.of(["127.0.0.1"]), seconds=seconds) as http:
        yield Outside(
            http=http, drop_folder=folder or Path("/nonexistent"), now=NOW, batch="b1", run_id=1, mapping=mapping or {}
        )
