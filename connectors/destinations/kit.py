"""The kit: what a destination declares. See docs/destinations.md for how to write one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

from common.http import AddressRefused, Http, Unreachable, expect_permitted
from connectors.destinations.errors import DeliveryError, Misconfigured, Temporary

Operation = Literal["add", "update", "remove"]
FieldType = Literal["string", "text", "url", "integer", "boolean", "choice", "object"]


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of an account, or one field of an action's payload.

    `default` of an action's field is a mapping (`path("profile.traits.email")`). `secret` settings are encrypted and
    never shown again. `key` fields tell the channel who is meant; a removal carries these alone. `constant` fields are
    the same for everybody (the id of a list): plain values of the mapping, fixed once something was sent.
    """

    label: str
    type: FieldType = "string"
    required: bool = False
    default: Any = None
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    secret: bool = False
    key: bool = False
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """One configured destination as its code sees it: settings, and secrets in clear (kept out of the repr)."""

    id: int
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Payload:
    """One thing to send. `id` is the same at every try: it is the channel's idempotency key."""

    id: str
    operation: Operation
    fields: Mapping[str, Any] = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Outside:
    """What a destination may touch. `batch` names this very set of payloads, the same at every try of it."""

    http: Http
    drop_folder: Path
    now: datetime
    batch: str = ""
    run_id: int = 0
    # The sync's mapping: its constants, and for files the columns which this batch happens not to fill.
    mapping: Mapping[str, Any] = field(default_factory=dict)
    # Where sources look for files; destinations have no business there.
    watch_folder: Path = Path("/nonexistent")

    def addresses(self, host: str, port: int, *, plain: bool) -> list[str]:
        """Where a protocol other than HTTP may connect to; `plain` when nothing encrypts it. Raises DeliveryError."""
        try:
            return expect_permitted(host, port, plain=plain, allow=self.http.allow)
        except AddressRefused as error:
            raise Misconfigured(str(error), code=error.code) from error
        except Unreachable as error:
            raise Temporary(str(error), code=error.code) from error


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel has it."""

    code: str = "ok"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing was to be done, and trying again would not change that (e.g. removing somebody unknown)."""

    message: str
    code: str = "skipped"


Verdict = Delivered | Skipped | DeliveryError

# The setting that lets a vendor's calls go through a gateway; `calling.Api` reads it.
GATEWAY = Field(label="Address", type="url", default="", help="Only for a gateway of yours.")


class Action(ABC):
    """Something a destination can do with a member of a segment."""

    slug: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str] = ""
    fields: ClassVar[Mapping[str, Field]]
    batch_size: ClassVar[int] = 100
    # Calls a second for one account, used when the account does not set its own.
    calls_per_second: ClassVar[float] = 10.0
    # How people are told apart at the channel, when the one who sets a sync up does not choose: "profile" or a kind.
    identifier_kind: ClassVar[str] = "profile"
    # Whether a batch is a call for each row, or one call; the rate limit is taken for all of them.
    one_call_per_row: ClassVar[bool] = False

    @abstractmethod
    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        """Send, and give one verdict for each payload, in order.

        Must be idempotent by payload id (or by `outside.batch` for channels that take whole batches).
        A raised DeliveryError is the verdict of all; InvalidPayload raised for several is bisected to find the culprit.
        """


class ListingAction(Action):
    """An action whose channel can tell who is there: full runs then find out whom it lost."""

    @abstractmethod
    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        """Who is there now, each as `member` names them. Raises DeliveryError."""

    @abstractmethod
    def member(self, fields: Mapping[str, Any]) -> str:
        """How `read_back` names whoever has these key fields."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A kind of channel: what to ask for when an account is set up, how to test it, and what it can do."""

    slug: str
    label: str
    description: str
    settings: Mapping[str, Field]
    actions: Mapping[str, Action]
    # Cheapest real call that shows whether the account works; raises DeliveryError with what to mend.
    test: Callable[[Outside, Account], str]
    # Secrets that are made here when none is given.
    make_secrets: Callable[[], dict[str, str]] = dict
    # What is wrong with the settings beyond types, before anything is stored.
    check: Callable[[Mapping[str, Any], Mapping[str, str]], list[str]] = lambda settings, secrets: []
    # The vendor's version that this was written for, and when its pages were last compared with it (YYYY-MM).
    api_version: str = ""
    verified: str = ""


def apart(payloads: Sequence[Payload]) -> tuple[list[Payload], list[Payload]]:
    """Those who enter or change, and those who leave: most channels take them by different calls."""
    leaving = [row for row in payloads if row.operation == "remove"]
    return [row for row in payloads if row.operation != "remove"], leaving


def default_mapping(action: Action) -> dict[str, Any]:
    """The mapping that an action suggests."""
    return {name: spec.default for name, spec in action.fields.items() if spec.default is not None}


def setting_problems(specs: Mapping[str, Field], given: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """What is missing, unknown or of the wrong type, in words for the person who filled the form in."""
    found = [f"{name}: there is no such setting." for name in (*given, *secrets) if name not in specs]
    for name, spec in specs.items():
        value = secrets.get(name) if spec.secret else given.get(name, spec.default)
        if value in (None, ""):
            if spec.required:
                found.append(f"{name}: {spec.label} is required.")
        elif not _fits(spec, value):
            found.append(f"{name}: {spec.label} must be {_wanted(spec)}.")
    return found


def _fits(spec: Field, value: Any) -> bool:
    if spec.type == "choice":
        return value in {key for key, _ in spec.choices}
    if spec.type == "boolean":
        return isinstance(value, bool)
    if spec.type == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if spec.type == "object":
        return isinstance(value, Mapping)
    return isinstance(value, str)


def _wanted(spec: Field) -> str:
    if spec.type == "choice":
        return "one of " + ", ".join(key for key, _ in spec.choices)
    return {"boolean": "true or false", "integer": "a whole number", "object": "an object"}.get(spec.type, "text")
