"""Calls to a vendor's JSON API, and what their failures mean. For destinations; they make no call another way."""

import base64
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from common.http import AddressRefused, Unreachable
from connectors.destinations.errors import DeliveryError, Misconfigured, Temporary, error_for_status
from connectors.destinations.kit import Account, Outside

LONGEST_REST = timedelta(hours=6)
# Two million addresses of a list, read as text.
_MOST_READ = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `data` is its JSON (None when the body is empty, or a refusal that is not JSON), or its text."""

    status: int
    headers: Mapping[str, str]
    data: Any = field(repr=False)
    # When this was asked, for waits that are told as a date.
    at: datetime

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def at_path(self, *keys: str | int) -> Any:
        """The value at a path of the JSON; None where it ends."""
        found = self.data
        for key in keys:
            if isinstance(key, int):
                found = found[key] if isinstance(found, list) and len(found) > key else None
            else:
                found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def problem(self, vendor: str, said: object = "") -> DeliveryError:
        """What a refusal means by its status, in the vendor's words. `said` must quote no person and no secret."""
        words = f": {str(said)[:300]}" if said else "."
        return error_for_status(self.status, f"{vendor} answered {self.status}{words}", retry_after=self.wait)

    @property
    def wait(self) -> timedelta | None:
        """How long the vendor asked to wait, if it did."""
        return retry_after(self.headers, now=self.at)


def call(
    outside: Outside,
    method: str,
    url: str,
    *,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    file: bytes | None = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
    text: bool = False,
) -> Reply:
    """Make one call, with `json`, a `form` or a `file` as its content, and read its JSON, or its body as `text`.

    Raises:
        Misconfigured: the address may not be called.
        Temporary: there was no whole answer, or a success whose body is neither empty nor JSON; what the vendor did is
            not known.
    """
    content, sent = b"", {"accept": "application/json", "user-agent": "cdp/1", **(headers or {})}
    if json is not None:
        content, sent["content-type"] = orjson.dumps(json), sent.get("content-type", "application/json")
    elif file is not None:
        content = file
    elif form is not None:
        content, sent["content-type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
    address = f"{url}?{urlencode(query, doseq=True)}" if query else url
    try:
        answer = outside.http.request(
            method, address, content=content, headers=sent, seconds=seconds, max_body=_MOST_READ
        )
    except AddressRefused as error:
        raise Misconfigured(str(error), code=error.code) from error
    except Unreachable as error:
        raise Temporary(str(error), code=error.code) from error
    if len(answer.body) >= _MOST_READ:
        # Half a list would look like a list from which the other half is gone.
        raise Temporary(f"The answer is longer than {_MOST_READ // 2**20} MB.", code="too_long")
    data = answer.body.decode(errors="replace") if text else _json(answer.status, answer.body)
    return Reply(answer.status, answer.headers, data, outside.now)


@dataclass(frozen=True)
class Api:
    """A vendor's JSON API: where it is, how its calls are signed, and what its refusals mean.

    `word` is where in a refusal the vendor's own word for it stands (a code or a category, never a sentence, which may
    quote a person); `refusal` reads more from it than the status says.
    """

    vendor: str
    host: str | Callable[[Account], str]
    sign: Callable[[Outside, Account], Mapping[str, str]]
    word: tuple[str | int, ...] = ()
    refusal: Callable[[Reply, DeliveryError], DeliveryError] | None = None
    seconds: float | None = None

    def ask(
        self,
        outside: Outside,
        account: Account,
        method: str,
        where: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        text: bool = False,
        also: Collection[int] = (),
    ) -> Reply:
        """Make one call; its answer when that is a success, or has one of the statuses in `also`.

        Raises:
            DeliveryError: what the refusal means, or as `call` does.
        """
        given = str(account.settings.get("base_url") or "") or (
            self.host if isinstance(self.host, str) else self.host(account)
        )
        reply = call(
            outside, method, f"{given.rstrip('/')}{where}", json=json, form=form, query=query,
            headers={**self.sign(outside, account), **(headers or {})}, seconds=self.seconds, text=text,
        )  # fmt: skip
        if reply.ok or reply.status in also:
            return reply
        told = reply.problem(self.vendor, reply.at_path(*self.word) if self.word else "")
        raise self.refusal(reply, told) if self.refusal else told


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP Basic authentication (RFC 7617)."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """A bearer token (RFC 6750)."""
    return {"authorization": f"Bearer {token}"}


def _json(status: int, body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if 200 <= status < 300:
            # A proxy's page, or half an answer: what the vendor did is not known.
            raise Temporary("The answer was not JSON.", code="not_json") from error
        return None


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """The header as a pause: seconds or an HTTP date, bounded; None when it is absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_REST)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(aware - now, LONGEST_REST))
