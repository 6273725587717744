"""What went over the wire, for a person who tests a sync: each call with its answer, secrets masked."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from common.http import AllowList, Answer, Http, HttpProblem

HIDDEN = "•••"
_MOST_SHOWN = 4_000
_HEADERS = re.compile(r"auth|token|secret|cookie|signature|(?<!idempotency-)key", re.IGNORECASE)
_FIELDS = frozenset(
    {
        "accesstoken", "refreshtoken", "idtoken", "clientsecret", "clientassertion", "appsecret", "appsecretproof",
        "apikey", "password", "secret", "authorization", "xamzsignature", "xamzsecuritytoken",
    }
)  # fmt: skip
# As an echo of our own header may hold it, encoded.
_CREDENTIALS = re.compile(r"\b(Basic|Bearer) [\w.~+/=-]{8,}")
_SQUASH = re.compile(r"[^a-z]+")
# A shorter one would blacken letters everywhere; those are hidden by the name of their field or header alone.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer as text; `status` is None when there was none, and `problem` says why."""

    method: str
    url: str = field(repr=False)
    request_headers: Mapping[str, str] = field(repr=False)
    request_body: str = field(repr=False)
    status: int | None
    response_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    response_body: str = field(default="", repr=False)
    problem: str = ""


class RecordingHttp(Http):
    """A guarded client that remembers its calls. The secrets are masked before anything is kept."""

    def __init__(self, *, allow: AllowList, secrets: Iterable[str]) -> None:
        super().__init__(allow=allow)
        self._secrets = tuple(sorted({one for one in secrets if len(one) >= _SHORTEST}, key=len, reverse=True))
        self.exchanges: list[Exchange] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        max_body: int | None = None,
    ) -> Answer:
        """As the client does it; see `Http.request`."""
        asked: dict[str, Any] = {
            "method": method,
            "url": self._address(url),
            "request_headers": self._headers(headers or {}),
            "request_body": self._body(content),
        }
        try:
            answer = super().request(
                method, url, content=content, headers=headers, seconds=seconds, max_body=max_body
            )  # fmt: skip
        except HttpProblem as problem:
            self.exchanges.append(Exchange(**asked, status=None, problem=self._text(str(problem))))
            raise
        self.exchanges.append(
            Exchange(
                **asked, status=answer.status, response_headers=self._headers(answer.headers),
                response_body=self._body(answer.body),
            )
        )  # fmt: skip
        return answer

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        query = self._form(parts.query) if parts.query else ""
        return self._text(urlunsplit(parts._replace(query=query)))

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: HIDDEN if _HEADERS.search(name) else self._text(value) for name, value in headers.items()}

    def _body(self, content: bytes) -> str:
        text = content.decode(errors="replace")
        try:
            shown = json.dumps(self._tree(json.loads(text)), ensure_ascii=False)
        except ValueError:
            shown = self._form(text) if _is_form(text) else text
        whole = self._text(shown)
        return whole if len(whole) <= _MOST_SHOWN else f"{whole[:_MOST_SHOWN]}…"

    def _form(self, text: str) -> str:
        pairs = [(k, HIDDEN if _is_secret(k) else v) for k, v in parse_qsl(text, keep_blank_values=True)]
        return urlencode(pairs).replace(quote(HIDDEN), HIDDEN)

    def _tree(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: HIDDEN if _is_secret(key) else self._tree(inner) for key, inner in value.items()}
        return [self._tree(inner) for inner in value] if isinstance(value, list) else value

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            for form in (secret, quote(secret, safe=""), json.dumps(secret, ensure_ascii=False)[1:-1]):
                text = text.replace(form, HIDDEN)
        return _CREDENTIALS.sub(rf"\1 {HIDDEN}", text)


def _is_secret(name: str) -> bool:
    return _SQUASH.sub("", name.lower()) in _FIELDS


def _is_form(text: str) -> bool:
    return bool(re.fullmatch(r"[\w.%+~*\[\]-]+=[^\s]*", text))
