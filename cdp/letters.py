"""Addresses that people reach by the links in their messages, without a log-in. What they may do is said by the token.

No address here tells whether a person exists: a link that is not ours, and one of somebody who was erased, look alike.
"""

import json
import re

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import selectors, services
from campaigns.contracts import SendingNotPossible
from cdp.nudge import APPLY_INBOX, wake
from cdp.pipeline.follow import follow_moves
from common import clock
from connectors import selectors as connectors

# A transparent GIF of one pixel.
_PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)  # fmt: skip
_MOST = 16_384
_WEB = re.compile(r"https?://")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """One click (RFC 8058): a POST from a mail program, or from the button of the page. A GET changes nothing, as
    scanners follow links."""
    found = services.preferences(token, "leave")
    if found is None:
        return _page(request, "letters/unknown.html", status=404)
    if request.method != "POST":
        return _page(request, "letters/leave.html", found=found)
    done = services.leave(token, now=clock.now(), after=follow_moves)
    wake(APPLY_INBOX)
    return _page(request, "letters/left.html", found=found, done=done, choose=services.choose_address(found.send_id))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, token: str) -> HttpResponse:
    """The preference centre. The token is the proof: there is no session that a forged form could misuse."""
    saved = False
    if request.method == "POST":
        saved = services.choose(
            token, chosen=request.POST.getlist("group"), everything_off="nothing" in request.POST, now=clock.now(),
            after=follow_moves,
        )  # fmt: skip
        wake(APPLY_INBOX)
    found = services.preferences(token, "choose")
    if found is None:
        return _page(request, "letters/unknown.html", status=404)
    return _page(request, "letters/choose.html", found=found, saved=saved)


@require_http_methods(["GET", "HEAD"])
def click(request: HttpRequest, token: str) -> HttpResponse:
    """To where the message said, and nowhere else: the address is inside the signature."""
    found = services.read_click(token)
    if found is None or not _WEB.match(found[1]):
        return _page(request, "letters/unknown.html", status=404)
    if request.method == "GET" and services.note_clicked(*found, now=clock.now()):
        wake(APPLY_INBOX)
    answer = HttpResponseRedirect(found[1])
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@require_http_methods(["GET", "HEAD"])
def opened(request: HttpRequest, token: str) -> HttpResponse:
    """A pixel. It answers whatever the token is."""
    if request.method == "GET" and services.note_opened(token, now=clock.now()):
        wake(APPLY_INBOX)
    answer = HttpResponse(_PIXEL, content_type="image/gif")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@csrf_exempt
@require_http_methods(["POST"])
def status(request: HttpRequest, token: str) -> HttpResponse:
    """A provider tells what became of a message. A 204 means that it is durable."""
    # The body before the form: once Django has read the form, the body is gone.
    body = request.body
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        told = services.take_status(
            token, services.StatusCall(body, request.POST.dict(), headers), now=clock.now()
        )  # fmt: skip
    except services.UnsignedStatus as problem:
        return JsonResponse({"message": str(problem)}, status=403)
    if told:
        wake(APPLY_INBOX)
    return HttpResponse(status=404 if told is None else 204)


@csrf_exempt
@require_http_methods(["GET", "POST", "OPTIONS"])
def browsers(request: HttpRequest, write_key: str) -> HttpResponse:
    """Web push: the key with which a browser subscribes, and what it subscribed to. Called by pages of other hosts."""
    source = connectors.source_by_key(write_key)
    if source is None or not source.enabled:
        return _open(JsonResponse({"message": "There is no such write key, or its source is kept out."}, status=404))
    if request.method != "POST":
        return _open(JsonResponse({"publicKey": selectors.vapid_public()}))
    try:
        told = json.loads(request.body) if len(request.body) <= _MOST else None
        kind = "user_id" if isinstance(told, dict) and told.get("userId") else "anonymous_id"
        given = told if isinstance(told, dict) else {}
        value = given.get("userId") or given.get("anonymousId")
        services.subscribe_browser(kind, str(value or ""), given.get("subscription"), now=clock.now())
    except SendingNotPossible as problem:
        return _open(JsonResponse({"message": str(problem)}, status=422))
    except (ValueError, RecursionError):
        return _open(JsonResponse({"message": "This is no JSON."}, status=400))
    return _open(JsonResponse({"success": True}))


def _open(answer: HttpResponse) -> HttpResponse:
    """Any page may call: the write key is public, as in every script of analytics."""
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Access-Control-Allow-Headers"] = "content-type"
    answer.headers["Access-Control-Allow-Methods"] = "GET, POST"
    return answer


def _page(request: HttpRequest, template: str, *, status: int = 200, **context: object) -> HttpResponse:
    answer = render(request, template, context, status=status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
