"""Settings: how the pages look to me, and for admins people with their roles and API tokens."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.forms import AppearanceForm, PersonForm, TokenForm
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.tabs import tabs
from common import access
from common.models import ApiToken, User
from common.roles import Role, Theme

_TABS = (
    ("Appearance", "web:appearance", "see"),
    ("People", "web:people", "administer"),
    ("API tokens", "web:tokens", "administer"),
)


def _context(request: PageRequest, here: str, **more: Any) -> dict[str, Any]:
    shown = [(label, reverse(name)) for label, name, needed in _TABS if access.can(request.user, needed)]
    return {"tabs": tabs(shown, reverse(here)), **more}


@page("see")
def index(request: PageRequest) -> HttpResponse:
    """Settings begin with what everybody has."""
    return go(request, reverse("web:appearance"))


@page("see", post="see")
def appearance(request: PageRequest) -> HttpResponse:
    """Theme, time zone, name and keyboard of the signed-in person."""
    user = request.user
    if request.method == "POST" and request.POST.get("theme") in Theme.values and "time_zone" not in request.POST:
        User.objects.filter(pk=user.pk).update(theme=request.POST["theme"])
        return go(request, reverse("web:appearance"))
    first = {
        "name": user.name, "theme": user.theme, "time_zone": user.time_zone,
        "shortcuts": not request.session.get("shortcuts_off", False),
    }  # fmt: skip
    form = AppearanceForm(request.POST if request.method == "POST" else None, initial=first)
    if request.method == "POST" and form.is_valid():
        kept = form.cleaned_data
        User.objects.filter(pk=user.pk).update(name=kept["name"], theme=kept["theme"], time_zone=kept["time_zone"])
        request.session["shortcuts_off"] = not kept["shortcuts"]
        toast(request, "Your settings are kept.")
        return go(request, reverse("web:appearance"))
    return render(
        request, "settings/appearance.html", status=422 if form.is_bound else 200,
        **_context(request, "web:appearance", form=form),
    )  # fmt: skip


@page("administer", post="administer")
def people(request: PageRequest) -> HttpResponse:
    """Everybody who may sign in, and a form for one more."""
    form = PersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        kept = form.cleaned_data
        made = User.objects.create_user(kept["email"], kept["password"], role=kept["role"], name=kept["name"])
        record(
            request, "person.create", "user", made.pk, f"Added {made.email} as {made.role}",
            after={"email": made.email, "role": made.role},
        )  # fmt: skip
        toast(request, f"{made.email} can sign in now.")
        return go(request, reverse("web:people"))
    everybody = User.objects.order_by("email")
    return render(
        request, "settings/people.html", status=422 if form.is_bound else 200,
        **_context(request, "web:people", form=form, people=everybody, roles=Role.choices),
    )  # fmt: skip


@action("administer")
def change_person(request: PageRequest, person_id: int) -> HttpResponse:
    """Another role, or no access any more. Nobody can lock out the last admin, or themselves."""
    person = User.objects.filter(pk=person_id).first()
    if person is None:
        return not_found(request, "person", reverse("web:people"))
    role = request.POST.get("role", person.role)
    active = request.POST.get("active", "1" if person.is_active else "0") == "1"
    if role not in Role.values:
        role = person.role
    if person.pk == request.user.pk:
        toast(request, "Ask another admin to change your own access.", bad=True)
        return go(request, reverse("web:people"))
    before = {"role": person.role, "active": person.is_active}
    User.objects.filter(pk=person.pk).update(role=role, is_active=active)
    after = {"role": role, "active": active}
    record(
        request, "person.change", "user", person.pk, f"Changed the access of {person.email}", before=before, after=after
    )
    toast(request, f"{person.email}: {Role(role).label}{'' if active else ', may not sign in'}.")
    return go(request, reverse("web:people"))


@page("administer", post="administer")
def tokens(request: PageRequest) -> HttpResponse:
    """API tokens. The text of a new one is shown on this answer and never again."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    text = ""
    if request.method == "POST" and form.is_valid():
        kept = form.cleaned_data
        text, token = access.create_token(name=kept["name"], scopes=kept["scopes"], by=actor(request))
        record(
            request,
            "token.create",
            "token",
            token.pk,
            f"Made the API token {token.name}",
            after={"scopes": token.scopes},
        )
        form = TokenForm()
    found = ApiToken.objects.order_by("revoked_at", "-created_at")[:200]
    return render(
        request, "settings/tokens.html", status=422 if form.is_bound else 200,
        **_context(request, "web:tokens", form=form, tokens=found, made=text),
    )  # fmt: skip


@action("administer")
def revoke_token(request: PageRequest, token_id: int) -> HttpResponse:
    """Stop a token at once. Not undoable, so the form asks for its name."""
    token = ApiToken.objects.filter(pk=token_id).first()
    if token is None:
        return not_found(request, "token", reverse("web:tokens"))
    if request.POST.get("typed", "").strip() != token.name:
        toast(request, "The name does not fit; the token still works.", bad=True)
        return go(request, reverse("web:tokens"))
    access.revoke_token(token_id=token.pk, now=request.now)
    record(request, "token.revoke", "token", token.pk, f"Revoked the API token {token.name}")
    toast(request, f"{token.name} no longer works.")
    return go(request, reverse("web:tokens"))
