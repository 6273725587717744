"""Requests of people about their own data, and the suppression list."""

import json
import tempfile

from django.http import FileResponse, HttpResponse
from django.urls import reverse

from cdp.api.references import kind_and_value, profile_id
from cdp.nudge import RUN_ERASURES, wake
from cdp.web import people
from cdp.web.access import action, page
from cdp.web.forms import EraseForm, FindForm, SuppressForm
from cdp.web.navigation import privacy_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.paging import Page, after_id, page_of
from common import pg
from common.models import Job
from connectors import services as connectors
from events import selectors as log
from identity import selectors as identity
from identity import services as identity_services
from identity.contracts import IdentifierKey
from privacy import selectors, services
from privacy.contracts import NotPossible
from segments import selectors as segments


@page("see", post="erase")
def requests_page(request: PageRequest) -> HttpResponse:
    """Erasures, and a form that finds the person of the next one."""
    form = FindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        found = profile_id(form.cleaned_data["person"])
        if found is not None:
            return go(request, reverse("web:erase_person", args=[found]))
        form.add_error("person", "Nobody has this id or identifier.")
    start = after_id(request)
    rows = selectors.erasures(before=start or None, limit=Page.SIZE + 1)
    return render(
        request, "privacy/requests.html", page=page_of(rows, key=lambda row: row.id, started=bool(start)), form=form,
        tabs=privacy_tabs("web:privacy"), status=422 if form.errors else 200,
    )  # fmt: skip


@page("erase", post="erase")
def erase_person(request: PageRequest, profile_id: int) -> HttpResponse:
    """What would go of a person; it goes when one of the identifiers is typed."""
    profile = identity.profile_view(profile_id)
    if profile is None:
        return not_found(request, "person", reverse("web:privacy"))
    values = {one.value.lower() for one in profile.identifiers} | {str(profile.id)}
    form = EraseForm(request.POST or None, values=values)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.request_erasure(
                profile_id=profile.id, suppress=form.cleaned_data["suppress"], by=actor(request), now=request.now
            )
        except NotPossible as why:
            form.add_error(None, str(why))
        else:
            wake(RUN_ERASURES)
            return go(request, reverse("web:erasure", args=[made.id]))
    ids = [one.id for one in profile.identifiers]
    return render(
        request, "privacy/erase.html", profile=profile, person=people.by_ids([profile.id])[profile.id], form=form,
        events=log.count_of(ids), memberships=segments.memberships(profile.id),
        channels=connectors.channel_standings(pg.raw(), profile_ids=[profile.id]),
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see")
def erasure(request: PageRequest, erasure_id: int) -> HttpResponse:
    """How far it is; the page looks again while it is not done."""
    found = selectors.erasure(erasure_id)
    if found is None:
        return not_found(request, "request", reverse("web:privacy"))
    template = "privacy/erasure_state.html" if request.htmx else "privacy/erasure.html"
    return render(request, template, found=found, job=Job.objects.filter(pk=found.job_id).first())


@action("erase")
def close_erasure(request: PageRequest, erasure_id: int) -> HttpResponse:
    """Done, though a channel has not confirmed."""
    try:
        services.close_erasure(request_id=erasure_id, by=actor(request), now=request.now)
    except NotPossible as why:
        toast(request, str(why), bad=True)
    return go(request, reverse("web:erasure", args=[erasure_id]))


@page("erase")
def receipt(request: PageRequest, erasure_id: int) -> HttpResponse:
    """The signed receipt as a file."""
    found = selectors.erasure(erasure_id)
    if found is None or found.receipt is None:
        return not_found(request, "receipt", reverse("web:privacy"))
    name = f'attachment; filename="erasure-{found.id}.json"'
    return HttpResponse(
        json.dumps(found.receipt, indent=2), content_type="application/json", headers={"Content-Disposition": name}
    )


@page("erase")
def everything(request: PageRequest, profile_id: int) -> HttpResponse | FileResponse:
    """All that is kept about a person, for the person; only while personal data is shown."""
    if not request.sight.is_open:
        back = reverse("web:profile", args=[profile_id])
        toast(request, "The file holds personal data. Show personal data first, then take it.", bad=True)
        return go(request, f"{reverse('web:unmask')}?next={back}")
    file = tempfile.TemporaryFile(prefix="cdp-archive-")  # noqa: SIM115 - the answer closes it
    try:
        services.write_everything(profile_id, file, by=actor(request), now=request.now)
    except NotPossible:
        file.close()
        return not_found(request, "person", reverse("web:privacy"))
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"person-{profile_id}.zip")


@page("see", post="erase")
def suppression(request: PageRequest) -> HttpResponse:
    """The list, and a form that puts an identifier on it, takes it off, or asks for it."""
    form = SuppressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        kind, value = kind_and_value(form.cleaned_data["identifier"])
        canonical = identity_services.standardise(kind, value) if kind else None
        if canonical is None:
            form.add_error("identifier", "Give it as kind:value, such as email:ana@example.org.")
        else:
            _change(request, IdentifierKey(kind, canonical), form)
            return go(request, reverse("web:suppression"))
    start = after_id(request)
    rows = selectors.suppressions(before=start or None, limit=Page.SIZE + 1)
    return render(
        request, "privacy/suppression.html", page=page_of(rows, key=lambda row: row.id, started=bool(start)),
        form=form, tabs=privacy_tabs("web:suppression"), status=422 if form.errors else 200,
    )  # fmt: skip


def _change(request: PageRequest, key: IdentifierKey, form: SuppressForm) -> None:
    wanted, by, now = form.cleaned_data["do"], actor(request), request.now
    if wanted == "add":
        new = services.suppress(key, reason=form.cleaned_data["reason"], by=by, now=now)
        toast(request, "Nothing of it is stored from now on." if new else "It is on the list already.")
    elif wanted == "remove":
        gone = services.allow_again(key, by=by, now=now)
        toast(request, "It may be stored again." if gone else "It is not on the list.", bad=not gone)
    else:
        found = selectors.suppression_of(key)
        toast(
            request, f"It is on the list since {found.at:%d %b %Y} ({found.reason})." if found else "It is not on it."
        )
