"""Addresses that other companies' servers call. What they may do is said by the write key in the address."""

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import services as campaigns
from cdp.nudge import APPLY_INBOX, wake
from common import clock
from connectors import services
from connectors.contracts import UnreadableCall, UnsignedCall

log = logging.getLogger(__name__)

_MOST = 8 * 1024 * 1024


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def email(request: HttpRequest, write_key: str) -> HttpResponse:
    """Calls of an e-mail provider. A 200 means that the events are durable; providers try others again."""
    if request.method != "POST":
        # Providers look whether the address is there when it is entered.
        return HttpResponse(status=200)
    if int(request.META.get("CONTENT_LENGTH") or 0) > _MOST:
        return _problem(413, "The call is larger than 8 MB.")
    try:
        taken = services.take_email_call(write_key=write_key, request=request, now=clock.now())
    except services.Unsigned as problem:
        return _problem(403, str(problem))
    except services.Unreadable as problem:
        return _problem(400, str(problem))
    if taken is None:
        return _problem(404, "There is no such address, or its source is kept out.")
    campaigns.take_mails(taken.messages, now=clock.now())
    if taken.items:
        wake(APPLY_INBOX)
    return JsonResponse({"success": True, "items": taken.items})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def incoming(request: HttpRequest, write_key: str) -> HttpResponse:
    """Calls of any sender. A 200 means that what could be mapped is durable, and the rest is in the quarantine."""
    if request.method != "POST":
        return HttpResponse(status=200)
    if int(request.META.get("CONTENT_LENGTH") or 0) > _MOST:
        return _problem(413, "The call is larger than 8 MB.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        taken = services.take_webhook_call(
            write_key=write_key, headers=headers, body=request.body, now=clock.now()
        )  # fmt: skip
    except UnsignedCall as problem:
        return _problem(403, str(problem))
    except UnreadableCall as problem:
        return _problem(400, str(problem))
    if taken is None:
        return _problem(404, "There is no such address, or its source is kept out.")
    if taken:
        wake(APPLY_INBOX)
    return JsonResponse({"success": True, "items": taken})


def _problem(status: int, message: str) -> HttpResponse:
    return JsonResponse({"success": False, "message": message}, status=status)
