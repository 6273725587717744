"""Purposes, what a person consented to, and what sources store."""

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from cdp.web.access import page
from cdp.web.navigation import privacy_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.paging import Page, after_id, page_of
from cdp.web.privacy_forms import ConsentForm, PurposeForm, SourcePrivacyForm
from cdp.web.views.profiles import open_profile
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import InvalidHandling, SourceView
from identity import selectors as identity
from identity.contracts import ConsentMeans, ProfileView, strongest
from privacy import selectors, services
from privacy.contracts import LEGAL_BASES, Choice, InvalidPurpose, NotPossible

MEANS = {
    "stamp": "on an event", "event": "by an event of its own", "trait": "as a trait", "form": "recorded here",
    "api": "by the API",
}  # fmt: skip


@page("see")
def purpose_list(request: PageRequest) -> HttpResponse:
    """Every purpose, also those that people chose about and nobody described."""
    told = dict(identity.purposes_told())
    described = selectors.purposes()
    keys = {one.key for one in described}
    asking: dict[str, list[Any]] = {}
    for sync in connectors.syncs():
        for purpose in filter(None, sync.consent.split(",")):
            asking.setdefault(purpose, []).append(sync)
    gated: dict[str, int] = {}
    for purpose in selectors.gates().values():
        gated[purpose] = gated.get(purpose, 0) + 1
    return render(
        request, "privacy/purposes.html", tabs=privacy_tabs("web:purposes"), told=told, bases=LEGAL_BASES,
        purposes=described, unknown=[key for key in told if key not in keys], asking=asking, gated=gated,
    )  # fmt: skip


@page("see", post="record_consent")
def purpose(request: PageRequest, key: str = "") -> HttpResponse:
    """One purpose: described for the first time or anew, with every wording."""
    found = selectors.purpose(key) if key else None
    if key and found is None and key not in dict(identity.purposes_told()):
        return not_found(request, "purpose", reverse("web:purposes"))
    initial = {
        "key": key, "name": found.name, "description": found.description, "legal_basis": found.legal_basis,
        "text": found.text, "keep_ip": found.keep_ip,
    } if found else {"key": key, "name": key.replace("_", " ").capitalize()}  # fmt: skip
    form = PurposeForm(request.POST or None, initial=initial, known=bool(key))
    if request.method == "POST" and form.is_valid():
        try:
            kept = services.describe_purpose(by=actor(request), now=request.now, **form.cleaned_data)
        except InvalidPurpose as wrong:
            form.add_error(wrong.field, str(wrong))
        else:
            toast(request, f"{kept.name} is kept.")
            return go(request, reverse("web:purpose", args=[kept.key]))
    return render(
        request, "privacy/purpose.html", found=found, key=key, form=form, texts=selectors.purpose_texts(key),
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see", post="record_consent")
def profile_consent(request: PageRequest, profile_id: int) -> HttpResponse:
    """What a person consented to, the records that it follows from, and a form for what they say now."""
    context = open_profile(request, profile_id, "web:profile_consent")
    if isinstance(context, HttpResponse):
        return context
    profile: ProfileView = context["profile"]
    purposes = selectors.purposes()
    form = ConsentForm(
        request.POST or None, purposes=purposes, identifiers=_choices(request, profile),
        initial={"identifier": _strongest(profile), "granted": "yes"},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid() and _record(request, form):
        toast(request, "It is recorded. Segments and channels follow.")
        return go(request, reverse("web:profile_consent", args=[profile.id]))
    start = after_id(request)
    rows = identity.consent_history(profile.id, before=start or None, limit=Page.SIZE + 1)
    return render(
        request, "profiles/consent.html", **context, form=form, purposes={one.key: one for one in purposes},
        answers=identity.consent_answers(profile.id), means=MEANS,
        page=page_of(rows, key=lambda row: row.id, started=bool(start)), status=422 if form.errors else 200,
    )  # fmt: skip


def _choices(request: PageRequest, profile: ProfileView) -> list[tuple[str, str]]:
    return [
        (str(one.id), f"{one.kind.replace('_', ' ')} {request.sight.text(one.kind, one.value)}")
        for one in profile.identifiers
    ]


def _strongest(profile: ProfileView) -> str:
    kind = strongest(one.kind for one in profile.identifiers)
    return next((str(one.id) for one in profile.identifiers if one.kind == kind), "")


def _record(request: PageRequest, form: ConsentForm) -> bool:
    """Whether it could be recorded; the form says why not."""
    given = form.cleaned_data
    choice = Choice(
        given["purpose"], given["granted"] == "yes", given["channel"].strip().lower(), given["said_at"],
        given["text_version"], given["evidence"].strip(),
    )  # fmt: skip
    try:
        services.record_choices(
            identifier_id=int(given["identifier"]), choices=[choice], means=ConsentMeans.FORM, by=actor(request),
            now=request.now, after=follow_moves,
        )  # fmt: skip
    except InvalidPurpose as wrong:
        form.add_error(wrong.field, str(wrong))
    except NotPossible as why:
        form.add_error(None, str(why))
    return not form.errors


@page("see", post="edit_connections")
def source_privacy(request: PageRequest, source_id: int) -> HttpResponse:
    """What a source stores: the consent it asks for, addresses, what is filled in, robots, and who sets its cookie."""
    context = open_source(request, source_id, "web:source_privacy")
    if isinstance(context, HttpResponse):
        return context
    source: SourceView = context["source"]
    form = SourcePrivacyForm(
        request.POST or None, purposes=selectors.purposes(),
        initial={
            "purpose": selectors.gate_of(source_id), "ip_kept": source.ip_kept, "fill_in": source.fill_in,
            "robots": source.robots, "origins": "\n".join(source.origins),
        },
    )  # fmt: skip
    if request.method == "POST" and form.is_valid() and _keep(request, source_id, form):
        toast(request, "Kept. It holds within seconds.")
        return go(request, reverse("web:source_privacy", args=[source_id]))
    return render(request, "sources/privacy.html", **context, form=form, status=422 if form.errors else 200)


@transaction.atomic
def _keep(request: PageRequest, source_id: int, form: SourcePrivacyForm) -> bool:
    """Whether it could be kept; the form says why not."""
    given, by = form.cleaned_data, actor(request)
    try:
        connector_services.keep_handling(
            source_id=source_id, ip_kept=given["ip_kept"], fill_in=given["fill_in"], robots=given["robots"],
            origins=form.origins_given(), by=by,
        )  # fmt: skip
    except InvalidHandling as wrong:
        form.add_error(wrong.field, str(wrong))
        return False
    services.keep_gate(source_id=source_id, purpose_key=given["purpose"], by=by, now=request.now)
    return True
