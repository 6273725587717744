"""Who may open which page: one decorator, used by every view."""

import zoneinfo
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.utils import timezone

from cdp.web.pages import PageRequest, render
from common import access
from common.roles import CAPABILITIES

P = ParamSpec("P")
View = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def page(capability: str, *, post: str | None = None, methods: tuple[str, ...] = ("GET",)) -> Callable[[View[P]], Any]:
    """Open a view to people with `capability`; its POST may ask for a stronger one (`post`).

    Visitors go to the sign-in page, people without the capability see why they may not (403), other methods get 405.
    The rule stays readable on the view (`view.capability`, `view.post_capability`): a test walks all routes with it.
    """
    for name in (capability, post or capability):
        if name not in CAPABILITIES:
            raise ValueError(f"unknown capability {name!r}")
    allowed = methods if post is None else tuple(dict.fromkeys((*methods, "POST")))

    def decorate(view: View[P]) -> Any:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            page_request = PageRequest.of(request)
            needed = (post or capability) if request.method == "POST" else capability
            if not access.can(request.user, needed):
                return render(page_request, "shell/forbidden.html", status=403, needed=needed)
            if request.method not in {*allowed, *({"HEAD"} if "GET" in allowed else ())}:
                return HttpResponseNotAllowed(allowed)
            with timezone.override(_zone(request)):
                return view(page_request, *args, **kwargs)

        guarded.capability = capability  # type: ignore[attr-defined]
        guarded.post_capability = post or capability  # type: ignore[attr-defined]
        guarded.methods = allowed  # type: ignore[attr-defined]
        return guarded

    return decorate


def action(capability: str) -> Callable[[View[P]], Any]:
    """A view that only answers POST."""
    return page(capability, methods=("POST",))


def _zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(getattr(request.user, "time_zone", "UTC") or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page, coming back here afterwards. A fragment request moves the whole page instead of itself."""
    target = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    response = redirect_to_login(target)
    if request.headers.get("HX-Request"):
        moved = HttpResponse(status=200)
        moved.headers["HX-Redirect"] = response.url
        return moved
    return response
