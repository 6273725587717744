"""What every address of the API has in common."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ListSerializer, Serializer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from cdp.api import cursors, etags, filters, parsing
from cdp.api.auth import BearerAuthentication, HasScope, sees_personal_data
from cdp.api.filters import Criteria, Filters
from cdp.api.openapi import ApiSchema
from cdp.api.parsing import StrictJSONParser
from cdp.api.problems import Problem, answer, from_exception
from cdp.api.ratelimit import TokenBucketThrottle

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_ENVELOPE = ("limit", "cursor")
_MAX_SMALL_ID = 2**31 - 1  # of the tables whose ids are integers; no other has come so far


class ApiView(APIView):
    """Token, scope, rate limit, request id, entity tags and problems: the same at every address."""

    scopes: ClassVar[Mapping[str, str]] = {}
    filterset_class: ClassVar[type[Filters] | None] = None
    parameters: ClassVar[Sequence[str]] = ()
    paged: ClassVar[bool] = False
    may_conflict: ClassVar[bool] = False  # a GET that can be too early, as of a file that is not made yet

    authentication_classes: Sequence[type[BaseAuthentication]] = (BearerAuthentication,)
    permission_classes: Sequence[Any] = (HasScope,)
    throttle_classes: Sequence[type[BaseThrottle]] = (TokenBucketThrottle,)
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    schema = ApiSchema()
    http_method_names = ("get", "post", "patch", "delete", "head")

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.request_id = request_id_of(request.headers)
        response: Any = super().dispatch(request, *args, **kwargs)
        response.headers["X-Request-Id"] = request.request_id
        response.headers.setdefault("Cache-Control", "private, no-cache")
        verdict = getattr(request, "rate_limit", None)
        for name, value in verdict.headers().items() if verdict else ():
            response.headers[name] = value
        # A file that is streamed has no tag: it is never the same request twice.
        if request.method in {"GET", "HEAD"} and response.status_code == 200 and not response.streaming:
            response.add_post_render_callback(_conditional(request))
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if _too_long(request.META.get("CONTENT_LENGTH")):
            raise Problem("payload-too-large")
        if any("\x00" in text for text in _texts(request)):
            raise Problem("malformed-request")
        self._refuse_unknown_parameters(request)

    def handle_exception(self, exc: Exception) -> Response:
        response = answer(from_exception(exc), self.request)
        response.exception = True
        return response

    def criteria(self, request: Request) -> Criteria:
        """What the filters ask, or a 422."""
        return self.filterset_class.read(request.query_params) if self.filterset_class else Criteria()

    def _refuse_unknown_parameters(self, request: Request) -> None:
        # A misspelt filter that is ignored gives a wrong answer that looks right.
        known = {*self.parameters, *(_ENVELOPE if self.paged else ())}
        if self.filterset_class is not None:
            known |= set(self.filterset_class.base_filters)
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            message = f"Known parameters: {', '.join(sorted(known)) or '(none)'}."
            errors = [{"parameter": name[:100], "code": "unknown", "message": message} for name in unknown]
            raise Problem("invalid-request", "There are parameters that this address does not know.", errors=errors)


class Page:
    """Cursor paging of one request: reads `limit` and `cursor`, and writes `next_cursor`."""

    def __init__(self, request: Request) -> None:
        asked = {name: value for name, value in request.query_params.items() if name not in _ENVELOPE}
        self.limit = filters.limit(request.query_params)
        self._asked = cursors.question(request.path, asked | {"seen": sees_personal_data(request)})
        cursor = request.query_params.get("cursor", "")
        self.position = cursors.decode(cursor, asked=self._asked, key=settings.SECRET_KEY) if cursor else None

    def start(self, index: int = 0, default: Any = None) -> Any:
        """One part of the position that the cursor names, or the default on the first page."""
        return default if self.position is None else self.position[index]

    def cursor(self, position: list[Any]) -> str:
        return cursors.encode(asked=self._asked, position=position, key=settings.SECRET_KEY)

    def answer(
        self, rows: Sequence[Any], shape: Callable[[Any], Any], position: Callable[[Any], list[Any]]
    ) -> Response:
        """A page from up to `limit + 1` rows: the one too many only says that there is more."""
        shown = rows[: self.limit]
        more = self.cursor(position(shown[-1])) if len(rows) > self.limit and shown else None
        return Response({"data": [shape(row) for row in shown], "next_cursor": more})


def body(request: Request, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
    """The validated body, or a 422 that points at each wrong field. Unknown fields are refused too."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    errors = [
        {"pointer": pointer, "code": "unknown", "message": f"Known fields: {', '.join(known)}."}
        for pointer, known in _unknown(request.data, serializer)
    ]
    if errors:
        raise Problem("invalid-request", "There are fields that this address does not know.", errors=errors)
    return dict(serializer.validated_data)


def _unknown(data: Any, field: Any, at: str = "") -> Iterator[tuple[str, Sequence[str]]]:
    """Pointers of the fields of a body that its shape, or a shape within it, does not have; with those it has."""
    if isinstance(field, ListSerializer):
        for place, one in enumerate(data or ()):
            yield from _unknown(one, field.child, f"{at}/{place}")
    elif isinstance(field, Serializer) and isinstance(data, Mapping):
        for name in sorted(data):
            if name in field.fields:
                yield from _unknown(data[name], field.fields[name], f"{at}/{name}")
            else:
                yield f"{at}/{name[:100].replace('~', '~0').replace('/', '~1')}", list(field.fields)


def shaped(serializer_class: type[BaseSerializer[Any]], request: Request) -> Callable[[Any], Any]:
    """A function that turns a view of a door into what goes out, with personal data masked unless the token sees it."""
    context = {"pii": sees_personal_data(request)}
    return lambda row: serializer_class(row, context=context).data


def accepted(answer: Any, location: str) -> Response:
    """202: a worker does it; the address tells how far it is."""
    return Response(answer, status=202, headers={"Location": location})


def expect_id(text: str) -> int:
    """An id of the address, or a 404."""
    number = parsing.row_id(text)
    if number is None or number > _MAX_SMALL_ID:
        raise Problem("not-found")
    return number


def request_id_of(headers: Mapping[str, str]) -> str:
    """What the asker calls the request, as far as that is usable, or a new name."""
    given = headers.get("X-Request-Id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return trace.group(1) if trace else uuid.uuid4().hex


def _too_long(content_length: str | None) -> bool:
    return bool(content_length and content_length.isdigit() and int(content_length) > parsing.MAX_BODY_BYTES)


def _texts(request: Request) -> list[str]:
    parameters = request.query_params
    return [request.path, *parameters, *(text for name in parameters for text in parameters.getlist(name))]


def _conditional(request: Any) -> Callable[[HttpResponse], HttpResponse | None]:
    """Gives a 200 its ETag once its bytes are known, and answers 304 when the asker has them already."""

    def tag(response: HttpResponse) -> HttpResponse | None:
        found = response.headers.get("ETag")
        if found is None:
            weak = "W/" if b'"next_cursor"' in response.content[-4096:] else ""
            found = f'{weak}"{etags.content_tag(response.content)}"'
            response.headers["ETag"] = found
        asked = request.headers.get("If-None-Match", "")
        if not asked or etags.none_match(asked, found):
            return None
        unchanged = HttpResponse(status=304)
        unchanged.headers = response.headers
        for name in ("Content-Type", "Content-Length"):
            if name in unchanged.headers:
                del unchanged.headers[name]
        return unchanged

    return tag
