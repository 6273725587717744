"""What all pages share: the request with its person and sight, rendering, toasts, and the audit of what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render as django_render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from cdp.web.navigation import navigation
from cdp.web.sight import Sight
from common import access, audit, clock
from common.models import User


class PageRequest(HttpRequest):
    """A request of a signed-in person. Made by `cdp.web.access.page`, never by hand."""

    user: User
    htmx: HtmxDetails
    sight: Sight
    now: datetime

    @classmethod
    def of(cls, request: HttpRequest) -> PageRequest:
        """The same request, with the person's sight of personal data and one `now` for the whole answer."""
        page_request = cast(PageRequest, request)
        page_request.now = clock.now()
        page_request.sight = Sight.of(request, now=page_request.now)
        return page_request


def actor(request: HttpRequest) -> str:
    """How the person is named in the audit log and in decisions."""
    return str(cast(User, request.user).email)


def render(request: PageRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """The page, with navigation and what this person may do (`can.unmask` and so on)."""
    context["navigation"] = navigation(request)
    context["can"] = {name: access.can(request.user, name) for name in access.CAPABILITIES}
    context["sight"] = request.sight
    context["now"] = request.now
    response = django_render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    response.headers["Cache-Control"] = "no-store"
    return response


def not_found(request: PageRequest, what: str, back: str) -> HttpResponse:
    """A calm page that says what is not there, with a way back."""
    return render(request, "shell/not_found.html", status=404, what=what, back=back)


def toast(request: HttpRequest, text: str, *, undo: str = "", bad: bool = False) -> None:
    """Say what happened on the next page; `undo` is the address that takes it back."""
    messages.add_message(request, messages.ERROR if bad else messages.SUCCESS, text, extra_tags=undo)


def go(request: HttpRequest, address: str) -> HttpResponse:
    """Go to `address` after a POST, or to the local page the form names in `next`."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        address = wanted
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=200)
        response.headers["HX-Redirect"] = address
        return response
    return HttpResponseRedirect(address)


def record(request: HttpRequest, action: str, object_type: str, object_id: object, summary: str, **more: Any) -> None:
    """One entry in the audit log for what this person did on a page."""
    audit.record(
        actor=actor(request), action=action, object_type=object_type, object_id=object_id, summary=summary,
        via="ui", ip=request.META.get("REMOTE_ADDR", ""), **more,
    )  # fmt: skip
