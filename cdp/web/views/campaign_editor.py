"""The editor of a campaign: who enters, the steps one by one, and trying it with somebody."""

from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import CampaignView, InvalidCampaign, MadeUp, NotNow, Simulation
from cdp.api.references import profile_id
from cdp.web import campaign_words as words
from cdp.web.access import action, page
from cdp.web.campaign_forms import AddStepForm, CampaignForm, TryForm, names
from cdp.web.forms import CalmForm
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.step_forms import STEP_FORMS
from cdp.web.suggestions import event_names
from cdp.web.views.campaigns import campaign_tabs, picture


@page("see", post="edit_campaigns")
def edit_campaign(request: PageRequest, campaign_id: int) -> HttpResponse:
    """The draft: its frame as a form, its steps as a list and as a picture."""
    found = selectors.campaign(campaign_id)
    if found is None:
        return not_found(request, "campaign", reverse("web:campaigns"))
    form = CampaignForm(request.POST if request.method == "POST" else None, spec=found.draft, name=found.name)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_campaign(
                found.id, spec=form.document(), name=form.cleaned_data["name"], by=actor(request), now=request.now
            )
        except (InvalidCampaign, NotNow) as wrong:
            form.add_error(None, str(wrong))
        else:
            toast(request, "Kept as a draft.")
            return go(request, reverse("web:edit_campaign", args=[found.id]))
    outline, called = selectors.outline(found.draft), names()
    titles = {step["id"]: words.title(step) for step in outline.steps}
    ways = {
        name: [(label, titles.get(target, "the end")) for label, target in some] for name, some in outline.ways.items()
    }
    steps = [
        {"step": step, "title": titles[step["id"]], "detail": words.detail(step, called),
         "icon": words.ICONS[step["kind"]], "can_rise": step["id"] in outline.can_rise,
         "ways": [(words.way(step, label, called), target) for label, target in ways[step["id"]]]}
        for step in outline.steps
    ]  # fmt: skip
    return render(
        request, "campaigns/edit.html", campaign=found, form=form, steps=steps, flow=picture(found.draft),
        events=event_names(now=request.now), add=AddStepForm(steps=outline.steps),
        tabs=campaign_tabs(found, "web:edit_campaign"), over=found.state in ("stopped", "finished"),
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("edit_campaigns", post="edit_campaigns")
def campaign_step(request: PageRequest, campaign_id: int, step_key: str) -> HttpResponse:
    """One step."""
    found = selectors.campaign(campaign_id)
    outline = selectors.outline(found.draft) if found else None
    step = next((one for one in outline.steps if one["id"] == step_key), None) if outline else None
    if found is None or outline is None or step is None:
        return not_found(request, "step", reverse("web:campaigns"))
    form = STEP_FORMS[step["kind"]](request.POST if request.method == "POST" else None, step=step, steps=outline.steps)
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_step(found.id, step_key, form.document(), by=actor(request), now=request.now)
        except (InvalidCampaign, NotNow) as wrong:
            form.add_error(None, str(wrong))
        else:
            toast(request, "Kept as a draft.")
            return go(request, reverse("web:edit_campaign", args=[found.id]))
    return render(
        request, "campaigns/step.html", campaign=found, step=step, title=words.title(step), form=form,
        events=event_names(now=request.now),
        kind=dict(words.KINDS)[step["kind"]], status=422 if form.errors else 200,
    )  # fmt: skip


@action("edit_campaigns")
def change_steps(request: PageRequest, campaign_id: int) -> HttpResponse:
    """Add, remove or move a step."""
    found = selectors.campaign(campaign_id)
    if found is None:
        return not_found(request, "campaign", reverse("web:campaigns"))
    try:
        address = _change(request, found)
    except (InvalidCampaign, NotNow) as wrong:
        toast(request, str(wrong), bad=True)
        address = reverse("web:edit_campaign", args=[found.id])
    return go(request, address)


def _change(request: PageRequest, found: CampaignView) -> str:
    by, now, step = actor(request), request.now, request.POST.get("step", "")
    here = reverse("web:edit_campaign", args=[found.id])
    match request.POST.get("do"):
        case "remove":
            services.remove_step(found.id, step, by=by, now=now)
            toast(request, "The step is gone.")
        case "rise":
            services.raise_step(found.id, step, by=by, now=now)
        case _:
            kind, after = request.POST.get("kind", ""), request.POST.get("after", "")
            made = services.insert_step(found.id, kind=kind, after=after, by=by, now=now)
            return reverse("web:campaign_step", args=[found.id, made])
    return here


@page("see", post="see")
def try_campaign(request: PageRequest, campaign_id: int) -> HttpResponse:
    """One person's path through the draft, by a clock that is turned forward. Nothing is written."""
    found = selectors.campaign(campaign_id)
    if found is None:
        return not_found(request, "campaign", reverse("web:campaigns"))
    form = TryForm(request.POST if request.method == "POST" else None)
    path = _tried(request, found, form) if request.method == "POST" and form.is_valid() else None
    steps, called = {step["id"]: step for step in selectors.outline(found.draft).steps}, names()
    rows = [
        {"title": words.title(steps[one.step]), "way": words.way(steps[one.step], one.way, called), "passed": one}
        for one in (path.passed if path else ()) if one.step in steps
    ]  # fmt: skip
    return render(
        request, "campaigns/try.html", campaign=found, form=form, path=path, rows=rows,
        tabs=campaign_tabs(found, "web:try_campaign"), status=422 if form.errors else 200,
    )  # fmt: skip


def _tried(request: PageRequest, found: CampaignView, form: CalmForm) -> Simulation | None:
    given = form.cleaned_data
    person, profile = None, None
    if given["person"]:
        profile = profile_id(given["person"])
        if profile is None:
            form.add_error("person", "Nobody has this id or identifier.")
            return None
    else:
        person = MadeUp(given["traits"], frozenset(given["members"]), given["events"])
    try:
        return services.try_campaign(
            found.id, start=request.now, person=person, profile_id=profile, events=given["events"]
        )
    except (InvalidCampaign, NotNow) as wrong:
        form.add_error(None, str(wrong))
        return None
