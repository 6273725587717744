"""Signing in and out, and opening one's eyes to personal data."""

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render as django_render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from cdp.web import throttle
from cdp.web.access import action, page
from cdp.web.pages import PageRequest, go, record, render, toast
from cdp.web.sight import OPEN_FOR, SESSION_KEY
from common import audit

REFUSED = (
    "The e-mail address and password do not fit together, or there were too many tries. Wait a while and try again."
)
MIN_REASON = 5


@sensitive_post_parameters("password")
@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for e-mail and password. One message for every failure, so that nobody learns which addresses exist."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    target = wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else reverse("web:home")
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    context = {"next": wanted, "email": request.POST.get("email", "")[:254]}
    if request.method != "POST":
        return django_render(request, "auth/sign_in.html", context)
    email, address = context["email"].strip().lower(), request.META.get("REMOTE_ADDR", "")
    person = None
    if throttle.may_try(email, address):
        person = authenticate(request, username=email, password=request.POST.get("password", ""))
    if person is None:
        throttle.note_failure(email, address)
        return django_render(request, "auth/sign_in.html", {**context, "error": REFUSED}, status=422)
    throttle.forget(email)
    login(request, person)
    audit.record(
        actor=email,
        action="sign_in",
        object_type="user",
        object_id=person.pk,
        summary="Signed in",
        via="ui",
        ip=address,
    )
    return HttpResponseRedirect(target)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect_to_login("/")


@page("unmask", post="unmask")
def unmask(request: PageRequest) -> HttpResponse:
    """Show personal data for a quarter of an hour, after a reason that goes to the audit log."""
    target = request.POST.get("next") or request.GET.get("next") or reverse("web:home")
    if request.method != "POST":
        return render(request, "shell/unmask.html", next=target)
    reason = request.POST.get("reason", "").strip()[:300]
    if len(reason) < MIN_REASON:
        return render(
            request, "shell/unmask.html", status=422, next=target, error="Say in a few words why you need to see it."
        )
    until = request.now + OPEN_FOR
    record(
        request, "unmask", "session", request.user.pk, "Opened personal data for 15 minutes",
        reason=reason, after={"until": until.isoformat(), "page": target[:200]},
    )  # fmt: skip
    request.session[SESSION_KEY] = until.isoformat()
    return go(request, reverse("web:home"))


@action("see")
def mask(request: PageRequest) -> HttpResponse:
    """Mask personal data again before the time is over."""
    request.session.pop(SESSION_KEY, None)
    toast(request, "Personal data is masked again.")
    return go(request, reverse("web:home"))
