"""Every error of the API: RFC 9457 `application/problem+json`, each kind with a page that says cause and fix."""

import logging
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: what is said in every such answer, and on its page."""

    slug: str
    status: int
    title: str
    cause: str
    fix: str


KINDS: dict[str, Kind] = {
    kind.slug: kind
    for kind in [
        Kind(
            "unauthenticated", 401, "A valid token is needed",
            "The request has no `Authorization: Bearer …` header, or its token is unknown, expired or revoked.",
            "Make a token with `python manage.py create_api_token NAME --scopes profiles:read` and send it as "
            "`Authorization: Bearer cdp_live_…`. The text of a token is shown once, when it is made.",
        ),
        Kind(
            "missing-scope", 403, "The token lacks a scope",
            "The token is valid but was not given the scope that this operation needs; `scope` in the answer names it.",
            "Make a token with that scope. The scopes of each operation are listed in the API's documentation.",
        ),
        Kind(
            "not-found", 404, "There is no such thing here",
            "The address is not one of the API's, or nothing has that id, slug or identifier.",
            "Check the path against the documentation and the id against the list it came from. "
            "Ids of merged profiles keep answering; ids that never existed do not.",
        ),
        Kind(
            "method-not-allowed", 405, "This address does not take that method",
            "The address exists, but not for this HTTP method. `Allow` names those it takes.",
            "Use one of the methods in the `Allow` header.",
        ),
        Kind(
            "not-acceptable", 406, "Only JSON is spoken here",
            "The `Accept` header excludes `application/json`.",
            "Send `Accept: application/json`, or leave the header out.",
        ),
        Kind(
            "malformed-json", 400, "The body is not JSON",
            "The body could not be read as JSON in UTF-8, or is nested too deep.",
            "Send one JSON object. `detail` says where reading stopped.",
        ),
        Kind(
            "malformed-request", 400, "The request cannot be read",
            "The path, the query or a header holds bytes that no value of ours can have, such as a NUL character.",
            "Percent-encode values, and leave control characters out.",
        ),
        Kind(
            "payload-too-large", 413, "The body is too large",
            "The body is larger than 5 MB.",
            "Split the request. Events go in through `/v1/batch`, which takes many small requests well.",
        ),
        Kind(
            "unsupported-media-type", 415, "The body must be JSON",
            "The `Content-Type` is not `application/json`.",
            "Send `Content-Type: application/json`.",
        ),
        Kind(
            "invalid-request", 422, "Some values cannot be used",
            "The request was read, but one or more fields or parameters are missing, unknown or have a wrong value. "
            "`errors` lists each one with a JSON pointer or the parameter's name, a code and a message.",
            "Correct each entry in `errors`. Times need an offset (`2026-01-31T12:00:00Z`): "
            "a time without one is refused rather than guessed.",
        ),
        Kind(
            "invalid-rule", 422, "The rule cannot be used",
            "The segment's rule has a node that does not exist, a value of a wrong type, or is too large.",
            "`detail` names the node. See the documentation of rules for every node and its values.",
        ),
        Kind(
            "cursor-invalid", 400, "The cursor cannot be read",
            "The `cursor` was changed on its way, cut off, or made by another installation.",
            "Pass `next_cursor` back exactly as it was given, or start again without a cursor.",
        ),
        Kind(
            "cursor-mismatch", 400, "The cursor belongs to another question",
            "A cursor is bound to the address and the filters that it was made with; this request has others.",
            "Keep the filters while you page. To change them, start again without a cursor.",
        ),
        Kind(
            "cursor-expired", 410, "The changes cannot be followed from this point",
            "The cursor is ahead of the newest change: this installation was put back to an earlier state, "
            "so what you have applied is not what is stored here.",
            "Read the segment's members anew, then follow the changes from `changes_cursor` in that answer.",
        ),
        Kind(
            "precondition-required", 428, "Say which state you are changing",
            "This change needs an `If-Match` header, so that two people who edit at once do not undo each other.",
            "Read the resource, and send its `ETag` as `If-Match` with the change.",
        ),
        Kind(
            "precondition-failed", 412, "It has changed since you read it",
            "`If-Match` names a state that is no longer the present one: somebody else changed it meanwhile.",
            "Read the resource again, apply your change to what it says now, and send the new `ETag`.",
        ),
        Kind(
            "idempotency-key-reused", 422, "This key was used for another request",
            "The same `Idempotency-Key` came earlier with another method, address or body.",
            "Use a new key for each new request, and the old key only to repeat the very same one.",
        ),
        Kind(
            "idempotency-key-invalid", 400, "The Idempotency-Key cannot be used",
            "An `Idempotency-Key` has 1 to 255 printable ASCII characters.",
            "Use a UUID.",
        ),
        Kind(
            "request-in-progress", 409, "The first request with this key still runs",
            "A request with the same `Idempotency-Key` has not ended yet.",
            "Wait as long as `Retry-After` says, and send it again: you will get the first one's answer.",
        ),
        Kind(
            "conflict", 409, "The present state does not allow this",
            "What was asked contradicts what is stored: a name that is taken, a decision that was undone already, "
            "a link that the policy or a steward forbids.",
            "`detail` says what stands against it.",
        ),
        Kind(
            "too-slow", 422, "This takes too long to count",
            "The rule reads more of the log than can be counted while you wait.",
            "Narrow the rule (a shorter window, a rarer event), or create the segment and look at its size.",
        ),
        Kind(
            "rate-limited", 429, "Too many requests",
            "The token has used up its requests for the moment; `RateLimit-Policy` says how many it has.",
            "Wait as many seconds as `Retry-After` says. A client that watches `RateLimit` never gets here.",
        ),
        Kind(
            "busy", 503, "The database is not answering",
            "PostgreSQL is restarting or out of reach.",
            "Try again after `Retry-After` seconds. `/readyz` says when it is back.",
        ),
        Kind(
            "internal-error", 500, "Something broke on our side",
            "A mistake in this program, not in your request.",
            "Report it with the `instance` of the answer: the server's log has the whole story under that id.",
        ),
    ]
}  # fmt: skip


@dataclass
class Problem(Exception):
    """Raised anywhere under a view; becomes the answer."""

    slug: str
    detail: str = ""
    errors: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return KINDS[self.slug]


def invalid_parameter(name: str, message: str, code: str = "invalid") -> Problem:
    """One query parameter that cannot be used."""
    return Problem("invalid-request", message, errors=[{"parameter": name, "code": code, "message": message}])


def invalid_field(pointer: str, message: str, code: str = "invalid") -> Problem:
    """One field of the body that cannot be used."""
    return Problem("invalid-request", message, errors=[{"pointer": pointer, "code": code, "message": message}])


def answer(problem: Problem, request: Request) -> Response:
    """The answer for a problem. `type` is the address of the page that explains it."""
    kind = problem.kind
    body: dict[str, Any] = {
        "type": request.build_absolute_uri(f"/problems/{kind.slug}/"),
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail or kind.cause,
        "instance": f"urn:request:{getattr(request, 'request_id', '')}",
    }
    if problem.errors:
        body["errors"] = problem.errors
    body.update(problem.more)
    return Response(body, status=kind.status, headers=problem.headers, content_type=CONTENT_TYPE)


def flatten(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """DRF's nested error dictionary as a flat list with JSON pointers."""
    if isinstance(detail, dict):
        return [entry for key, inner in detail.items() for entry in flatten(inner, _step(pointer, key))]
    if isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        return [entry for index, inner in enumerate(detail) for entry in flatten(inner, f"{pointer}/{index}")]
    messages = detail if isinstance(detail, list) else [detail]
    return [
        {"pointer": pointer, "code": str(getattr(m, "code", "invalid") or "invalid"), "message": str(m)}
        for m in messages
    ]


def _step(pointer: str, key: object) -> str:
    if key == "non_field_errors":
        return pointer
    return pointer + "/" + str(key).replace("~", "~0").replace("/", "~1")


def from_exception(error: BaseException) -> Problem:
    """The problem that an exception means. What nobody foresaw is logged whole and answered as `internal-error`."""
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return Problem("invalid-request", "Some values cannot be used; see `errors`.", errors=flatten(error.detail))
        case exceptions.MethodNotAllowed():
            return Problem("method-not-allowed", str(error.detail))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return Problem("unauthenticated", str(error.detail), headers={"WWW-Authenticate": 'Bearer realm="api"'})
        case exceptions.PermissionDenied() | PermissionDenied():
            return Problem("missing-scope")
        case _:
            return _from_transport(error)


def _from_transport(error: BaseException) -> Problem:
    match error:
        case exceptions.NotFound() | Http404():
            return Problem("not-found")
        case exceptions.ParseError():
            return Problem("malformed-json", str(error.detail))
        case RecursionError():
            return Problem("malformed-json", "The body is nested too deep.")
        case exceptions.UnsupportedMediaType():
            return Problem("unsupported-media-type", str(error.detail))
        case exceptions.NotAcceptable():
            return Problem("not-acceptable")
        case RequestDataTooBig():
            return Problem("payload-too-large")
        case SuspiciousOperation():
            return Problem("malformed-request")
        case _:
            return _unforeseen(error)


def _unforeseen(error: BaseException) -> Problem:
    from django.db import InterfaceError, OperationalError

    if isinstance(error, OperationalError | InterfaceError):
        log.warning("the database did not answer: %s", error)
        return Problem("busy", headers={"Retry-After": "2"})
    log.error("unforeseen error in the API", exc_info=error)
    return Problem("internal-error")
